#include "core/sign_in/provider_book.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {

Task<Result<std::vector<dns::IpAddress>>> ProviderWeb::addresses_of(std::string host, Deadline deadline) {
    if (const auto literal = dns::IpAddress::parse(host); literal.has_value())
        co_return std::vector<dns::IpAddress>{*literal};
    std::vector<dns::IpAddress> addresses;
    std::optional<Error> fault;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        const auto answer = co_await resolver_.query(host, type, deadline);
        if (answer.has_value())
            std::ranges::copy(answer->addresses, std::back_inserter(addresses));
        else
            fault = answer.error();
    }
    if (!addresses.empty()) co_return addresses;
    if (fault) co_return failure(fault->kind, fmt::format("{} is not found in the DNS: {}", host, fault->detail));
    co_return failure(ErrorKind::not_found, fmt::format("{} has no address in the DNS", host));
}

Task<Result<Page>> ProviderWeb::fetch(Request request) {
    const Deadline deadline = Clock::now() + time_limit;
    RELEVO_CO_TRY(auto addresses, co_await addresses_of(request.url.host, deadline));
    auto page = co_await pages_.fetch(
        {.host = request.url.host,
         .port = request.url.port,
         .path = request.url.path,
         .addresses = std::move(addresses),
         .time_limit = std::max(std::chrono::milliseconds(1),
                                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now())),
         .limit_octets = request.limit_octets,
         .post = std::move(request.post),
         .trust_file = request.trust_file});
    if (!page.has_value())
        co_return failure(page.error().kind, fmt::format("{} port {} cannot be asked: {}", request.url.host,
                                                         request.url.port, printable(page.error().detail)));
    co_return page;
}

ProviderBook::ProviderBook(Shard& shard, ProviderWeb& web, Log& log, std::string issuer, std::string trust_file)
    : web_(web), log_(log), issuer_(std::move(issuer)), trust_file_(std::move(trust_file)), fetched_(shard) {}

template <class T, class Fetch>
Task<Result<T>> ProviderBook::get(Kept<T>& kept_value, Fetch fetch) {
    // Whoever comes meanwhile waits; a fetch ends by its time limit, so that nobody waits for ever.
    while (kept_value.is_being_fetched) co_await fetched_.wait();
    if (kept_value.is_fresh(Clock::now())) co_return *kept_value.value;
    kept_value.is_being_fetched = true;
    Result<T> fresh = co_await fetch(this);
    kept_value.is_being_fetched = false;
    if (!fresh.has_value())
        log_.warning("openid.provider_failed", {{"issuer", issuer_}, {"problem", printable(fresh.error().detail)}});
    // What was known before is better than a fault that may pass, for as long again.
    if (fresh.has_value() || !kept_value.value || !kept_value.value->has_value()) kept_value.value = std::move(fresh);
    kept_value.fetched_at = Clock::now();
    fetched_.notify_all();
    co_return *kept_value.value;
}

template <class T, class Parse>
Task<Result<T>> ProviderBook::read(HttpsUrl url, std::size_t limit_octets, std::string what, Parse parse) {
    RELEVO_CO_TRY(const Page page,
                  co_await web_.fetch({.url = url, .limit_octets = limit_octets, .trust_file = trust_file_}));
    if (page.status != 200)
        co_return failure(page.status >= 500 ? ErrorKind::temporary : ErrorKind::invalid,
                          fmt::format("{} answers with status {}", url.text, page.status));
    auto parsed = parse(page.body);
    if (!parsed.has_value())
        co_return failure(parsed.error().kind == ErrorKind::unsupported ? ErrorKind::unsupported : ErrorKind::invalid,
                          fmt::format("{} is no {} of use: {}", url.text, what, printable(parsed.error().detail)));
    co_return std::move(parsed);
}

Task<Result<oidc::Provider>> ProviderBook::read_provider() {
    RELEVO_CO_TRY(const HttpsUrl url, oidc::discovery_url(issuer_));
    co_return co_await read<oidc::Provider>(
        url, oidc::Provider::text_limit, "description of a provider",
        [this](std::string_view text) { return oidc::parse_provider(text, issuer_); });
}

Task<Result<oidc::KeySet>> ProviderBook::read_keys() {
    RELEVO_CO_TRY(const oidc::Provider known, co_await provider());
    co_return co_await read<oidc::KeySet>(known.keys, oidc::KeySet::text_limit, "set of keys",
                                          [](std::string_view text) { return oidc::KeySet::parse(text); });
}

Task<Result<oidc::Provider>> ProviderBook::provider() {
    co_return co_await get(provider_, [](ProviderBook* self) { return self->read_provider(); });
}

Task<Result<oidc::KeySet>> ProviderBook::keys() {
    co_return co_await get(keys_, [](ProviderBook* self) { return self->read_keys(); });
}

Task<Result<oidc::KeySet>> ProviderBook::newer_keys() {
    const Deadline now = Clock::now();
    if (!sought_newer_at_ || now >= *sought_newer_at_ + keys_pause) {
        sought_newer_at_ = now;
        keys_.fetched_at = now - kept;  // too old
    }
    co_return co_await keys();
}

}  // namespace relevo
