// How content arrives: dot-stuffed in DATA (RFC 5321 §4.5.2) or counted in BDAT (RFC 3030 §2). It decides where a
// message ends, so it is strict: only CRLF "." CRLF ends DATA (security row A1).
#pragma once

#include "lib/smtp/server_session.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace relevo::smtp {

enum class ContentFraming : std::uint8_t {
    dot_stuffed,  // DATA: ends itself
    counted,      // BDAT: the session counts; lines still end with CRLF
    binary        // BDAT after BODY=BINARYMIME: any octets
};

enum class ContentFault : std::uint8_t {
    none,
    bare_newline,  // CR without LF, or LF without CR
    nul,           // cuts the message in half for whoever reads it as a C string
    long_line      // over the limit that the constructor got
};

// Decodes one content, given in pieces of any size; the pieces do not change the result. After the first fault nothing
// more is handed out, but the end of DATA is still looked for, so that content is never read as commands. Cost: linear
// in the octets, whatever they are. Threads: none.
class DataDecoder {
 public:
    DataDecoder() = default;
    // `line_limit_octets` counts a line without its CRLF; 0: no limit.
    DataDecoder(ContentFraming framing, BareNewlines bare_newlines, std::uint32_t line_limit_octets)
        : line_limit_octets_(line_limit_octets), framing_(framing), bare_newlines_(bare_newlines) {}

    struct Piece {
        std::string_view content;  // part of `wire`, or a constant: the longest run that needs no change
        std::size_t consumed = 0;  // octets of `wire` that are done with; may be 0, the next call then goes on
        bool finished = false;     // the end of DATA was among them
    };
    // Call until all of `wire` is consumed or the content is finished. `wire` must not be empty.
    [[nodiscard]] Piece decode(std::string_view wire);
    // The last octet of counted content was decoded: a CR that still waits for its LF is bare. Returns what to hand
    // out: nothing, or the LF that repairs it.
    [[nodiscard]] std::string_view finish();
    [[nodiscard]] ContentFault fault() const { return fault_; }

 private:
    enum class Place : std::uint8_t { line_start, dot, dot_cr, text, cr };

    [[nodiscard]] Piece decode_lines(std::string_view wire);
    [[nodiscard]] Piece stop_at_dot(std::string_view wire, std::size_t at);
    [[nodiscard]] Piece stop_at_bare_lf(std::string_view wire, std::size_t at);
    [[nodiscard]] Piece stop_at_fault(std::string_view wire, std::size_t at, std::size_t consumed, ContentFault fault);
    [[nodiscard]] std::string_view end_bare_cr(std::string_view repaired);
    [[nodiscard]] std::string_view unless_faulty(std::string_view run) const;
    [[nodiscard]] bool overflows(std::size_t more) const;

    std::uint64_t line_octets_ = 0;  // of the current line, so far
    std::uint32_t line_limit_octets_ = 0;
    ContentFraming framing_ = ContentFraming::dot_stuffed;
    BareNewlines bare_newlines_ = BareNewlines::refused;
    ContentFault fault_ = ContentFault::none;
    Place place_ = Place::line_start;
};

}  // namespace relevo::smtp
