// Fuzz target F12, DMARC records: bounded lists, and values that may be shown and asked for.
#include "lib/mailauth/dmarc_record.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <cstdlib>

namespace {

using namespace relevo::mailauth;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_uri(const ReportUri& uri) {
    require(!uri.scheme.empty() && !uri.host.empty() && relevo::is_ascii(uri.host));
    require(uri.host == relevo::to_lower(uri.host) && uri.host.size() <= 255);
    require((uri.scheme == "mailto") == !uri.address.empty());
    if (uri.scheme == "mailto")
        require(relevo::mail::Address::parse(uri.address, relevo::mail::Utf8::allowed).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto record = parse_dmarc_record(text);
    if (!record) {
        require(record.error().kind == relevo::ErrorKind::invalid && !record.error().detail.empty());
        return 0;
    }
    require(record->aggregate_uris.size() <= 20 && record->failure_uris.size() <= 20 && record->problems.size() <= 52);
    for (const auto* uris : {&record->aggregate_uris, &record->failure_uris})
        for (const ReportUri& uri : *uris) check_uri(uri);
    for (const RecordProblem& problem : record->problems) {
        require(!problem.text.empty() && problem.text.size() < 2'000);
        for (const char c : problem.text) require(static_cast<unsigned char>(c) >= 0x20);
    }
    require(!record->has_invalid_policy || record->policy_of_nonexistent() == DmarcPolicy::none);
    for (const char c : record->failure_options) require(std::string_view("01ds:").find(c) != std::string_view::npos);
    return 0;
}
