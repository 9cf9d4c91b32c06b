#include "lib/mailauth/body_hashes.h"

#include <algorithm>
#include <utility>

namespace relevo::mailauth {

std::size_t BodyHashes::want(Canonicalisation form, std::uint64_t limit_octets) {
    const auto found = std::ranges::find_if(
        bodies_, [&](const Body& body) { return body.form == form && body.limit_octets == limit_octets; });
    if (found != bodies_.end()) return static_cast<std::size_t>(found - bodies_.begin());
    bodies_.push_back({form, limit_octets, BodyHasher(form, limit_octets, bare_line_ends_), {}});
    return bodies_.size() - 1;
}

void BodyHashes::update(std::string_view body) {
    for (Body& each : bodies_) each.hasher.update(body);
}

void BodyHashes::finish() {
    if (std::exchange(is_finished_, true)) return;
    for (Body& body : bodies_) body.hash = body.hasher.finish();
}

}  // namespace relevo::mailauth
