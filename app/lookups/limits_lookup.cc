#include "app/lookups/limits_lookup.h"

#include "app/configuration/document.h"
#include "app/configuration/shaping_file.h"
#include "app/lookups/domain_lookups.h"
#include "app/lookups/message_file.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;

Result<shaping::ShapingTable> table_of(const std::string& file) {
    if (file.empty()) return configuration::shipped_shaping_table();
    RELEVO_TRY(const std::string text, read_file(file, configuration::document_limit_octets));
    auto table = configuration::parse_shaping(text, file);
    // Whoever reads "invalid" looks at the words of the command; these are about a file.
    if (!table) return failure(ErrorKind::conflict, table.error().detail);
    return table;
}

// In the order of preference; the domain itself if it has no MX records (RFC 5321 §5.1).
std::vector<std::string> hosts_of(const std::string& domain, DnsSource& source, Findings& findings) {
    const auto answer = source.answer({domain, dns::RecordType::mx});
    if (!answer) {
        findings.problem(fmt::format("the MX records of {} are not known, so neither is whose mail servers it has: {}",
                                     domain, answer.error().detail));
        return {};
    }
    std::vector<dns::MailExchange> exchanges = answer->exchanges;
    std::ranges::sort(exchanges, {}, &dns::MailExchange::preference);
    std::vector<std::string> hosts;
    for (const dns::MailExchange& mx : exchanges) hosts.push_back(mx.exchange);
    if (hosts.empty()) hosts.push_back(domain);
    return hosts;
}

void show(const std::vector<shaping::ExplainedValue>& values, Findings& findings) {
    array list;
    for (const shaping::ExplainedValue& value : values) {
        const std::string shown = value.value.empty() ? "no limit" : value.value;
        findings.page.paragraph(fmt::format("{} = {}: {}", value.name, shown, value.origin), 2, 2);
        array overrides;
        for (const auto& other : value.overrides) {
            findings.page.paragraph(fmt::format("instead of {}: {}", other.value, other.origin), 6, 2);
            overrides.push_back(object{{"value", plain(other.value)}, {"origin", plain(other.origin)}});
        }
        list.push_back(object{{"name", value.name},
                              {"value", plain(value.value)},
                              {"origin", plain(value.origin)},
                              {"overrides", std::move(overrides)}});
    }
    findings.json["values"] = std::move(list);
}

}  // namespace

Result<Report> report_on_limits(const cli::LookupOptions& options, DnsSource& source) {
    RELEVO_TRY(const std::string domain, domain_from(options.subject));
    RELEVO_TRY(const shaping::ShapingTable table, table_of(options.limits_file));
    Findings findings;
    const std::vector<std::string> hosts =
        options.mail_hosts.empty() ? hosts_of(domain, source, findings) : options.mail_hosts;
    const std::string_view provider = table.provider_of(hosts);
    const shaping::ShapingQuery query{.domain = domain,
                                      .site = options.site,
                                      .provider = provider,
                                      .source = options.source,
                                      .pool = options.pool,
                                      .tenant = options.tenant};
    array host_names;
    for (const std::string& host : hosts) host_names.emplace_back(plain(host));
    findings.json["domain"] = plain(domain);
    findings.json["hosts"] = std::move(host_names);
    findings.json["provider"] = provider.empty() ? boost::json::value(nullptr) : boost::json::value(plain(provider));
    const std::string whose = provider.empty() ? "no provider that Relevo knows" : fmt::format("provider {}", provider);
    findings.page.heading(hosts.empty() ? domain : fmt::format("{}: {} ({})", domain, hosts.front(), whose));
    const auto values = table.explain(query);
    if (values.empty())
        findings.page.paragraph(fmt::format("Nothing limits tenant {} by itself.", options.tenant), 2, 2);
    show(values, findings);
    return std::move(findings).take();
}

}  // namespace relevo::lookups
