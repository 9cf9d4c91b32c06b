#include "core/ports/stream.h"

#include <fmt/format.h>

namespace relevo {

std::string Endpoint::text() const {
    return address.is_v4() ? fmt::format("{}:{}", address.text(), port) : fmt::format("[{}]:{}", address.text(), port);
}

Task<Result<void>> Stream::write_parts(Parts parts, Deadline deadline) {
    for (const std::string_view part : parts) RELEVO_CO_CHECK(co_await write(part, deadline));
    co_return Result<void>();
}

}  // namespace relevo
