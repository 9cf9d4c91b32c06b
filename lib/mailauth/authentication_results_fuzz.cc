// Fuzz target F10, Authentication-Results: what is read can be written, and reads again as what was written, strictly;
// no verdict, whatever a stranger chose, makes more than its own result.
#include "lib/mailauth/authentication_results.h"

#include "lib/base/text.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace relevo::mailauth;
using relevo::mail::Header;
using relevo::mail::Utf8;

void require(bool holds) {
    if (!holds) std::abort();
}

// Strictly right, bounded, one field.
AuthenticationResults read_back(const AuthenticationResults& results, Utf8 utf8) {
    const std::string field = authentication_results_field(results, utf8);
    require(field.size() < 32 * 1024 && (utf8 == Utf8::allowed || relevo::is_ascii(field)));
    const auto header = Header::parse(field);
    require(header && header->fields().size() == 1 && header->body_offset() == field.size());
    const auto read = parse_authentication_results(header->fields().front().value);
    require(read && read->deviations.empty());
    require(static_cast<std::size_t>(std::ranges::count(field, ';')) ==
            std::max<std::size_t>(read->content.results.size(), 1));
    return read->content;
}

void check_round_trip(std::string_view text) {
    const auto read = parse_authentication_results(text);
    if (!read) return;
    for (const Utf8 utf8 : {Utf8::refused, Utf8::allowed}) {
        const AuthenticationResults written = read_back(read->content, utf8);
        require(written.results.size() <= read->content.results.size());
        for (std::size_t i = 0; i < written.results.size(); ++i) {
            const ReportedResult& before = read->content.results[i];
            const ReportedResult& after = written.results[i];
            require(after.properties.size() <= before.properties.size() && after.version == before.version);
            if (read->deviations.empty() && before.method.size() <= 64)
                require(after.method == before.method && (before.result.size() > 64 || after.result == before.result));
        }
        require(read_back(written, utf8) == written);
    }
}

void check_verdicts(std::string_view text) {
    const auto pieces = relevo::split(text, '\n');
    std::size_t next = 0;
    const auto piece = [&] { return std::string(pieces[next++ % pieces.size()]); };
    MessageVerdicts verdicts{.client_address = piece(), .login = "a" + piece()};
    verdicts.iprev = IprevVerdict{.name = piece(), .reason = piece()};
    verdicts.spf = {{.domain = piece(), .sender = piece(), .reason = piece()},
                    {.identity = SpfIdentity::helo, .domain = piece(), .sender = piece()}};
    verdicts.dkim = {
        {.domain = piece(), .selector = piece(), .identity = piece(), .algorithm = piece(), .signature = piece()},
        {.reason = piece()}};
    verdicts.dmarc = DmarcVerdict{.author_domain = piece(), .policy_domain = piece(), .reason = piece()};
    verdicts.arc = ArcVerdict{.reason = piece()};
    const AuthenticationResults report = reported_results(piece(), verdicts);
    for (const Utf8 utf8 : {Utf8::refused, Utf8::allowed})
        require(read_back(report, utf8).results.size() == report.results.size());
}

void check_forgery(std::string_view text) {
    // Up to a quote as well: behind it a semicolon ends nothing.
    require(has_our_authserv_id(text, text.substr(0, text.find_first_of(" \t\r\n;(\""))) || !text.starts_with("mx"));
    const auto header = Header::parse(text);
    if (!header) return;
    relevo::mail::SubmissionFixes fixes;
    fixes.removed = forged_results(*header, text, "mx.example.com");
    const std::string rest = relevo::mail::apply_fixes("", text, fixes);
    const auto again = Header::parse(rest);
    require(again && forged_results(*again, rest, "mx.example.com").empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_round_trip(text);
    check_verdicts(text);
    check_forgery(text);
    return 0;
}
