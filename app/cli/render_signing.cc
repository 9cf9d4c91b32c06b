// What people see of ownership and keys.
#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

constexpr std::size_t record_limit = 2000;

std::string dns_words(const value& key) {
    const std::string dns = text(key, "dns");
    if (dns == "present") return "in the DNS";
    if (dns == "absent") return "not in the DNS";
    if (dns == "different") return "another record in the DNS";
    return "not asked yet";
}

std::string state_words(const value& key) {
    const std::string state = text(key, "state");
    if (state == "next") return "waits for its record";
    if (state == "published") return "waits for its partner";
    if (state == "active") return "signs since " + time_text(key, "activated_at");
    if (state == "retiring") return "signed; keep its record until " + time_text(key, "keep_until");
    return "withdrawn: its record may be deleted";
}

// Of keys that sign; who reads their mail cannot verify it.
std::size_t missing_records(const value& keys) {
    std::size_t count = 0;
    for (const value& key : elements(keys, "keys")) {
        const std::string dns = text(key, "dns");
        count += text(key, "state") == "active" && (dns == "absent" || dns == "different") ? 1 : 0;
    }
    return count;
}

bool signs(const value& keys) {
    for (const value& key : elements(keys, "keys"))
        if (text(key, "state") == "active") return true;
    return false;
}

// The records of keys that are not where they should be.
std::string records_to_publish(const value& result) {
    std::string page;
    for (const value& key : elements(result, "keys")) {
        if (text(key, "state") == "withdrawn" || text(key, "dns") == "present") continue;
        page +=
            fmt::format("  {}\n    {}\n", printable(text(key, "host")), printable(text(key, "record"), record_limit));
    }
    return page.empty() ? page : "Publish these TXT records:\n" + page;
}

std::string challenge_to_publish(const value& domain) {
    const value& challenge = member(domain, "challenge");
    if (!challenge.is_object()) return {};
    return fmt::format(
        "Nobody may send from it before it is proven to be the tenant's. Publish this TXT record (or one of its DKIM\n"
        "keys), then run `relevo domain verify {}`:\n  {}\n    {}\n",
        printable(text(domain, "name")), printable(text(challenge, "host")), printable(text(challenge, "text")));
}

std::string render_list(const value& result) {
    Table table({"DOMAIN", "SELECTOR", "ALGORITHM", "STATE", "DNS", "SINCE"});
    for (const value& key : elements(result, "keys"))
        table.add({text(key, "domain"), text(key, "selector"), text(key, "algorithm"), text(key, "state"),
                   dns_words(key), time_text(key, "dns_since")});
    if (table.empty()) return "No keys. Every domain gets some when it is added.\n";
    return table.text();
}

std::string render_show(const value& result) {
    const std::string domain = printable(text(result, "domain"));
    std::string page = signs(result)
                           ? fmt::format("Mail of {} is signed.\n", domain)
                           : fmt::format("Mail of {} is NOT signed: none of its keys is in the DNS.\n", domain);
    if (const std::size_t missing = missing_records(result); missing > 0)
        page += fmt::format("WARNING: {} of the keys that sign {} not in the DNS: nobody can verify {} signatures.\n",
                            missing, missing == 1 ? "is" : "are", missing == 1 ? "its" : "their");
    Table table({"SELECTOR", "ALGORITHM", "DNS", "STATE"});
    for (const value& key : elements(result, "keys"))
        table.add({text(key, "selector"), text(key, "algorithm"), dns_words(key), state_words(key)});
    if (!table.empty()) page += "\n" + table.text();
    const std::string records = records_to_publish(result);
    return records.empty() ? page : page + "\n" + records;
}

std::string render_verify(const value& result) {
    std::string page;
    const value& domain = member(result, "domain");
    if (domain.is_object())
        page = text(result, "proven") == "yes"
                   ? fmt::format("{} is {}: its tenant may send from it.\n", printable(text(domain, "name")),
                                 text(domain, "ownership"))
                   : fmt::format("{} is not proven to be its tenant's.\n", printable(text(domain, "name")));
    Table table({"RECORD", "DNS", "FOUND"});
    for (const value& finding : elements(result, "findings"))
        table.add({text(finding, "host"), text(finding, "problem") == "-" ? dns_words(finding) : "no answer",
                   text(finding, "problem") == "-" ? text(finding, "found", "") : text(finding, "problem")});
    if (!table.empty()) page += "\n" + table.text();
    if (text(result, "proven") == "no") page += "\n" + challenge_to_publish(domain);
    return page;
}

}  // namespace

std::string render_domain(const value& domain) {
    std::string page = fmt::format("Domain {} ({})\n", printable(text(domain, "name")), printable(text(domain, "id")));
    page += fmt::format("Mail from outside to it: DMARC is followed up to {}\n",
                        member(domain, "dmarc").is_string() ? printable(text(domain, "dmarc"))
                                                            : std::string("what verification.dmarc says"));
    page += fmt::format("Its mail comes back to: {}\n", member(domain, "return_path").is_string()
                                                            ? printable(text(domain, "return_path"))
                                                            : std::string("its sender, or the service's domain"));
    if (const std::string challenge = challenge_to_publish(domain); !challenge.empty()) page += "\n" + challenge;
    if (const std::string records = records_to_publish(domain); !records.empty())
        page += "\nIts mail is signed once its DKIM keys are in the DNS, each as soon as it is there. " + records;
    return page;
}

std::string render_signing(std::string_view request, const value& result) {
    if (request == "domain.verify") return render_verify(result);
    if (request == "dkim.list") return render_list(result);
    if (request == "dkim.forget")
        return fmt::format(
            "{} keys were given up. Delete the old master key, start the server, and publish the new "
            "keys: `relevo dkim list`.\n",
            text(result, "count"));
    if (request == "dkim.rotate" && text(result, "made") == "0")
        return "New keys wait already to be published.\n\n" + render_show(result);
    return render_show(result);
}

}  // namespace relevo::cli
