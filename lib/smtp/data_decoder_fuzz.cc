// Fuzz target F3: the cut never matters, DATA ends at the first CRLF "." CRLF and nowhere else, nothing bare gets
// through, and what DataEncoder writes comes back as it was.
#include "lib/smtp/data_decoder_driver.h"
#include "lib/smtp/data_encoder.h"

#include <cstdlib>
#include <string>

namespace {

using namespace relevo::smtp;

void require(bool holds) {
    if (!holds) std::abort();
}

bool has_bare_newline(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
        if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
    }
    return false;
}

// Where a reader who knows nothing but RFC 5321 §4.5.2 sees the end: after the first CRLF "." CRLF, the CRLF of the
// command line included.
std::size_t end_of_data(std::string_view wire) {
    const std::string whole = "\r\n" + std::string(wire);
    const std::size_t end = whole.find("\r\n.\r\n");
    return end == std::string::npos ? std::string::npos : end + 5 - 2;
}

void check_dot_stuffed(std::string_view wire, BareNewlines bare_newlines, std::uint32_t line_limit, std::size_t chunk) {
    const DataDecoder decoder(ContentFraming::dot_stuffed, bare_newlines, line_limit);
    const Decoded whole = decode(decoder, wire, wire.size() + 1);
    require(decode(decoder, wire, chunk) == whole);
    require(decode(decoder, wire, 1) == whole);
    const std::size_t end = end_of_data(wire);
    require(whole.finished == (end != std::string::npos));
    if (!whole.finished) return;
    require(whole.consumed == end);
    if (whole.fault != ContentFault::none) return;
    require(!has_bare_newline(whole.content));
    require(whole.content.find('\0') == std::string::npos);
    if (bare_newlines == BareNewlines::refused) require(!has_bare_newline(wire.substr(0, end)));
}

void check_round_trip(const std::string& content, std::size_t chunk) {
    const ContentFacts facts = inspect_content(content);
    DataEncoder encoder(content, ContentForm::dot_stuffed, facts);
    std::string wire;
    for (std::string piece = encoder.next(chunk + 5); !piece.empty(); piece = encoder.next(chunk + 5)) wire += piece;
    const Decoded decoded = decode({ContentFraming::dot_stuffed, BareNewlines::refused, 0}, wire + "QUIT\r\n", chunk);
    require(decoded.finished && decoded.consumed == wire.size());
    if (content.find('\0') != std::string::npos) {
        require(decoded.fault == ContentFault::nul);
        return;
    }
    require(decoded.fault == ContentFault::none);
    if (facts.bare_line_ends != 0) return;
    const bool whole_lines = content.empty() || content.ends_with("\r\n");
    require(decoded.content == (whole_lines ? content : content + "\r\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::size_t chunk = 1 + (data[0] & 7U);
    const std::uint32_t line_limit = (data[0] & 8U) != 0 ? 1 + (data[0] >> 4U) : 0;
    const std::string wire(reinterpret_cast<const char*>(data + 1), size - 1);
    for (const BareNewlines bare_newlines : {BareNewlines::refused, BareNewlines::repaired})
        check_dot_stuffed(wire, bare_newlines, line_limit, chunk);
    for (const ContentFraming framing : {ContentFraming::counted, ContentFraming::binary}) {
        const DataDecoder decoder(framing, BareNewlines::refused, line_limit);
        require(decode(decoder, wire, chunk) == decode(decoder, wire, wire.size() + 1));
    }
    check_round_trip(wire, chunk);
    return 0;
}
