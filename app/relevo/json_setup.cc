#include "app/relevo/json_setup.h"

#include "app/relevo/json_arguments.h"
#include "core/setup/provider.h"
#include "core/setup/zone.h"
#include "lib/base/text.h"
#include "lib/dns/name.h"

#include <boost/json/array.hpp>

namespace relevo {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<setup::Words>& words, mail::Language language) {
    json::array list;
    for (const setup::Words& one : words) list.emplace_back(one.in(language));
    return list;
}

// What a zone holds may be any octets; JSON is UTF-8.
json::array printable_list(const std::vector<std::string>& found) {
    json::array list;
    for (const std::string& text : found) list.emplace_back(printable(text, 4096));
    return list;
}

json::object json_of_record(const setup::PlannedRecord& record, const std::string& domain, mail::Language language) {
    return {{"purpose", setup::name_of(record.purpose)},
            {"need", setup::name_of(record.need)},
            {"zone", record.zone == setup::Zone::customer ? "domain" : "service"},
            {"name", record.name},
            {"host", setup::relative_host(record.name, domain)},
            {"type", dns::name_of(record.type)},
            {"ttl", record.ttl.count()},
            {"value", record.value},
            {"cname_instead", json_text_or_null(record.instead)},
            {"status", setup::name_of(record.status)},
            {"found", printable_list(record.found)},
            {"remark", printable(record.remark.in(language), 2000)},
            {"why", record.why.in(language)},
            {"action", record.action.in(language)}};
}

}  // namespace

json::object json_of(const setup::DnsPlan& plan, mail::Language language) {
    const setup::Provider* provider = setup::find_provider(plan.name_servers);
    json::array records;
    for (const setup::PlannedRecord& record : plan.records)
        records.emplace_back(json_of_record(record, plan.domain, language));
    return {{"domain", plan.domain},
            {"language", language == mail::Language::spanish ? "es" : "en"},
            {"name_servers", json_list(plan.name_servers)},
            {"provider", json_text_or_null(provider != nullptr ? provider->name : "")},
            {"complete", plan.is_complete()},
            {"records", std::move(records)},
            {"hints", texts(setup::hints_for(provider, plan.domain), language)},
            {"advice", texts(plan.advice, language)},
            {"zone_text", setup::zone_text(plan, setup::Zone::customer, language)},
            {"service_zone_text", setup::zone_text(plan, setup::Zone::operator_zone, language)}};
}

json::object json_of(const setup::CheckItem& item, mail::Language language) {
    return {{"id", item.id},
            {"group", setup::name_of(item.group)},
            {"title", setup::title_of_check(item.id).in(language)},
            {"subject", item.subject},
            {"status", setup::name_of(item.status)},
            {"found", printable(item.found.in(language), 2000)},
            {"expected", json_text_or_null(item.expected)},
            {"why", item.why.in(language)},
            {"action", item.action.in(language)}};
}

json::object json_of(const std::vector<setup::CheckItem>& items, mail::Language language) {
    json::array list;
    for (const setup::CheckItem& item : items) list.emplace_back(json_of(item, language));
    return {{"items", std::move(list)}, {"failed", setup::count_of(items, setup::CheckStatus::fail) > 0}};
}

json::object json_of(const setup::ConnectionFinding& finding, mail::Language language) {
    return {{"port", finding.port},
            {"security", name_of(finding.security)},
            {"state", name_of(finding.state)},
            {"usable", is_usable(finding.state)},
            {"tls", json_text_or_null(finding.tls)},
            {"mechanisms", json_list(finding.mechanisms)},
            {"meaning", meaning_of(finding).in(language)},
            {"detail", json_text_or_null(finding.detail)}};
}

}  // namespace relevo
