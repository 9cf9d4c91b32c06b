// Whether addresses will take mail, with what this server remembers of them.
#include "app/lookups/address_lookup.h"
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/statistics/recipient_log.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"
#include "lib/bounces/bounce_class.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;
using addresscheck::History;
using mailsearch::State;

constexpr std::size_t remembered_at_once = 1'000;
constexpr std::size_t checked_at_once = 100;
constexpr std::size_t newest_looked_at = 5;  // mails to one address

struct Question {
    TenantId tenant;
    std::vector<std::string> addresses;
};

Result<Question> question_of(const Arguments& arguments, const Directory& directory, std::size_t limit) {
    RELEVO_TRY(const std::string tenant, required_text(arguments, "tenant"));
    const auto found = std::ranges::find_if(
        directory.tenants(), [&](const Tenant& one) { return one.name == tenant || one.id.text() == tenant; });
    if (found == directory.tenants().end())
        return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(tenant, 60)));
    RELEVO_TRY(auto addresses, list_member(arguments, "addresses"));
    if (!addresses || addresses->size() > limit)
        return failure(ErrorKind::invalid, fmt::format("\"addresses\" is a list of up to {}", limit));
    return Question{.tenant = found->id, .addresses = *std::move(addresses)};
}

// The address does not exist, or does not want mail; not: the server refused us or the content.
bool came_back_for_good(const FoundRecipient& one) {
    if (one.state != State::bounced) return false;
    const auto reason = bounces::bounce_class_named(one.reason);
    return reason && bounces::nature_of(*reason) == bounces::BounceNature::hard;
}

}  // namespace

Task<Control::Answer> Control::perform_addresses(std::string command, Arguments arguments) {
    if (command == "address.history") co_return co_await tell_history(std::move(arguments));
    co_return co_await check_addresses(std::move(arguments));
}

// One look-up by key on the list and one in the index for each address.
Task<Result<std::map<std::string, History>>> Control::histories_of(TenantId tenant,
                                                                   std::vector<std::string> addresses) {
    std::map<std::string, History> known;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        for (const std::string& address : addresses) {
            const auto comparable = comparable_address(address);
            if (!comparable.has_value()) continue;  // what is no address has no history
            RELEVO_TRY(const auto row, find_suppression(reader, tenant, *comparable, WallClock::now()));
            known[address].suppressed = row ? name_of(row->reason) : std::string_view();
        }
        return {};
    }));
    const auto read_outcomes = [&](Reader& reader) -> Result<void> {
        for (auto& [address, history] : known) {
            mailsearch::MailQuery query;
            query.to.exact = to_lower(trimmed(address));
            RELEVO_TRY(const RecipientPage page, recipients_.find(reader, query, tenant, 0, newest_looked_at));
            const auto ended = std::ranges::find_if(page.rows, [](const FoundRecipient& one) {
                return one.state == State::delivered || one.state == State::bounced;
            });
            history.bounced = ended != page.rows.end() && came_back_for_good(*ended);
        }
        return {};
    };
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.statistics_committer(), read_outcomes));
    co_return known;
}

Task<Control::Answer> Control::tell_history(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "addresses"}));
    RELEVO_CO_TRY(Question question, question_of(arguments, *context_.directory(), remembered_at_once));
    RELEVO_CO_TRY(const auto known, co_await histories_of(question.tenant, std::move(question.addresses)));
    json::array remembered;
    for (const auto& [address, history] : known)
        if (!history.suppressed.empty() || history.bounced)
            remembered.emplace_back(json::object{{"address", address},
                                                 {"suppressed", json_text_or_null(history.suppressed)},
                                                 {"bounced", history.bounced}});
    co_return json::object{{"remembered", std::move(remembered)}};
}

Task<Control::Answer> Control::check_addresses(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "addresses", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const Question question, question_of(arguments, *context_.directory(), checked_at_once));
    if (context_.inspection == nullptr || !context_.address_lists)
        co_return failure(ErrorKind::closed, "this needs a running server");
    RELEVO_CO_TRY(const auto known, co_await histories_of(question.tenant, question.addresses));
    std::set<std::string> domains;
    for (const std::string& address : question.addresses)
        if (std::string domain = addresscheck::domain_to_ask(address); !domain.empty())
            domains.insert(std::move(domain));
    const auto servers = co_await context_.inspection->mail_of(std::move(domains));
    const auto lists = context_.address_lists();
    json::array reports;
    for (const std::string& address : question.addresses) {
        const auto mail = servers.find(addresscheck::domain_to_ask(address));
        const auto history_of = [&](const mail::Address&) {
            const auto found = known.find(address);
            return found == known.end() ? History() : found->second;
        };
        reports.emplace_back(lookups::json_of(
            addresscheck::judge_address(address, mail == servers.end() ? addresscheck::DomainMail() : mail->second,
                                        *lists, history_of),
            language));
    }
    co_return json::object{{"addresses", std::move(reports)}};
}

}  // namespace relevo
