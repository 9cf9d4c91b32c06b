#include "adapters/memory/resolver.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr int alias_limit = 10;
constexpr std::chrono::seconds usual_ttl{300};

std::string key_of(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return to_lower(name);
}

// The address must be well-formed: a table of a test is the test's own.
dns::IpAddress must_parse(std::string_view ip) { return dns::IpAddress::parse(ip).value(); }

}  // namespace

dns::Answer& MemoryResolver::answer_for(std::string_view name, dns::RecordType type) {
    dns::Answer& answer = answers_[{key_of(name), type}];
    answer.ttl = usual_ttl;
    return answer;
}

MemoryResolver& MemoryResolver::address(std::string_view name, std::string_view ip) {
    const dns::IpAddress address = must_parse(ip);
    answer_for(name, address.is_v4() ? dns::RecordType::a : dns::RecordType::aaaa).addresses.push_back(address);
    return *this;
}

MemoryResolver& MemoryResolver::mx(std::string_view name, std::uint16_t preference, std::string_view exchange) {
    answer_for(name, dns::RecordType::mx).exchanges.push_back({preference, key_of(exchange)});
    return *this;
}

MemoryResolver& MemoryResolver::txt(std::string_view name, std::string_view text) {
    answer_for(name, dns::RecordType::txt).texts.emplace_back(text);
    return *this;
}

MemoryResolver& MemoryResolver::ptr(std::string_view ip, std::string_view name) {
    answer_for(must_parse(ip).reverse_name(), dns::RecordType::ptr).texts.push_back(key_of(name));
    return *this;
}

MemoryResolver& MemoryResolver::ns(std::string_view name, std::string_view server) {
    answer_for(name, dns::RecordType::ns).texts.push_back(key_of(server));
    return *this;
}

MemoryResolver& MemoryResolver::cname(std::string_view name, std::string_view target) {
    answer_for(name, dns::RecordType::cname).texts = {key_of(target)};
    return *this;
}

MemoryResolver& MemoryResolver::data(std::string_view name, dns::RecordType type, std::string_view rdata) {
    answer_for(name, type).data.emplace_back(rdata);
    return *this;
}

MemoryResolver& MemoryResolver::record(std::string_view name, dns::RecordType type, const dns::Answer& answer) {
    answers_[{key_of(name), type}] = answer;
    return *this;
}

MemoryResolver& MemoryResolver::fault(std::string_view name, Fault fault) {
    name_faults_[key_of(name)] = fault;
    return *this;
}

MemoryResolver& MemoryResolver::fault(std::string_view name, dns::RecordType type, Fault fault) {
    faults_[{key_of(name), type}] = fault;
    return *this;
}

MemoryResolver& MemoryResolver::secure(std::string_view name) {
    secure_[key_of(name)] = true;
    return *this;
}

void MemoryResolver::clear() {
    answers_.clear();
    faults_.clear();
    name_faults_.clear();
    secure_.clear();
    questions_.clear();
}

bool MemoryResolver::exists(std::string_view name) const {
    for (const auto& [key, answer] : answers_) {
        if (key.first == name) return answer.name_exists;
        // "a.b.example" makes "b.example" exist (RFC 8020).
        if (key.first.ends_with(name) && key.first[key.first.size() - name.size() - 1] == '.') return true;
    }
    return false;
}

const MemoryResolver::Fault* MemoryResolver::find_fault(const Key& key) const {
    if (const auto found = faults_.find(key); found != faults_.end()) return &found->second;
    if (const auto found = name_faults_.find(key.first); found != name_faults_.end()) return &found->second;
    return nullptr;
}

Task<Result<dns::Answer>> MemoryResolver::query(std::string name, dns::RecordType type, Deadline deadline) {
    questions_.push_back(fmt::format("{} {}", key_of(name), static_cast<unsigned>(type)));
    if (name.size() > 254) co_return failure(ErrorKind::invalid, "a name longer than 254 octets");
    if (Clock::now() >= deadline) co_return failure(ErrorKind::timeout, "no time left to ask about " + name);
    std::string at = key_of(name);
    bool is_secure = true;
    for (int hop = 0; hop <= alias_limit; ++hop) {
        is_secure = is_secure && secure_.contains(at);
        if (const Fault* fault = find_fault({at, type})) {
            if (*fault == Fault::servfail) co_return failure(ErrorKind::temporary, "SERVFAIL for " + at);
            if (*fault == Fault::bogus) co_return std::unexpected(dns::bogus_error("no valid signature for " + at));
            unanswered_at_once_ = std::max(unanswered_at_once_, ++unanswered_);
            co_await sleep_until(deadline);
            --unanswered_;
            co_return failure(ErrorKind::timeout, "no answer about " + at + " in time");
        }
        const auto alias = answers_.find({at, dns::RecordType::cname});
        if (type == dns::RecordType::cname || alias == answers_.end() || alias->second.texts.empty()) {
            const auto found = answers_.find({at, type});
            dns::Answer answer;
            if (found != answers_.end())
                answer = found->second;
            else
                answer.name_exists = exists(at);
            if (answer.canonical_name.empty()) answer.canonical_name = at;
            if (is_secure) answer.security = dns::Security::secure;
            co_return answer;
        }
        at = alias->second.texts.front();
    }
    co_return failure(ErrorKind::temporary, "too many aliases behind " + name);
}

}  // namespace relevo
