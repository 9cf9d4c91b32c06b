#include "core/ports/stream.h"

#include <fmt/format.h>

namespace relevo {

std::string Endpoint::text() const {
    return address.is_v4() ? fmt::format("{}:{}", address.text(), port) : fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace relevo
