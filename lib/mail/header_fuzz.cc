// Fuzz target F7, header part: fields lie side by side in the content; submission changes only what it must; nothing in
// a Received field leaves it.
#include "lib/mail/message.h"

#include <cstdlib>

namespace {

using relevo::mail::Field;
using relevo::mail::Header;

void require(bool holds) {
    if (!holds) std::abort();
}

// True if the two texts are the same octets at the same place.
bool is_part(std::string_view whole, std::string_view part) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_places(const Header& header, std::string_view content) {
    std::size_t at = 0;
    for (const Field& field : header.fields()) {
        require(field.raw.data() == content.data() + at && !field.name.empty());
        require(is_part(field.raw, field.name) && is_part(field.raw, field.value));
        at += field.raw.size();
    }
    require(at <= header.body_offset() && header.body_offset() <= content.size() && header.body_offset() - at <= 2);
}

void check_submission(const Header& header, std::string_view content) {
    const auto fixes = relevo::mail::fixes_for_submission(header, content, "1@relevo.example", {});
    const std::string fixed = relevo::mail::apply_fixes("", content, fixes);
    const auto again = Header::parse(fixed);
    if (!again) return;  // two fields more may cross the limit
    require(again->count("Bcc") == 0 && again->count("Resent-Bcc") == 0);
    require(again->count("Date") >= 1 && again->count("Message-ID") >= 1);
    require(std::string_view(fixed).substr(again->body_offset()) == content.substr(header.body_offset()));
    require(again->fields().size() >= header.fields().size() - header.count("Bcc") - header.count("Resent-Bcc"));
    const auto nothing = relevo::mail::fixes_for_submission(*again, fixed, "2@relevo.example", {});
    require(relevo::mail::apply_fixes("", fixed, nothing) == fixed);
}

void check_received(std::string_view text) {
    relevo::mail::ReceivedInfo info;
    info.client_name = info.client_reverse_name = info.host_name = info.id = info.tls = info.with = text;
    info.client_address = info.for_recipient = text;
    const std::string field = relevo::mail::received_field(info) + "\r\n";
    const Header header = Header::parse(field).value();
    require(header.fields().size() == 1 && header.body_offset() == field.size() && field.size() < 4096);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view content(reinterpret_cast<const char*>(data), size);
    check_received(content);
    const auto header = Header::parse(content);
    if (!header) return 0;
    check_places(*header, content);
    check_submission(*header, content);
    for (const Field& field : header->fields()) (void)relevo::mail::unfolded(field.value);
    return 0;
}
