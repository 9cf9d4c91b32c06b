#include "lib/base/result.h"

namespace relevo {

std::string_view name_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::invalid: return "invalid";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::limit: return "limit";
        case ErrorKind::full: return "full";
        case ErrorKind::io: return "io";
        case ErrorKind::damaged: return "damaged";
        case ErrorKind::timeout: return "timeout";
        case ErrorKind::closed: return "closed";
        case ErrorKind::cancelled: return "cancelled";
        case ErrorKind::refused: return "refused";
        case ErrorKind::unsupported: return "unsupported";
        case ErrorKind::temporary: return "temporary";
        case ErrorKind::internal: return "internal";
    }
    return "unknown";
}

}  // namespace relevo
