// Drives a DataDecoder over a whole wire in pieces, for tests and fuzz targets.
#pragma once

#include "lib/smtp/data_decoder.h"

#include <ostream>
#include <string>
#include <string_view>

namespace relevo::smtp {

struct Decoded {
    std::string content;
    std::size_t consumed = 0;
    bool finished = false;
    ContentFault fault = ContentFault::none;
    friend bool operator==(const Decoded&, const Decoded&) = default;
    friend void PrintTo(const Decoded& decoded, std::ostream* out) {
        *out << '"' << decoded.content << "\" consumed " << decoded.consumed << " finished " << decoded.finished
             << " fault " << static_cast<int>(decoded.fault);
    }
};

// `chunk` octets at a time; stops at the end of the content.
inline Decoded decode(DataDecoder decoder, std::string_view wire, std::size_t chunk) {
    Decoded decoded;
    for (std::size_t begin = 0; begin < wire.size() && !decoded.finished; begin += chunk) {
        for (std::string_view part = wire.substr(begin, chunk); !part.empty() && !decoded.finished;) {
            const DataDecoder::Piece piece = decoder.decode(part);
            decoded.content += piece.content;
            decoded.consumed += piece.consumed;
            decoded.finished = piece.finished;
            part.remove_prefix(piece.consumed);
        }
    }
    if (!decoded.finished) decoded.content += decoder.finish();
    decoded.fault = decoder.fault();
    return decoded;
}

}  // namespace relevo::smtp
