#include "core/ports/http.h"

#include "lib/base/text.h"

namespace relevo {

std::string_view HttpRequest::field(std::string_view name) const {
    for (const auto& [field_name, value] : fields)
        if (equals_ignoring_case(field_name, name)) return value;
    return {};
}

}  // namespace relevo
