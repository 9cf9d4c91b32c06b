#include "core/certificates/keeper.h"

#include "core/certificates/schedule.h"
#include "lib/acme/failure_text.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::minutes longest_sleep{15};  // clocks jump, and names of domains change
constexpr std::chrono::minutes folder_pause{5};
constexpr std::chrono::hours limit_pause_of_others{1};
constexpr const char* account_file = "account.json";
constexpr const char* account_key_file = "account.key";

// A name of the DNS that an authority could know: it becomes the name of a file, too.
bool is_public_name(std::string_view name) {
    if (name.size() > 200 || name.find('.') == std::string_view::npos) return false;
    for (const std::string_view label : split(name, '.'))
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
            !std::ranges::all_of(label, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; }))
            return false;
    // The last label of an address is a number; that of a name is not (RFC 3696 §2).
    return !std::ranges::all_of(name.substr(name.rfind('.') + 1), is_digit);
}

std::string text_of(WallClock::time_point time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(WallClock::to_time_t(time)));
}

std::int64_t seconds_of(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<acme::RenewalInfo> suggestion_for(const std::optional<acme::ChainFacts>& facts,
                                                const RenewalSuggestion& suggestion) {
    const bool is_its_own = facts && facts->renewal_id == suggestion.certificate && suggestion.has_window();
    return is_its_own ? std::optional(suggestion.info) : std::nullopt;
}

}  // namespace

std::string_view name_of(CertificateStatus::State state) {
    switch (state) {
        case CertificateStatus::State::missing: return "missing";
        case CertificateStatus::State::valid: return "valid";
        case CertificateStatus::State::expired: break;
    }
    return "expired";
}

CertificateKeeper::CertificateKeeper(Ports ports, KeeperOptions options)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      issued_(ports_.metrics.counter("relevo_acme_orders_total", "Orders of certificates.", {{"result", "issued"}})),
      failed_(ports_.metrics.counter("relevo_acme_orders_total", "Orders of certificates.", {{"result", "failed"}})),
      without_(
          ports_.metrics.gauge("relevo_acme_names_without_certificate",
                               "Names that should have a certificate of an authority and have none that is valid.")),
      earliest_end_(ports_.metrics.gauge("relevo_acme_earliest_expiry_timestamp_seconds",
                                         "When the first certificate that is kept by ACME expires; 0: there is none.")),
      wakeup_(ports_.shard) {}

void CertificateKeeper::set_options(KeeperOptions options) {
    if (options.directory.text != options_.directory.text) no_look_before_ = {};
    options_ = std::move(options);
    wakeup_.notify_all();
}

void CertificateKeeper::stop() {
    is_stopping_ = true;
    wakeup_.notify_all();
}

Task<> CertificateKeeper::run() {
    while (!is_stopping_) {
        if (co_await round()) continue;
        const auto pause = std::clamp<WallClock::duration>(next_due() - ports_.now(), std::chrono::seconds(1),
                                                           WallClock::duration(longest_sleep));
        if (!is_stopping_) co_await wakeup_.wait(Clock::now() + pause);
    }
}

Task<bool> CertificateKeeper::round() {
    if (!options_.enabled) co_return false;
    const auto now = ports_.now();
    Result<void> ready = now < folder_retry_ ? Result<void>(failure(ErrorKind::io, "")) : co_await open();
    if (ready.has_value()) ready = co_await take_names();
    if (!ready.has_value()) {
        if (now >= folder_retry_) {
            ports_.log.error("acme.folder_failed", {{"problem", ready.error().detail}});
            folder_retry_ = now + folder_pause;
        }
        co_return false;
    }
    count_certificates();
    co_await ask_for_suggestions();
    const auto first = std::ranges::min_element(kept_, {}, [this](const auto& entry) { return due(entry.second); });
    if (first == kept_.end() || due(first->second) > now || is_stopping_) co_return false;
    if (next_order_time(account_.orders, options_.orders_per_hour, now)) co_return false;
    in_order_ = first->first;
    co_await order(in_order_);
    in_order_.clear();
    count_certificates();
    co_return true;
}

Task<Result<void>> CertificateKeeper::open() {
    if (folder_) co_return Result<void>();
    struct Opened {
        std::unique_ptr<CertificateFolder> folder;
        std::optional<std::string> account;
    };
    // Shared with the thread in the background, which fills it before this goes on.
    auto opened = std::make_shared<Opened>();
    RELEVO_CO_CHECK(
        co_await in_background<Result<void>>(ports_.background, [opened, open = ports_.open_folder]() -> Result<void> {
            RELEVO_TRY(auto disk, open());
            opened->folder = std::make_unique<CertificateFolder>(std::move(disk));
            RELEVO_TRY(opened->account, opened->folder->read(account_file));
            return {};
        }));
    folder_ = std::move(opened->folder);
    if (opened->account) account_ = parse_account_record(*opened->account);
    co_return Result<void>();
}

Task<Result<void>> CertificateKeeper::take_names() {
    std::set<std::string> wanted;
    for (std::string& name : ports_.names()) {
        if (is_public_name(name) && wanted.size() < most_names) {
            wanted.insert(std::move(name));
        } else if (odd_names_.size() < most_names && odd_names_.insert(name).second) {
            ports_.log.warning("acme.name_left_out",
                               {{"name", name}, {"problem", "no authority gives a certificate for such a name"}});
        }
    }
    std::erase_if(kept_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    for (const std::string& name : wanted)
        if (!kept_.contains(name)) RELEVO_CO_CHECK(co_await load(name));
    co_return Result<void>();
}

Task<Result<void>> CertificateKeeper::load(std::string name) {
    auto files = std::make_shared<Files>();  // shared with the thread in the background
    RELEVO_CO_CHECK(co_await in_background<Result<void>>(ports_.background,
                                                         [files, name, folder = folder_.get()]() -> Result<void> {
                                                             RELEVO_TRY(files->record, folder->read(name + ".json"));
                                                             RELEVO_TRY(files->chain, folder->read(name + ".pem"));
                                                             return {};
                                                         }));
    Kept kept;
    if (files->record) kept.record = parse_certificate_record(*files->record);
    if (files->chain) {
        auto facts = acme::inspect_chain(*files->chain);
        if (facts.has_value())
            kept.facts = *std::move(facts);
        else
            ports_.log.error("acme.certificate_damaged", {{"name", name}, {"problem", facts.error().detail}});
    }
    kept_.insert_or_assign(std::move(name), std::move(kept));
    co_return Result<void>();
}

WallClock::time_point CertificateKeeper::due(const Kept& kept) const {
    const CertificateRecord& record = kept.record;
    WallClock::time_point time = record.retry_at;
    if (kept.is_wanted_now) {
        time = {};
    } else if (kept.facts && record.directory == options_.directory.text) {
        time = std::max(time, renewal_time(*kept.facts, options_.renew_before, record));
    }
    return std::max(time, record.blocked_until);
}

WallClock::time_point CertificateKeeper::next_due() const {
    auto next = ports_.now() + longest_sleep;
    for (const auto& [name, kept] : kept_) next = std::min({next, due(kept), next_look(kept)});
    auto orders = account_.orders;
    const auto allowed = next_order_time(orders, options_.orders_per_hour, ports_.now());
    return std::max({next, allowed.value_or(next), folder_retry_});
}

Task<> CertificateKeeper::order(std::string name) {
    ports_.log.info(
        "acme.ordering",
        {{"name", name}, {"authority", options_.directory.host}, {"challenge", acme::name_of(options_.challenge)}});
    Kept& ordered = kept_.at(name);
    const bool is_renewal = ordered.facts && ordered.record.directory == options_.directory.text;
    if (is_renewal && !ordered.is_wanted_now && renewal_time(*ordered.facts, options_.renew_before) > ports_.now())
        ordered.record.followed_at = ports_.now();  // by ourselves it would not be due
    acme::IssuanceStep end = co_await obtain(name);
    if (is_stopping_) co_return;  // the order goes on after the next start
    const auto found = kept_.find(name);
    if (found == kept_.end()) co_return;  // nobody wants it any more
    found->second.is_wanted_now = false;
    found->second.record.tried_at = ports_.now();
    if (auto* issued = std::get_if<acme::Issued>(&end))
        co_await take_certificate(std::move(name), std::move(*issued));
    else if (auto* refusal = std::get_if<acme::Refusal>(&end))
        co_await take_refusal(std::move(name), std::move(*refusal));
}

// Keys and the count of orders are on the disk before the authority is asked for anything.
Task<acme::IssuanceStep> CertificateKeeper::obtain(std::string name) {
    const auto refused = [](const Error& error) {
        return acme::IssuanceStep(acme::Refusal{acme::Stage::directory, std::nullopt, error.detail, std::nullopt});
    };
    if (account_.directory != options_.directory.text) {
        account_.directory = options_.directory.text;
        account_.account.clear();
    }
    account_.orders.push_back(ports_.now());
    if (const auto written = co_await write(account_file, text_of(account_)); !written.has_value())
        co_return refused(written.error());
    const auto account_key = co_await key_of(account_key_file, []() -> Result<std::string> {
        RELEVO_TRY(const acme::AccountKey key, acme::AccountKey::generate());
        return key.pem();
    });
    if (!account_key.has_value()) co_return refused(account_key.error());
    auto key = acme::AccountKey::parse(*account_key);
    if (!key.has_value())
        co_return refused({ErrorKind::invalid, std::string(account_key_file) + ": " + key.error().detail});
    const auto certificate_key =
        co_await key_of(name + ".key", [name, former_key = ports_.former_key]() -> Result<std::string> {
            const std::optional<std::string> former = former_key ? former_key(name) : std::nullopt;
            if (former && acme::certificate_request(*former, name).has_value()) return *former;
            return acme::generate_certificate_key();
        });
    if (!certificate_key.has_value()) co_return refused(certificate_key.error());
    const Kept& kept = kept_.at(name);
    const bool is_renewal = kept.facts && kept.record.directory == options_.directory.text;
    acme::Issuance issuance({.directory = options_.directory,
                             .name = name,
                             .challenge = options_.challenge,
                             .certificate_key = *certificate_key,
                             .contacts = options_.contacts,
                             .external = options_.external,
                             .account = account_.account,
                             .order = kept.record.order,
                             .replaces = is_renewal ? kept.facts->renewal_id : std::string()},
                            *std::move(key));
    co_return co_await drive(issuance, std::move(name));
}

Task<acme::IssuanceStep> CertificateKeeper::drive(acme::Issuance& issuance, std::string name) {
    Deadline deadline = Clock::now() + order_time_limit;
    std::optional<acme::Publish> published;
    acme::IssuanceStep step = issuance.next();
    for (; !std::holds_alternative<acme::Issued>(step) && !std::holds_alternative<acme::Refusal>(step);
         step = issuance.next()) {
        if (is_stopping_) break;
        if (Clock::now() > deadline) {
            issuance.fail({ErrorKind::timeout,
                           fmt::format("the authority was not done after {} minutes", order_time_limit.count())});
        } else if (const auto* request = std::get_if<acme::Ask>(&step)) {
            const auto answer = co_await ask(*request, std::min(deadline, Clock::now() + request_time_limit));
            if (answer.has_value())
                issuance.answer(*answer, ports_.now());
            else
                issuance.fail(answer.error());
            co_await keep_progress(issuance, name);
        } else if (const auto* publish = std::get_if<acme::Publish>(&step)) {
            published = *publish;
            const Deadline begun = Clock::now();
            const auto done = co_await ports_.publisher.publish(*publish);
            deadline += Clock::now() - begun;  // name servers are slow by no fault of the authority
            done.has_value() ? issuance.go_on() : issuance.fail(done.error());
        } else if (const auto* pause = std::get_if<acme::Pause>(&step)) {
            // Nothing but stop() may end it early; others that wake us are heard afterwards.
            const Deadline end = Clock::now() + pause->duration;
            while (!is_stopping_ && Clock::now() < end) co_await wakeup_.wait(end);
            issuance.go_on();
        }
    }
    if (published) co_await ports_.publisher.withdraw(*published);
    co_return step;
}

Task<> CertificateKeeper::keep_progress(const acme::Issuance& issuance, std::string name) {
    if (account_.account != issuance.account()) {
        account_.account = issuance.account();
        if (!issuance.terms().empty() && !account_.account.empty())
            ports_.log.info(
                "acme.account",
                {{"authority", options_.directory.host}, {"account", account_.account}, {"terms", issuance.terms()}});
        if (const auto written = co_await write(account_file, text_of(account_)); !written.has_value())
            ports_.log.warning("acme.not_written", {{"problem", written.error().detail}});
    }
    const auto found = kept_.find(name);
    if (found == kept_.end() || found->second.record.order == issuance.order()) co_return;
    found->second.record.order = issuance.order();
    if (const auto written = co_await write(name + ".json", text_of(found->second.record)); !written.has_value())
        ports_.log.warning("acme.not_written", {{"problem", written.error().detail}});
}

Task<Result<std::string>> CertificateKeeper::key_of(std::string file, std::function<Result<std::string>()> make) {
    co_return co_await in_background<Result<std::string>>(
        ports_.background, [file, make, folder = folder_.get()]() -> Result<std::string> {
            RELEVO_TRY(auto kept, folder->read(file));
            if (kept) return *std::move(kept);
            RELEVO_TRY(std::string fresh, make());
            RELEVO_CHECK(folder->replace(file, fresh));
            return fresh;
        });
}

Task<Result<void>> CertificateKeeper::write(std::string file, std::string content) {
    co_return co_await in_background<Result<void>>(
        ports_.background, [file, content, folder = folder_.get()] { return folder->replace(file, content); });
}

Task<Result<acme::AuthorityAnswer>> CertificateKeeper::ask(acme::Ask request, Deadline deadline) {
    RELEVO_CO_TRY(const HttpsUrl url, parse_https_url(request.url));
    RELEVO_CO_TRY(auto addresses, co_await addresses_of(url.host, deadline));
    PageRequest page{
        .host = url.host,
        .port = url.port,
        .path = url.path,
        .addresses = std::move(addresses),
        .time_limit = std::max(std::chrono::milliseconds(1),
                               std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now())),
        .limit_octets = acme::answer_limit_octets,
        .trust_file = options_.trust_file,
        .wanted_fields = {"replay-nonce", "location", "retry-after"}};
    if (request.post)
        page.post = PostedBody{.content_type = "application/jose+json", .octets = *std::move(request.post)};
    auto fetched = co_await ports_.pages.fetch(std::move(page));
    if (!fetched.has_value())
        co_return failure(fetched.error().kind, fmt::format("the authority at {} port {} cannot be asked: {}", url.host,
                                                            url.port, printable(fetched.error().detail)));
    acme::AuthorityAnswer answer{.status = fetched->status,
                                 .body = std::move(fetched->body),
                                 .nonce = fetched->fields["replay-nonce"],
                                 .location = fetched->fields["location"],
                                 .retry_after = acme::parse_retry_after(fetched->fields["retry-after"], ports_.now())};
    co_return answer;
}

// The authority is the operator's choice: one in the own network is as good as any.
Task<Result<std::vector<dns::IpAddress>>> CertificateKeeper::addresses_of(std::string host, Deadline deadline) {
    if (const auto literal = dns::IpAddress::parse(host); literal.has_value())
        co_return std::vector<dns::IpAddress>{*literal};
    std::vector<dns::IpAddress> addresses;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await ports_.resolver.query(host, type, deadline);
        if (!answer.has_value())
            co_return failure(answer.error().kind,
                              fmt::format("the authority {} is not found in the DNS: {}", host, answer.error().detail));
        std::ranges::copy(answer->addresses, std::back_inserter(addresses));
    }
    if (addresses.empty())
        co_return failure(ErrorKind::not_found, fmt::format("the authority {} has no address in the DNS", host));
    co_return addresses;
}

Task<> CertificateKeeper::take_certificate(std::string name, acme::Issued issued) {
    Result<void> done = co_await write(name + ".pem", issued.chain);
    if (done.has_value()) done = co_await ports_.installed();
    if (!done.has_value())
        co_return co_await take_refusal(
            std::move(name),
            {acme::Stage::download, std::nullopt,
             "the certificate came and could not be put in force: " + done.error().detail, std::nullopt});
    const auto found = kept_.find(name);
    if (found == kept_.end()) co_return;
    const bool is_first = !found->second.facts;
    CertificateRecord& record = found->second.record;
    record = CertificateRecord{.directory = options_.directory.text,
                               .order = {},
                               .tried_at = record.tried_at,
                               .followed_at = record.followed_at};
    found->second.facts = issued.facts;
    issued_.add();
    if (const auto written = co_await write(name + ".json", text_of(record)); !written.has_value())
        ports_.log.warning("acme.not_written", {{"problem", written.error().detail}});
    ports_.log.info("acme.issued", {{"name", name},
                                    {"authority", options_.directory.host},
                                    {"issuer", printable(issued.facts.issuer)},
                                    {"serial", issued.facts.serial},
                                    {"expires", text_of(issued.facts.not_after)},
                                    {"renewal", text_of(renewal_time(issued.facts, options_.renew_before))}});
    JsonWriter detail;
    detail.field("name", name)
        .field("authority", options_.directory.host)
        .field("issuer", printable(issued.facts.issuer))
        .field("serial", issued.facts.serial)
        .field("expires", utc_text(issued.facts.not_after));
    co_await ports_.tell(occasion(is_first ? EventKind::certificate_issued : EventKind::certificate_renewed, name,
                                  TenantId{}, ports_.now(), std::move(detail)));
}

Task<> CertificateKeeper::take_refusal(std::string name, acme::Refusal refusal) {
    const auto found = kept_.find(name);
    if (found == kept_.end()) co_return;
    CertificateRecord& record = found->second.record;
    const auto now = ports_.now();
    ++record.failures;
    acme::Explanation problem = acme::explain(refusal, name, options_.challenge, options_.directory.host);
    record.problem = std::move(problem.english);
    record.problem_in_spanish = std::move(problem.spanish);
    record.retry_at = now + pause_after_failure(record.failures, ports_.chance());
    const auto asked = pause_asked_for(refusal);
    record.blocked_until = asked.count() > 0 ? now + asked : WallClock::time_point{};
    failed_.add();
    // It may be a limit of the account: the other names wait an hour, not for as long as a limit of this name may last.
    if (refusal.problem && refusal.problem->type == "rateLimited")
        for (auto& [other, kept] : kept_)
            kept.record.blocked_until =
                std::max(kept.record.blocked_until, std::min(record.blocked_until, now + limit_pause_of_others));
    ports_.log.error("acme.failed", {{"name", name},
                                     {"challenge", acme::name_of(options_.challenge)},
                                     {"failures", record.failures},
                                     {"problem", record.problem},
                                     {"type", refusal.problem ? std::string_view(refusal.problem->type) : ""},
                                     {"next", text_of(due(found->second))}});
    JsonWriter detail;
    detail.field("name", name)
        .field("authority", options_.directory.host)
        .field("failures", record.failures)
        .field("problem", record.problem)
        .field("next", utc_text(due(found->second)));
    if (found->second.facts) detail.field("expires", utc_text(found->second.facts->not_after));
    if (const auto written = co_await write(name + ".json", text_of(record)); !written.has_value())
        ports_.log.warning("acme.not_written", {{"problem", written.error().detail}});
    co_await ports_.tell(occasion(EventKind::certificate_failed, name, TenantId{}, ports_.now(), std::move(detail)));
}

Result<std::vector<std::string>> CertificateKeeper::renew(const std::string& name) {
    if (!options_.enabled)
        return failure(ErrorKind::unsupported, "certificates are not ordered here: set acme.enabled = true");
    const auto now = ports_.now();
    auto orders = account_.orders;
    if (const auto allowed = next_order_time(orders, options_.orders_per_hour, now))
        return failure(ErrorKind::limit,
                       fmt::format("acme.orders_per_hour ({}) is reached: the next order may be made at {}",
                                   options_.orders_per_hour, text_of(*allowed)));
    std::vector<std::string> renewed;
    for (auto& [kept_name, kept] : kept_) {
        if (!name.empty() && kept_name != name) continue;
        if (kept.record.blocked_until > now) {
            if (name.empty()) continue;
            return failure(ErrorKind::limit, fmt::format("the authority wants no order for {} before {}", name,
                                                         text_of(kept.record.blocked_until)));
        }
        kept.is_wanted_now = true;
        renewed.push_back(kept_name);
    }
    if (renewed.empty() && !name.empty())
        return failure(ErrorKind::not_found,
                       fmt::format("{} is none of the names that get a certificate: see `relevo certificate list`",
                                   printable(name, 100)));
    wakeup_.notify_all();
    return renewed;
}

std::vector<CertificateStatus> CertificateKeeper::list() const {
    std::vector<CertificateStatus> all;
    const auto now = ports_.now();
    for (const auto& [name, kept] : kept_) {
        using State = CertificateStatus::State;
        all.push_back({.name = name,
                       .state = !kept.facts                    ? State::missing
                                : kept.facts->not_after <= now ? State::expired
                                                               : State::valid,
                       .is_being_ordered = name == in_order_ || kept.is_wanted_now,
                       .facts = kept.facts,
                       .due_at = due(kept),
                       .suggested = suggestion_for(kept.facts, kept.record.suggestion),
                       .failures = kept.record.failures,
                       .problem = {kept.record.problem, kept.record.problem_in_spanish}});
    }
    return all;
}

void CertificateKeeper::count_certificates() {
    std::int64_t without = 0;
    std::int64_t earliest = 0;
    const auto now = ports_.now();
    for (const auto& [name, kept] : kept_) {
        if (!kept.facts || kept.facts->not_after <= now) ++without;
        if (!kept.facts) continue;
        const std::int64_t end = seconds_of(kept.facts->not_after);
        earliest = earliest == 0 ? end : std::min(earliest, end);
    }
    without_.set(without);
    earliest_end_.set(earliest);
}

}  // namespace relevo
