// Records, macros and answers that a stranger chose: a check always ends, within its limits (security rows B6, F11),
// and nothing that it says can harm.
#include "lib/base/text.h"
#include "lib/mailauth/spf_check.h"
#include "lib/mailauth/spf_macro.h"
#include "lib/mailauth/spf_record.h"
#include "lib/mailauth/spf_setup.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using namespace relevo;
using namespace relevo::mailauth;

void require(bool holds) {
    if (!holds) std::abort();
}

std::size_t mix(std::string_view text, std::size_t seed) {
    for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return seed ^ (seed >> 29);
}

// A DNS whose answers are lines of the input, chosen by name, type and how many questions came before.
class FakeDns {
 public:
    FakeDns(std::vector<std::string_view> lines, dns::IpAddress client) : lines_(std::move(lines)), client_(client) {}

    Result<dns::Answer> operator()(const dns::Question& question) {
        ++questions_;
        // A resolver would refuse anything else as malformed.
        require(!question.name.empty() && question.name.size() <= 4 * 255 && is_ascii(question.name));
        const std::size_t dice = mix(question.name, static_cast<std::size_t>(question.type) * 31 + questions_);
        switch (dice % 16) {
            case 0: return failure(ErrorKind::temporary, "SERVFAIL");
            case 1: return failure(ErrorKind::timeout, "no answer");
            case 2: return failure(ErrorKind::invalid, "malformed");
            default: break;
        }
        dns::Answer answer;
        answer.name_exists = dice % 16 != 3;
        if (!answer.name_exists || dice % 16 == 4) return answer;
        for (std::size_t index = 0; index <= dice / 16 % 14; ++index) add(answer, question.type, dice + index);
        return answer;
    }
    [[nodiscard]] std::size_t questions() const { return questions_; }

 private:
    void add(dns::Answer& answer, dns::RecordType type, std::size_t choice) {
        const std::string_view line = lines_[choice % lines_.size()];
        switch (type) {
            case dns::RecordType::txt:
                if (answer.texts.empty()) answer.texts.emplace_back(line);
                return;
            case dns::RecordType::mx: answer.exchanges.push_back({1, name_of(line)}); return;
            case dns::RecordType::ptr: answer.texts.push_back(name_of(line)); return;
            default: answer.addresses.push_back(choice % 3 == 0 ? client_ : dns::IpAddress::v4({10, 0, 0, 1})); return;
        }
    }
    static std::string name_of(std::string_view line) {
        return spf_target_name(line.substr(0, 60)).value_or("mail.example");
    }

    std::vector<std::string_view> lines_;
    dns::IpAddress client_;
    std::size_t questions_ = 0;
};

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void check_verdict(const SpfVerdict& verdict, std::size_t questions) {
    require(verdict.lookups <= spf_lookup_limit);
    require(verdict.void_lookups <= spf_void_limit + 1);
    require(verdict.void_lookups <= spf_void_limit || verdict.result == SpfResult::permerror);
    require(questions <= spf_question_limit);
    require(is_printable(verdict.explanation) && verdict.explanation.size() <= 500);
    require(verdict.explanation.empty() || verdict.result == SpfResult::fail);
    require(verdict.steps.size() <= 251);
    require(!verdict.reason.empty());
    for (const CheckStep& step : verdict.steps) {
        require(step.depth <= spf_lookup_limit);
        require(is_utf8(step.subject) && is_utf8(step.outcome) && !step.outcome.empty());
    }
}

void check_record(std::string_view text) {
    const auto record = parse_spf_record(text);
    if (!record) {
        require(!record.error().detail.empty());
        return;
    }
    for (const SpfMechanism& mechanism : record->mechanisms)
        require(parse_spf_mechanism(mechanism.text).value().kind == mechanism.kind);
    // What is merged is one record that can be read, and merging again changes nothing.
    const auto merged = merge_spf(text, "include:esp.example");
    require(merged && is_spf_record(*merged));
    const auto read = parse_spf_record(*merged);
    require(read || read.error().kind == ErrorKind::limit);
    if (read) require(merge_spf(*merged, "include:esp.example").value() == *merged);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // Client, sender, HELO name, then what the DNS says.
    std::vector<std::string_view> lines = split(input, '\n');
    lines.resize(std::max<std::size_t>(lines.size(), 4), "v=spf1 a mx include:%{p}.example -all");
    SpfQuery query;
    if (const auto client = dns::IpAddress::parse(lines[0])) query.client = *client;
    query.mail_from = lines[1];
    query.helo = lines[2];
    query.identity = size % 2 == 0 ? SpfIdentity::mail_from : SpfIdentity::helo;

    const std::vector<std::string_view> texts(lines.begin() + 3, lines.end());
    for (const std::string_view text : texts) check_record(text);
    FakeDns published(texts, query.client);
    check_verdict(dns::run(check_spf(query), std::ref(published)), published.questions());
    // The first text as the record, whatever the domain is.
    query.mail_from = "alice@example.com";
    query.identity = SpfIdentity::mail_from;
    query.record = texts.front();
    FakeDns tried(texts, query.client);
    check_verdict(dns::run(check_spf(query), std::ref(tried)), tried.questions());

    FakeDns costed(texts, query.client);
    const SpfCost cost = dns::run(spf_cost("example.com", std::string(texts.front())), std::ref(costed));
    require(costed.questions() <= spf_cost_record_limit);
    require(cost.lookups <= spf_cost_record_limit * (spf_cost_term_limit + 1) + spf_cost_term_limit);
    return 0;
}
