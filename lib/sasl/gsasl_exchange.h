// One exchange of libgsasl, owned. Included by the sources of this module alone.
#pragma once

#include "lib/base/result.h"

#include <gsasl.h>

#include <memory>
#include <string>
#include <string_view>

namespace relevo::sasl {

enum class Side : std::uint8_t { client, server };

class GsaslExchange {
 public:
    // Errors: unsupported – libgsasl has no such mechanism, or cannot start it.
    [[nodiscard]] static Result<GsaslExchange> start(Side side, const std::string& mechanism);

    // Errors: invalid – a NUL in the value: libgsasl would see only what stands before it.
    [[nodiscard]] Result<> set(Gsasl_property property, std::string_view value);
    [[nodiscard]] std::string get(Gsasl_property property) const;

    struct Step {
        std::string output;
        bool finished = false;
    };
    // Errors: refused – wrong secret or channel binding; invalid – malformed; internal.
    [[nodiscard]] Result<Step> step(std::string_view input);

 private:
    struct Finish {
        void operator()(Gsasl_session* session) const;
    };
    struct Done {
        void operator()(Gsasl* library) const { gsasl_done(library); }
    };
    GsaslExchange() = default;
    std::unique_ptr<Gsasl, Done> library_;  // costs a microsecond to make, so each exchange has its own
    std::unique_ptr<Gsasl_session, Finish> session_;
};

}  // namespace relevo::sasl
