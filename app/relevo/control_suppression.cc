// The list of addresses that a tenant's mail does not go to, for people.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;

constexpr std::int64_t default_page = 100;
constexpr std::int64_t longest_page = 10'000;
constexpr std::size_t imported_at_once = 1000;

Result<TenantId> tenant_named(const Directory& directory, std::string_view text) {
    const auto found = std::ranges::find_if(
        directory.tenants(), [&](const Tenant& one) { return one.name == text || one.id.text() == text; });
    if (found == directory.tenants().end())
        return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(text, 60)));
    return found->id;
}

Result<TenantId> required_tenant(const Arguments& arguments, const Directory& directory) {
    RELEVO_TRY(const std::string text, required_text(arguments, "tenant"));
    return tenant_named(directory, text);
}

Result<std::string> required_address(const Arguments& arguments) {
    RELEVO_TRY(const std::string text, required_text(arguments, "address"));
    auto address = comparable_address(text);
    if (!address.has_value())
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no address: {}", printable(text, 100), address.error().detail));
    return address;
}

Result<std::optional<SuppressionReason>> reason_member(const Arguments& arguments) {
    RELEVO_TRY(const auto text, text_member(arguments, "reason"));
    if (!text) return std::optional<SuppressionReason>();
    const auto reason = suppression_reason_named(*text);
    if (!reason)
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no reason: use hard_bounce, soft_bounces, complaint, unsubscribe or "
                                   "manual",
                                   printable(*text, 60)));
    return reason;
}

// A row that a person gives.
Result<Suppression> suppression_of(const Arguments& arguments, TenantId tenant, SuppressionReason usual,
                                   WallClock::time_point now) {
    Suppression suppression{.tenant = tenant};
    RELEVO_TRY(suppression.address, required_address(arguments));
    RELEVO_TRY(const auto reason, reason_member(arguments));
    suppression.reason = reason.value_or(usual);
    RELEVO_TRY(const auto text, text_member(arguments, "text"));
    suppression.text = text.value_or("");
    RELEVO_TRY(const auto expires_at, time_member(arguments, "expires_at"));
    suppression.expires_at = expires_at.value_or(never_expires);
    if (suppression.is_over(now)) return failure(ErrorKind::invalid, "\"expires_at\" lies in the past");
    return suppression;
}

// "ten_…:address", what "next" of the page before said.
Result<SuppressionPlace> place_of(const std::optional<std::string>& after) {
    if (!after) return SuppressionPlace{};
    const auto colon = after->find(':');
    const auto tenant = TenantId::parse(after->substr(0, colon));
    if (colon == std::string::npos || !tenant.has_value())
        return failure(ErrorKind::invalid, "\"after\" is what \"next\" of the page before said");
    return SuppressionPlace{.tenant = *tenant, .address = after->substr(colon + 1)};
}

Result<SuppressionFilter> filter_of(const Arguments& arguments, const Directory& directory) {
    SuppressionFilter filter;
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    if (tenant) {
        RELEVO_TRY(const TenantId id, tenant_named(directory, *tenant));
        filter.tenant = id;
    }
    RELEVO_TRY(filter.reason, reason_member(arguments));
    RELEVO_TRY(const auto domain, text_member(arguments, "domain"));
    if (domain && !domain->empty()) {
        RELEVO_TRY(filter.domain, comparable_domain(*domain));
    }
    return filter;
}

}  // namespace

json::object Control::suppression_entry(const Suppression& suppression) const {
    return {{"tenant", tenant_name(suppression.tenant)},
            {"address", suppression.address},
            {"reason", name_of(suppression.reason)},
            {"text", json_text_or_null(suppression.text)},
            {"message", suppression.message ? json::value(suppression.message.text()) : json::value(nullptr)},
            {"created_at", json_time(suppression.created_at)},
            {"expires_at", json_time(suppression.expires_at)}};
}

Task<Control::Answer> Control::perform_suppression(std::string command, Arguments arguments) {
    if (command == "suppression.list") return list_suppressions(std::move(arguments));
    if (command == "suppression.show") return show_suppression(std::move(arguments));
    if (command == "suppression.add") return add_suppression(std::move(arguments));
    if (command == "suppression.remove") return remove_suppression(std::move(arguments));
    if (command == "suppression.import") return import_suppressions(std::move(arguments));
    return refuse(fmt::format("there is no command \"{}\"", printable(command, 60)));
}

Task<Control::Answer> Control::refuse(std::string reason) {
    co_return failure(ErrorKind::unsupported, std::move(reason));
}

Task<Control::Answer> Control::list_suppressions(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "reason", "domain", "limit", "after"}));
    const auto directory = context_.directory();
    RELEVO_CO_TRY(const SuppressionFilter filter, filter_of(arguments, *directory));
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_CO_TRY(const auto after_text, text_member(arguments, "after"));
    RELEVO_CO_TRY(const SuppressionPlace after, place_of(after_text));
    const std::int64_t page = std::clamp<std::int64_t>(limit.value_or(default_page), 1, longest_page);
    std::vector<Suppression> found;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(found, relevo::list_suppressions(reader, filter, after, page, WallClock::now()));
        return {};
    }));
    json::array entries;
    for (const Suppression& one : found) entries.emplace_back(suppression_entry(one));
    json::value next = nullptr;
    if (std::ssize(found) == page)
        next = json::string(fmt::format("{}:{}", found.back().tenant.text(), found.back().address));
    co_return json::object{{"entries", std::move(entries)}, {"next", std::move(next)}};
}

Task<Control::Answer> Control::show_suppression(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"address", "tenant"}));
    const auto directory = context_.directory();
    RELEVO_CO_TRY(SuppressionFilter filter, filter_of(arguments, *directory));
    RELEVO_CO_TRY(filter.address, required_address(arguments));
    const auto now = WallClock::now();
    const auto from = now - context_.feedback.keeper().options()->soft_bounce_period;
    std::vector<Suppression> found;
    json::array soft_bounces;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(found, relevo::list_suppressions(reader, filter, {}, longest_page, now));
        for (const Tenant& tenant : directory->tenants()) {
            if (filter.tenant && *filter.tenant != tenant.id) continue;
            RELEVO_TRY(const std::int64_t count, soft_bounces_of(reader, tenant.id, filter.address, from));
            if (count > 0) soft_bounces.emplace_back(json::object{{"tenant", tenant.name}, {"count", count}});
        }
        return {};
    }));
    json::array entries;
    for (const Suppression& one : found) entries.emplace_back(suppression_entry(one));
    co_return json::object{
        {"address", filter.address}, {"entries", std::move(entries)}, {"soft_bounces", std::move(soft_bounces)}};
}

Task<Control::Answer> Control::add_suppression(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"address", "tenant", "reason", "text", "expires_at"}));
    const auto directory = context_.directory();
    const auto now = WallClock::now();
    RELEVO_CO_TRY(const TenantId tenant, required_tenant(arguments, *directory));
    RELEVO_CO_TRY(const Suppression given, suppression_of(arguments, tenant, SuppressionReason::manual, now));
    std::optional<Suppression> in_force;
    SuppressionChange change{};
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(change, context_.feedback.keeper().add(transaction, given, now));
        RELEVO_TRY(in_force, find_suppression(transaction, tenant, given.address, now));
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    json::object answer = suppression_entry(in_force.value_or(given));
    answer["change"] = name_of(change);
    co_return answer;
}

Task<Control::Answer> Control::remove_suppression(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"address", "tenant"}));
    const auto directory = context_.directory();
    RELEVO_CO_TRY(const TenantId tenant, required_tenant(arguments, *directory));
    RELEVO_CO_TRY(const std::string address, required_address(arguments));
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        return context_.feedback.keeper().remove(transaction, tenant, address, WallClock::now());
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    context_.feedback.index().erase(tenant, address);
    co_return json::object{{"removed", address}};
}

// Rows of a file, which the asker has read: a broken one is told by its line, the rest is taken.
Task<Control::Answer> Control::import_suppressions(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "reason", "rows"}));
    const auto directory = context_.directory();
    const auto now = WallClock::now();
    RELEVO_CO_TRY(const TenantId tenant, required_tenant(arguments, *directory));
    RELEVO_CO_TRY(const auto usual, reason_member(arguments));
    const json::value* rows = arguments.if_contains("rows");
    if (rows == nullptr || !rows->is_array() || rows->get_array().size() > imported_at_once)
        co_return failure(ErrorKind::invalid,
                          fmt::format("\"rows\" must be a list of at most {} rows", imported_at_once));
    std::vector<Suppression> good;
    json::array problems;
    for (const json::value& row : rows->get_array()) {
        if (!row.is_object()) co_return failure(ErrorKind::invalid, "a row must be an object");
        auto suppression = suppression_of(row.get_object(), tenant, usual.value_or(SuppressionReason::manual), now);
        if (suppression.has_value()) {
            good.push_back(*std::move(suppression));
            continue;
        }
        const json::value* line = row.get_object().if_contains("line");
        problems.emplace_back(json::object{{"line", line != nullptr ? *line : json::value(nullptr)},
                                           {"problem", suppression.error().detail}});
    }
    SuppressionKeeper::Counts counts;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(counts, context_.feedback.keeper().import(transaction, good, now));
        return {};
    };
    if (!good.empty()) RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    co_return json::object{{"added", counts.added},
                           {"replaced", counts.replaced},
                           {"kept", counts.kept},
                           {"problems", std::move(problems)}};
}

}  // namespace relevo
