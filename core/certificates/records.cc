#include "core/certificates/records.h"

#include "lib/acme/bounded_time.h"
#include "lib/base/json_writer.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relevo {
namespace {

constexpr json::Bounds bounds{.octets = 64UL * 1024, .depth = 4};
constexpr std::size_t most_orders = 1000;

std::int64_t seconds_of(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallClock::time_point time_of(const boost::json::value* value) {
    const std::int64_t* seconds = value != nullptr ? value->if_int64() : nullptr;
    return acme::bounded_time(seconds == nullptr ? 0 : *seconds);
}

RenewalSuggestion suggestion_of(const boost::json::value* value) {
    RenewalSuggestion suggestion;
    if (value == nullptr || !value->is_object()) return suggestion;
    suggestion.certificate = json::text_of(json::member(*value, "certificate"));
    suggestion.info.start = time_of(json::member(*value, "start"));
    suggestion.info.end = time_of(json::member(*value, "end"));
    suggestion.info.explanation = json::text_of(json::member(*value, "explanation"));
    suggestion.moment = time_of(json::member(*value, "moment"));
    suggestion.next_look_at = time_of(json::member(*value, "next_look_at"));
    return suggestion;
}

std::string text_of(const RenewalSuggestion& suggestion) {
    JsonWriter json;
    json.field("certificate", suggestion.certificate)
        .field("start", seconds_of(suggestion.info.start))
        .field("end", seconds_of(suggestion.info.end))
        .field("explanation", suggestion.info.explanation)
        .field("moment", seconds_of(suggestion.moment))
        .field("next_look_at", seconds_of(suggestion.next_look_at));
    return json.finish();
}

}  // namespace

AccountRecord parse_account_record(std::string_view text) {
    AccountRecord record;
    const auto parsed = json::parse(text, bounds);
    if (!parsed.has_value()) return record;
    record.directory = json::text_of(json::member(*parsed, "directory"));
    record.account = json::text_of(json::member(*parsed, "account"));
    const boost::json::value* orders = json::member(*parsed, "orders");
    if (orders == nullptr || !orders->is_array()) return record;
    for (const boost::json::value& order : orders->get_array())
        if (record.orders.size() < most_orders) record.orders.push_back(time_of(&order));
    return record;
}

CertificateRecord parse_certificate_record(std::string_view text) {
    CertificateRecord record;
    const auto parsed = json::parse(text, bounds);
    if (!parsed.has_value()) return record;
    record.directory = json::text_of(json::member(*parsed, "directory"));
    record.order = json::text_of(json::member(*parsed, "order"));
    record.problem = json::text_of(json::member(*parsed, "problem"));
    record.problem_in_spanish = json::text_of(json::member(*parsed, "problem_es"));
    const boost::json::value* failures = json::member(*parsed, "failures");
    if (failures != nullptr && failures->is_int64())
        record.failures =
            static_cast<std::uint32_t>(std::clamp(failures->get_int64(), std::int64_t{0}, std::int64_t{1000}));
    record.tried_at = time_of(json::member(*parsed, "tried_at"));
    record.retry_at = time_of(json::member(*parsed, "retry_at"));
    record.blocked_until = time_of(json::member(*parsed, "blocked_until"));
    record.followed_at = time_of(json::member(*parsed, "followed_at"));
    record.suggestion = suggestion_of(json::member(*parsed, "suggestion"));
    return record;
}

std::string text_of(const AccountRecord& record) {
    std::string orders;
    for (const WallClock::time_point order : record.orders)
        orders += (orders.empty() ? "" : ",") + std::to_string(seconds_of(order));
    JsonWriter json;
    json.field("directory", record.directory).field("account", record.account).raw("orders", "[" + orders + "]");
    return json.finish() + "\n";
}

std::string text_of(const CertificateRecord& record) {
    JsonWriter json;
    json.field("directory", record.directory)
        .field("order", record.order)
        .field("failures", record.failures)
        .field("tried_at", seconds_of(record.tried_at))
        .field("retry_at", seconds_of(record.retry_at))
        .field("blocked_until", seconds_of(record.blocked_until))
        .field("followed_at", seconds_of(record.followed_at))
        .field("problem", record.problem)
        .field("problem_es", record.problem_in_spanish);
    if (!record.suggestion.certificate.empty()) json.raw("suggestion", text_of(record.suggestion));
    return json.finish() + "\n";
}

}  // namespace relevo
