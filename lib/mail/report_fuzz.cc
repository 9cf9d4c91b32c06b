// Fuzz target F13, our own DSN: whatever servers and senders wrote, the report has its three parts, each recipient its
// fields, and no line over 998 octets.
#include "lib/mail/report.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>
#include <cstdlib>

namespace {

using relevo::mail::Address;
using relevo::mail::DeliveryReport;
using relevo::mail::Header;
using relevo::mail::RecipientReport;
using relevo::mail::Utf8;

void require(bool holds) {
    if (!holds) std::abort();
}

// The first octet picks the options; the rest, cut at 0xFE octets, the texts.
DeliveryReport report_from(std::string_view input, std::string& content) {
    const auto choice = static_cast<unsigned char>(input.front());
    auto texts = relevo::split(input.substr(1), '\xFE');
    texts.resize(8);
    DeliveryReport report;
    report.language = (choice & 1) != 0 ? relevo::mail::Language::spanish : relevo::mail::Language::english;
    report.dsn_return = static_cast<relevo::mail::DsnReturn>((choice >> 1) % 3);
    const std::string_view sender = (choice & 8) != 0 ? "josé@sender.example" : "jose@sender.example";
    report.original_sender = relevo::mail::ReversePath(Address::parse(sender, Utf8::allowed).value());
    report.reporting_mta = report.from_domain = texts[0];
    report.envelope_id = texts[1];
    report.queue_id = report.message_id = texts[2];
    const std::string_view address = (choice & 16) != 0 ? "ñ+u@dest.example" : "\"a b\"@dest.example";
    RecipientReport recipient{.recipient = {.address = Address::parse(address, Utf8::allowed).value(),
                                            .notify = {},
                                            .original_recipient = std::string(texts[3])}};
    recipient.action = static_cast<relevo::mail::DeliveryAction>((choice >> 5) % 5);
    recipient.status = texts[4];
    recipient.diagnostic = texts[5];
    recipient.remote_mta = recipient.explanation = texts[6];
    report.recipients.assign(2, recipient);
    content = texts[7];
    return report;
}

std::size_t fields_expected(const RecipientReport& recipient) {
    return 3U + (recipient.recipient.original_recipient.empty() ? 0U : 1U) + (recipient.diagnostic.empty() ? 0U : 1U) +
           (recipient.remote_mta.empty() ? 0U : 1U);
}

void check_status(std::string_view part, const DeliveryReport& report) {
    Header header = Header::parse(part).value();  // the part's own header
    for (const std::size_t expected : {report.envelope_id.empty() ? std::size_t{1} : std::size_t{2},
                                       fields_expected(report.recipients[0]), fields_expected(report.recipients[1])}) {
        part.remove_prefix(header.body_offset());
        header = Header::parse(part).value();
        require(header.fields().size() == expected);
    }
    require(header.body_offset() == part.size());
}

void check_lines(std::string_view content) {
    require(content.ends_with("\r\n") && content.find('\0') == std::string_view::npos);
    content.remove_suffix(1);
    for (const std::string_view line : relevo::split(content, '\n'))
        require(line.size() <= 999 && line.find('\r') == line.size() - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string original;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const DeliveryReport report = report_from(input, original);
    const auto built = relevo::mail::build_report(report, original, 4096);
    check_lines(built.content);
    require(built.eight_bit == !relevo::is_ascii(built.content));
    const Header header = Header::parse(built.content).value();
    const std::string type = relevo::mail::unfolded(header.find("Content-Type")->value);
    const auto quote = type.find('"');
    const std::string line = "\r\n--" + type.substr(quote + 1, type.size() - quote - 2);
    std::vector<std::string_view> parts;
    std::string_view rest = std::string_view(built.content).substr(header.body_offset() - 2);
    for (auto at = rest.find(line); at != std::string_view::npos; at = rest.find(line)) {
        parts.push_back(rest.substr(0, at));
        rest.remove_prefix(at + line.size() + 2);
    }
    require(parts.size() == 4 && rest == "\r\n");
    check_status(parts[2], report);
    return 0;
}
