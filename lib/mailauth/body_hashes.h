// The hashes that the signatures of one message want of its body, each made once.
#pragma once

#include "lib/mailauth/dkim_canonical.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

// DKIM and ARC signatures of a message mostly agree on canonicalisation and length: what they share is hashed once.
// The verifiers of one message may share the object. Threads: none.
class BodyHashes {
 public:
    explicit BodyHashes(BareLineEnds bare_line_ends = BareLineEnds::converted) : bare_line_ends_(bare_line_ends) {}

    // Before the first update(). The place of this hash, for of(); the same for the same arguments.
    [[nodiscard]] std::size_t want(Canonicalisation form, std::uint64_t limit_octets);
    [[nodiscard]] bool is_empty() const { return bodies_.empty(); }
    void update(std::string_view body);
    // After the last update(); further calls change nothing.
    void finish();
    // After finish().
    [[nodiscard]] const BodyHash& of(std::size_t place) const { return bodies_[place].hash; }

 private:
    struct Body {
        Canonicalisation form;
        std::uint64_t limit_octets;
        BodyHasher hasher;
        BodyHash hash;
    };
    std::vector<Body> bodies_;
    BareLineEnds bare_line_ends_;
    bool is_finished_ = false;
};

}  // namespace relevo::mailauth
