#include "lib/mailauth/explain.h"

#include "lib/base/text.h"
#include "lib/mailauth/explain_texts.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t reason_limit_octets = 300;
constexpr std::size_t detail_limit = 50;
constexpr std::size_t detail_limit_octets = 200;

constexpr Bilingual found_phrase = {"Found: {}", "Detalle (en inglés): {}"};
constexpr Bilingual testing_phrase = {
    "The key record says t=y (testing): some receivers ignore the signature.",
    "El registro de la clave dice t=y (pruebas): algunos receptores ignoran la firma."};
constexpr Bilingual no_signature_title = {"DKIM none: no signature", "DKIM none: sin firma"};
constexpr Bilingual no_signature_question = {"Is the message signed?", "¿Está firmado el mensaje?"};
constexpr Bilingual local_client = {"(unknown)", "(desconocida)"};
constexpr Bilingual spf_aligned = {"SPF passes for the author's domain: {}", "SPF confirma el dominio del autor: {}"};
constexpr Bilingual dkim_aligned = {"DKIM passes for the author's domain: {}",
                                    "DKIM confirma el dominio del autor: {}"};
constexpr Bilingual yes = {"yes", "sí"};
constexpr Bilingual no = {"no", "no"};

// Which text, for which title, with which values.
struct Subject {
    std::string_view method;
    std::string_view result;
    std::string title;
    std::string_view reason;
};

class Teller {
 public:
    Teller(mail::Language language, std::string_view client_address)
        : language_(language), address_(client_address.empty() ? local_client.in(language) : client_address) {}

    [[nodiscard]] mail::Language language() const { return language_; }
    [[nodiscard]] std::string_view address() const { return address_; }

    [[nodiscard]] ExplanationItem tell(const Subject& subject, std::string_view question,
                                       const std::vector<CheckStep>& steps,
                                       std::initializer_list<TextValue> values) const {
        ExplanationItem item{.title = printable(subject.title, reason_limit_octets)};
        item.text = filled_in(question, values);
        if (const ResultText* text = result_text(subject.method, subject.result)) {
            item.status = text->status;
            item.text.append("\n").append(filled_in(text->meaning.in(language_), values));
            if (!subject.reason.empty() && text->status != ExplanationStatus::good)
                item.text.append("\n").append(fmt::format(fmt::runtime(found_phrase.in(language_)),
                                                          printable(subject.reason, reason_limit_octets)));
            if (const std::string advice = filled_in(text->advice.in(language_), values); !advice.empty())
                item.text.append("\n").append(advice);
        }
        for (const CheckStep& step : steps) {
            if (item.details.size() == detail_limit) break;
            item.details.push_back(std::string(2 * std::min(step.depth, 10U), ' ') +
                                   printable(fmt::format("{}: {}", step.subject, step.outcome), detail_limit_octets));
        }
        return item;
    }

 private:
    mail::Language language_;
    std::string_view address_;
};

ExplanationItem tell(const Teller& teller, const IprevVerdict& iprev) {
    const std::string_view result = name_of(iprev.result);
    const Subject subject{"iprev", result, fmt::format("iprev {}: {}", result, teller.address()), iprev.reason};
    return teller.tell(subject, method_text("iprev").in(teller.language()), {},
                       {{"address", teller.address()}, {"name", iprev.name}});
}

ExplanationItem tell(const Teller& teller, const SpfVerdict& spf) {
    const std::string_view result = name_of(spf.result);
    const bool is_helo = spf.identity == SpfIdentity::helo;
    const Subject subject{"spf", result, fmt::format("SPF{} {}: {}", is_helo ? " (HELO)" : "", result, spf.domain),
                          spf.reason};
    const std::string lookups = std::to_string(spf.lookups);
    return teller.tell(subject, method_text(is_helo ? "helo" : "spf").in(teller.language()), spf.steps,
                       {{"address", teller.address()},
                        {"domain", spf.domain},
                        {"sender", spf.sender},
                        {"mechanism", spf.mechanism.empty() ? "default" : spf.mechanism},
                        {"lookups", lookups}});
}

ExplanationItem tell(const Teller& teller, const DkimVerdict& dkim) {
    const std::string_view result = name_of(dkim.result);
    const Subject subject{"dkim", result, fmt::format("DKIM {}: {} ({})", result, dkim.domain, dkim.selector),
                          dkim.reason};
    ExplanationItem item = teller.tell(subject, method_text("dkim").in(teller.language()), dkim.steps,
                                       {{"domain", dkim.domain}, {"selector", dkim.selector}});
    if (!dkim.is_testing) return item;
    item.text.append("\n").append(testing_phrase.in(teller.language()));
    if (item.status == ExplanationStatus::good) item.status = ExplanationStatus::notice;
    return item;
}

ExplanationItem tell_no_signature(const Teller& teller) {
    const Subject subject{"dkim", "none", std::string(no_signature_title.in(teller.language())), ""};
    return teller.tell(subject, no_signature_question.in(teller.language()), {}, {});
}

ExplanationItem tell(const Teller& teller, const ArcVerdict& arc) {
    const std::string_view result = name_of(arc.result);
    const std::string instances = std::to_string(arc.instances);
    const std::string sealers = fmt::format("{}", fmt::join(arc.sealers, ", "));
    const Subject subject{"arc", result, fmt::format("ARC {}: i={}", result, instances), arc.reason};
    return teller.tell(subject, method_text("arc").in(teller.language()), arc.steps,
                       {{"instances", instances}, {"sealers", sealers}});
}

ExplanationItem tell(const Teller& teller, const DmarcVerdict& dmarc) {
    const bool failed = dmarc.result == DmarcResult::fail;
    const std::string_view result = name_of(dmarc.result);
    // What is to be done now, which t=y or a trusted ARC chain may have made milder than p=; the reason says so.
    const std::string text_name = failed ? fmt::format("fail-{}", name_of(dmarc.disposition)) : std::string(result);
    const Subject subject{"dmarc", text_name, fmt::format("DMARC {}: {}", result, dmarc.author_domain), dmarc.reason};
    ExplanationItem item = teller.tell(subject, method_text("dmarc").in(teller.language()), dmarc.steps,
                                       {{"domain", dmarc.author_domain},
                                        {"policy_domain", dmarc.policy_domain},
                                        {"published", name_of(dmarc.published)}});
    if (!failed && dmarc.result != DmarcResult::pass) return item;
    const auto answer = [&](bool aligned) { return (aligned ? yes : no).in(teller.language()); };
    item.details.push_back(fmt::format(fmt::runtime(spf_aligned.in(teller.language())), answer(dmarc.spf_aligned)));
    item.details.push_back(fmt::format(fmt::runtime(dkim_aligned.in(teller.language())), answer(dmarc.dkim_aligned)));
    return item;
}

}  // namespace

std::string_view name_of(ExplanationStatus status) {
    switch (status) {
        case ExplanationStatus::good: return "good";
        case ExplanationStatus::notice: return "notice";
        case ExplanationStatus::problem: return "problem";
        case ExplanationStatus::unknown: return "unknown";
    }
    return "unknown";
}

std::vector<ExplanationItem> explain(const MessageVerdicts& verdicts, mail::Language language) {
    const Teller teller(language, verdicts.client_address);
    std::vector<ExplanationItem> items;
    if (verdicts.iprev) items.push_back(tell(teller, *verdicts.iprev));
    for (const SpfVerdict& spf : verdicts.spf) items.push_back(tell(teller, spf));
    if (verdicts.dkim)
        for (const DkimVerdict& dkim : *verdicts.dkim) items.push_back(tell(teller, dkim));
    if (verdicts.dkim && verdicts.dkim->empty()) items.push_back(tell_no_signature(teller));
    if (verdicts.arc && verdicts.arc->result != ArcResult::none) items.push_back(tell(teller, *verdicts.arc));
    if (verdicts.dmarc) items.push_back(tell(teller, *verdicts.dmarc));
    return items;
}

}  // namespace relevo::mailauth
