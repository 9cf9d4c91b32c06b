// Certificates that come by themselves: what there is, and renewing before the time.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/certificates/keeper.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {
namespace {

namespace json = boost::json;

json::value json_of(const std::optional<acme::RenewalInfo>& suggested) {
    if (!suggested) return nullptr;
    return json::object{{"start", json_time(suggested->start)},
                        {"end", json_time(suggested->end)},
                        {"explanation", json_text_or_null(suggested->explanation)}};
}

// Failures of releases that knew one language are told in that.
const std::string& problem_of(const CertificateStatus& status, mail::Language language) {
    const bool is_spanish = language == mail::Language::spanish && !status.problem.spanish.empty();
    return is_spanish ? status.problem.spanish : status.problem.english;
}

json::object json_of(const CertificateStatus& status, mail::Language language) {
    const auto& facts = status.facts;
    return {{"name", status.name},
            {"state", name_of(status.state)},
            {"being_ordered", status.is_being_ordered},
            {"issuer", facts ? json_text_or_null(printable(facts->issuer)) : json::value(nullptr)},
            {"serial", facts ? json::value(facts->serial) : json::value(nullptr)},
            {"not_before", facts ? json_time(facts->not_before) : json::value(nullptr)},
            {"expires_at", facts ? json_time(facts->not_after) : json::value(nullptr)},
            {"due_at", json_time(status.due_at)},
            {"suggested", json_of(status.suggested)},
            {"failures", status.failures},
            {"problem", json_text_or_null(problem_of(status, language))}};
}

}  // namespace

Task<Control::Answer> Control::perform_certificates(std::string command, Arguments arguments) {
    if (context_.certificates == nullptr) co_return failure(ErrorKind::closed, "this needs a running server");
    CertificateKeeper& keeper = *context_.certificates;
    if (command == "certificate.list") {
        RELEVO_CO_CHECK(check_members(arguments, {"language"}));
        RELEVO_CO_TRY(const mail::Language language, language_member(arguments, mail::Language::english));
        json::array rows;
        for (const CertificateStatus& status : keeper.list()) rows.push_back(json_of(status, language));
        co_return json::object{{"enabled", keeper.options().enabled},
                               {"authority", json_text_or_null(keeper.options().directory.host)},
                               {"challenge", acme::name_of(keeper.options().challenge)},
                               {"certificates", std::move(rows)}};
    }
    if (command == "certificate.renew") {
        RELEVO_CO_CHECK(check_members(arguments, {"name"}));
        RELEVO_CO_TRY(const auto name, text_member(arguments, "name"));
        RELEVO_CO_TRY(const auto renewed, keeper.renew(to_lower(name.value_or(""))));
        co_return json::object{{"renewing", json_list(renewed)}};
    }
    co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
}

}  // namespace relevo
