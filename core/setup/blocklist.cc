#include "core/setup/blocklist.h"

#include "core/setup/dns_view.h"
#include "core/setup/parallel.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace relevo::setup {
namespace {

// RFC 5782 §5: lists of addresses hold 127.0.0.2 and ::FFFF:7F00:2 and never 127.0.0.1, lists of names never "invalid".
constexpr std::string_view ipv6_test_entry = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
constexpr std::string_view address_never_listed = "1.0.0.127";
constexpr std::string_view name_never_listed = "invalid";

bool is_list_code(const dns::IpAddress& address) { return address.is_v4() && address.octets()[0] == 127; }

const CodeMeaning* meaning_of(std::span<const CodeMeaning> meanings, std::string_view address) {
    const auto found = std::ranges::find(meanings, address, &CodeMeaning::address);
    return found != meanings.end() ? &*found : nullptr;
}

Words words_of(const CodeMeaning& meaning) { return {std::string(meaning.english), std::string(meaning.spanish)}; }

void add_meanings(ListVerdict& verdict, const Blocklist& list, const dns::IpAddress& code) {
    const std::size_t before = verdict.meanings.size();
    if (list.form == CodeForm::bits) {
        for (const CodeMeaning& meaning : list.meanings) {
            const auto bit = dns::IpAddress::parse(meaning.address);
            if (bit.has_value() && (code.octets()[3] & bit->octets()[3]) != 0)
                verdict.meanings.push_back(words_of(meaning));
        }
    } else if (const CodeMeaning* meaning = meaning_of(list.meanings, code.text())) {
        verdict.meanings.push_back(words_of(*meaning));
    }
    if (verdict.meanings.size() == before) verdict.meanings.push_back(same(code.text()));
}

Words joined(const std::vector<Words>& all) {
    Words text;
    for (const Words& one : all) {
        text.english += (text.english.empty() ? "" : "; ") + one.english;
        text.spanish += (text.spanish.empty() ? "" : "; ") + one.spanish;
    }
    return text;
}

Words why_lists_matter() {
    return {"Receivers that use this list refuse or hide mail from what it lists.",
            "Los receptores que usan esta lista rechazan u ocultan el correo de lo que aparece en ella."};
}

Words cannot_ask(const Words& reason) {
    return {"cannot ask: " + reason.english, "no se puede preguntar: " + reason.spanish};
}

// One list and what is looked up in it.
struct ListCheck {
    const Blocklist* list;  // of the table, never null
    std::string zone;       // with the key in it
    std::vector<std::string> labels;
    std::vector<CheckItem> items;  // one for each label, subject filled in
};

// The detail of an error may hold the name that was asked, and with it the key of the list's customer (security E12).
Words no_answer(const ListCheck& check, const Error& error) {
    const std::string reason = check.zone == check.list->zone ? error.detail : std::string(name_of(error.kind));
    return {"the list did not answer: " + reason, "la lista no ha respondido: " + reason};
}

class Lookup {
 public:
    Lookup(Resolver& resolver, Deadline deadline) : resolver_(resolver), deadline_(deadline) {}

    Task<> run(ListCheck& check) {
        const Words obstacle = co_await find_obstacle(check);
        for (std::size_t index = 0; index < check.labels.size(); ++index) {
            CheckItem& item = check.items[index];
            if (obstacle.empty()) {
                co_await look(check, check.labels[index], item);
            } else {
                item.status = CheckStatus::skipped;
                item.found = obstacle;
            }
        }
    }

 private:
    Task<Result<dns::Answer>> ask(const ListCheck& check, std::string label) {
        return resolver_.query(label + "." + check.zone, dns::RecordType::a, question_deadline(deadline_));
    }

    // Why the list's answers would say nothing: empty if it lists what it must, and not what it must not (RFC 5782 §5).
    Task<Words> find_obstacle(const ListCheck& check) {
        auto answer = co_await ask(check, std::string(check.list->test_entry));
        if (answer.has_value() && answer->addresses.empty() && check.list->lists_ipv6)
            answer = co_await ask(check, std::string(ipv6_test_entry));
        if (!answer.has_value()) co_return no_answer(check, answer.error());
        const ListVerdict verdict = judge_list_answer(*check.list, *answer);
        if (verdict.kind == ListVerdict::Kind::refused) co_return cannot_ask(joined(verdict.meanings));
        if (verdict.kind == ListVerdict::Kind::clear)
            co_return cannot_ask({"it does not even list its own test entry, so it does not answer our resolver",
                                  "no da ni su propia entrada de prueba, así que no responde a nuestro servidor DNS"});
        const auto never =
            co_await ask(check, std::string(check.list->lists_domains ? name_never_listed : address_never_listed));
        if (!never.has_value()) co_return no_answer(check, never.error());
        if (judge_list_answer(*check.list, *never).kind == ListVerdict::Kind::listed)
            co_return cannot_ask({"it lists everything, so it has probably ended",
                                  "da por incluido todo, así que probablemente ha cerrado"});
        co_return Words{};
    }

    Task<> look(const ListCheck& check, std::string label, CheckItem& item) {
        const auto answer = co_await ask(check, std::move(label));
        if (!answer.has_value()) {
            item.status = CheckStatus::skipped;
            item.found = no_answer(check, answer.error());
            co_return;
        }
        const ListVerdict verdict = judge_list_answer(*check.list, *answer);
        if (verdict.kind == ListVerdict::Kind::refused) {
            item.status = CheckStatus::skipped;
            item.found = cannot_ask(joined(verdict.meanings));
        } else if (verdict.kind == ListVerdict::Kind::clear) {
            item.found = {"not listed", "no aparece"};
        } else {
            item.status = check.list->weight;
            item.found = {"listed: " + joined(verdict.meanings).english,
                          "aparece: " + joined(verdict.meanings).spanish};
            item.action = {
                fmt::format("Find the cause and stop it first, then ask for removal: {}", check.list->delisting),
                fmt::format("Encuentre la causa y deténgala primero, y luego pida la retirada: {}",
                            check.list->delisting)};
        }
    }

    Resolver& resolver_;
    Deadline deadline_;
};

std::string zone_to_ask(const Blocklist& list, const BlocklistOptions& options) {
    const auto key = options.keys.find(list.zone);
    if (key == options.keys.end() || list.keyed_zone.empty()) return std::string(list.zone);
    return fmt::format(fmt::runtime(list.keyed_zone), key->second);
}

void add_subject(ListCheck& check, std::string label, std::string_view id, const std::string& subject) {
    check.labels.push_back(std::move(label));
    CheckItem item;
    item.id = id;
    item.group = CheckGroup::blocklists;
    item.subject = fmt::format("{} · {}", subject, check.list->name);
    item.why = why_lists_matter();
    check.items.push_back(std::move(item));
}

Task<std::vector<CheckItem>> run_all(Shard& shard, Resolver& resolver, std::vector<ListCheck> checks,
                                     Deadline deadline) {
    Lookup lookup(resolver, deadline);
    std::vector<Task<>> tasks;
    for (ListCheck& check : checks) tasks.push_back(lookup.run(check));
    co_await run_together(shard, std::move(tasks));
    std::vector<CheckItem> items;
    for (ListCheck& check : checks) std::ranges::move(check.items, std::back_inserter(items));
    co_return items;
}

std::vector<ListCheck> chosen_lists(const BlocklistOptions& options) {
    std::vector<ListCheck> checks;
    for (const Blocklist& list : blocklist_table())
        if (std::ranges::find(options.zones, list.zone) != options.zones.end())
            checks.push_back({&list, zone_to_ask(list, options), {}, {}});
    return checks;
}

}  // namespace

ListVerdict judge_list_answer(const Blocklist& list, const dns::Answer& answer) {
    ListVerdict verdict;
    for (const dns::IpAddress& code : answer.addresses) {
        if (const CodeMeaning* refusal = meaning_of(list.refusals, code.text())) {
            verdict.kind = ListVerdict::Kind::refused;
            verdict.meanings = {words_of(*refusal)};
            return verdict;
        }
        // Spamhaus' convention, which others follow: codes of 127.255.255/24 speak of the question.
        if (code.is_v4() && code.octets()[0] == 127 && code.octets()[1] == 255 && code.octets()[2] == 255) {
            verdict.kind = ListVerdict::Kind::refused;
            verdict.meanings = {{"it refuses to answer our resolver: " + code.text(),
                                 "se niega a responder a nuestro servidor DNS: " + code.text()}};
            return verdict;
        }
        // Anything outside of 127/8 comes from a domain that was sold or a resolver that invents answers (RFC 5782
        // §2.3).
        if (!is_list_code(code)) {
            verdict.kind = ListVerdict::Kind::refused;
            verdict.meanings = {
                {fmt::format(
                     "the answer {} is none of a blocklist: the list has ended, or our resolver invents answers",
                     code.text()),
                 fmt::format("la respuesta {} no es de una lista negra: la lista ha cerrado, o nuestro servidor DNS "
                             "inventa respuestas",
                             code.text())}};
            return verdict;
        }
        verdict.kind = ListVerdict::Kind::listed;
        add_meanings(verdict, list, code);
    }
    return verdict;
}

std::string list_label(const dns::IpAddress& address) {
    const std::string name = address.reverse_name();
    return name.substr(0, name.rfind('.', name.rfind('.') - 1));  // without in-addr.arpa, ip6.arpa
}

Task<std::vector<CheckItem>> check_address_lists(Shard& shard, Resolver& resolver, BlocklistOptions options,
                                                 std::vector<dns::IpAddress> addresses, Deadline deadline) {
    std::vector<ListCheck> checks = chosen_lists(options);
    for (ListCheck& check : checks)
        for (const dns::IpAddress& address : addresses)
            if (address.is_v4() ? check.list->lists_ipv4 : check.list->lists_ipv6)
                add_subject(check, list_label(address), "blocklist.address", address.text());
    std::erase_if(checks, [](const ListCheck& check) { return check.labels.empty(); });
    co_return co_await run_all(shard, resolver, std::move(checks), deadline);
}

Task<std::vector<CheckItem>> check_domain_lists(Shard& shard, Resolver& resolver, BlocklistOptions options,
                                                std::vector<std::string> domains, Deadline deadline) {
    std::vector<ListCheck> checks = chosen_lists(options);
    for (ListCheck& check : checks)
        for (const std::string& domain : domains)
            if (check.list->lists_domains) add_subject(check, domain, "blocklist.domain", domain);
    std::erase_if(checks, [](const ListCheck& check) { return check.labels.empty(); });
    co_return co_await run_all(shard, resolver, std::move(checks), deadline);
}

}  // namespace relevo::setup
