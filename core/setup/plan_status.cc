#include "core/setup/plan_status.h"

#include "core/setup/inquiry_driver.h"
#include "core/setup/parallel.h"
#include "core/signing/publication.h"
#include "lib/base/text.h"
#include "lib/dns/service.h"
#include "lib/mailauth/spf_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t texts_shown = 10;
constexpr std::size_t text_octets_shown = 2048;

bool begins_with_tag(std::string_view text, std::string_view version) {
    return starts_with_ignoring_case(trimmed(text), version);
}

std::vector<std::string> with_version(const Result<dns::Answer>& answer, std::string_view version) {
    std::vector<std::string> records;
    if (answer.has_value())
        std::ranges::copy_if(answer->texts, std::back_inserter(records), [&](const std::string& text) {
            if (!begins_with_tag(text, version)) return false;
            // "v=spf10" is not SPF (RFC 7208 §4.5).
            const std::string_view rest = trimmed(text).substr(version.size());
            return rest.empty() || rest.front() == ' ' || rest.front() == ';' || rest.front() == '\t';
        });
    return records;
}

std::string_view version_of(const PlannedRecord& record) {
    if (record.type != dns::RecordType::txt) return {};
    switch (record.purpose) {
        case Purpose::signing_key: return "v=DKIM1";
        case Purpose::sending_hosts:
        case Purpose::return_path: return "v=spf1";
        case Purpose::policy: return "v=DMARC1";
        case Purpose::transport_policy: return "v=STSv1";
        case Purpose::transport_reports: return "v=TLSRPTv1";
        case Purpose::service: return std::string_view(record.value).substr(0, record.value.find_first_of(" ;"));
        default: return {};
    }
}

// Those that can be read.
std::vector<dns::Service> services_of(const dns::Answer& answer) {
    std::vector<dns::Service> services;
    for (const std::string& rdata : answer.data)
        if (auto service = dns::decode_service(rdata); service.has_value()) services.push_back(*std::move(service));
    return services;
}

// Priority and weight are the owner's business.
bool is_same_service(const dns::Service& service, const std::string& wanted) {
    return wanted.ends_with(fmt::format(" {} {}", service.port, service.target));
}

bool is_key_record(const PlannedRecord& record) { return record.value.starts_with("v=DKIM1"); }

// Whether one of the texts is as wanted, or as good.
bool holds(const PlannedRecord& record, const dns::Answer& answer) {
    if (record.type == dns::RecordType::mx)
        return std::ranges::any_of(answer.exchanges, [&](const dns::MailExchange& exchange) {
            return exchange.exchange == record.value.substr(record.value.find(' ') + 1);
        });
    if (record.type == dns::service_record)
        return std::ranges::any_of(services_of(answer),
                                   [&](const dns::Service& service) { return is_same_service(service, record.value); });
    if (record.type == dns::RecordType::cname)
        return std::ranges::find(answer.texts, record.value) != answer.texts.end();
    if (is_key_record(record)) {
        KeyRow key;
        key.record = record.value;
        if (record.value.contains("k=ed25519")) key.algorithm = mailauth::SigningAlgorithm::ed25519_sha256;
        return presence_of(key, answer) == Presence::present;
    }
    const std::string_view version = version_of(record);
    const auto records = version.empty() ? answer.texts : with_version(answer, version);
    // Which address gets the reports, and which id the policy has, is the owner's business.
    if (record.purpose == Purpose::transport_reports || record.purpose == Purpose::transport_policy)
        return records.size() == 1;
    return (records.size() == 1 || version.empty()) &&
           std::ranges::any_of(records, [&](const std::string& text) { return trimmed(text) == record.value; });
}

// Another record stands in its place: not merely other TXT records beside it.
bool is_in_place(const PlannedRecord& record, const dns::Answer& answer) {
    if (record.type == dns::RecordType::mx) return !answer.exchanges.empty();
    if (record.type == dns::service_record) return !answer.data.empty();
    if (record.type == dns::RecordType::cname) return !answer.texts.empty();
    const std::string_view version = version_of(record);
    return version.empty() ? !answer.texts.empty() : !with_version(answer, version).empty();
}

std::vector<std::string> shown(const PlannedRecord& record, const dns::Answer& answer) {
    const std::string_view version = version_of(record);
    std::vector<std::string> texts = version.empty() ? texts_of(answer) : with_version(answer, version);
    if (record.type == dns::service_record)
        for (const dns::Service& service : services_of(answer)) texts.push_back(service.text());
    if (texts.size() > texts_shown) texts.resize(texts_shown);
    for (std::string& text : texts) text.resize(std::min(text.size(), text_octets_shown));
    return texts;
}

Words publish_it(const PlannedRecord& record) {
    if (record.instead.empty()) return {"Publish this record.", "Publique este registro."};
    return {
        fmt::format("Publish this record, or, so that you need not come back when the key changes, a CNAME from the "
                    "same name to {}.",
                    record.instead),
        fmt::format("Publique este registro o, para no tener que volver cuando cambie la clave, un CNAME de ese "
                    "mismo nombre a {}.",
                    record.instead)};
}

Words mend_it(const PlannedRecord& record) {
    switch (record.purpose) {
        case Purpose::sending_hosts:
        case Purpose::return_path:
            if (record.type == dns::RecordType::txt)
                return {"Replace the SPF record that is there with this one: a second one would make both void.",
                        "Sustituya el registro SPF que hay por este: con dos, no vale ninguno."};
            break;
        case Purpose::incoming_mail:
            return {"Add this MX, and remove the others once mail shall come here alone.",
                    "Añada este MX, y quite los demás cuando el correo deba llegar solo aquí."};
        case Purpose::signing_key:
            return {"Another key stands there, or several do: leave this one alone.",
                    "Ahí hay otra clave, o varias: deje solamente esta."};
        default: break;
    }
    return {"Change what is there to this.", "Cambie lo que hay por esto."};
}

Words still_remembered(std::chrono::seconds ttl) {
    const auto minutes = (ttl.count() + 59) / 60;
    return {fmt::format("resolvers may remember the old answer for {} more minute{}", minutes, minutes == 1 ? "" : "s"),
            fmt::format("los servidores DNS pueden recordar la respuesta anterior {} minuto{} más", minutes,
                        minutes == 1 ? "" : "s")};
}

}  // namespace

void judge_record(PlannedRecord& record, const Observation& seen) {
    if (!seen.published.has_value()) {
        record.status = RecordStatus::unknown;
        record.remark = {"the DNS did not answer: " + seen.published.error().detail,
                         "el DNS no ha respondido: " + seen.published.error().detail};
        return;
    }
    record.found = shown(record, *seen.published);
    if (holds(record, *seen.published)) {
        record.status = RecordStatus::found;
        record.action = {};
        if (seen.remembered.has_value() && !holds(record, *seen.remembered))
            record.remark = still_remembered(seen.remembered->ttl);
        return;
    }
    const bool differs = is_in_place(record, *seen.published);
    record.status = differs ? RecordStatus::differs : RecordStatus::missing;
    record.action = differs ? mend_it(record) : publish_it(record);
    if (seen.remembered.has_value() && holds(record, *seen.remembered))
        record.remark = {"resolvers still remember it, but its zone does not have it any more",
                         "los servidores DNS aún lo recuerdan, pero su zona ya no lo tiene"};
}

namespace {

Task<> note_records(DnsView& view, std::string name, std::string_view version, std::vector<std::string>& records) {
    const Observation seen = co_await view.see(std::move(name), dns::RecordType::txt);
    records = with_version(seen.published, version);
}

Task<> look_at(DnsView& view, PlannedRecord& record) {
    judge_record(record, co_await view.see(record.name, record.type));
}

// Whether each of our addresses may send already, by whatever term: then the record stays as it is.
Task<> note_suffices(DnsView& view, std::string domain, const std::vector<dns::IpAddress>& addresses, bool& suffices) {
    for (const dns::IpAddress& address : addresses) {
        mailauth::SpfQuery query;
        query.client = address;
        query.mail_from = "postmaster@" + domain;
        const mailauth::SpfVerdict verdict = co_await answer_all(view, mailauth::check_spf(std::move(query)));
        if (verdict.result != mailauth::SpfResult::pass) co_return;
    }
    suffices = !addresses.empty();
}

}  // namespace

Task<DnsPlan> plan_against_dns(DnsView& view, DomainFacts facts) {
    Published published;
    published.name_servers = view.name_servers();
    std::vector<Task<>> first;
    first.push_back(note_records(view, facts.domain, "v=spf1", published.spf));
    first.push_back(note_records(view, "_dmarc." + facts.domain, "v=DMARC1", published.dmarc));
    if (!facts.return_path.empty())
        first.push_back(note_records(view, facts.return_path, "v=spf1", published.return_path_spf));
    co_await run_together(view.shard(), std::move(first));

    std::vector<Task<>> second;
    if (published.spf.size() == 1)
        second.push_back(note_suffices(view, facts.domain, facts.egress, published.spf_suffices));
    if (published.return_path_spf.size() == 1)
        second.push_back(note_suffices(view, facts.return_path, facts.egress, published.return_path_spf_suffices));
    co_await run_together(view.shard(), std::move(second));

    DnsPlan plan = make_plan(facts, published);
    std::vector<Task<>> looks;
    for (PlannedRecord& record : plan.records) looks.push_back(look_at(view, record));
    co_await run_together(view.shard(), std::move(looks));
    co_return plan;
}

}  // namespace relevo::setup
