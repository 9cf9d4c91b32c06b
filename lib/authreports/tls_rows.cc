#include "lib/authreports/tls_rows.h"

#include "lib/authreports/row_key.h"

#include <algorithm>
#include <ranges>

namespace relevo::authreports {
namespace {

constexpr std::string_view key_version = "t1";
constexpr unsigned string_limit = 30;
constexpr unsigned pattern_limit = 20;

void add_list(KeyWriter& key, const std::vector<std::string>& list, unsigned limit) {
    key.add(std::min<std::size_t>(list.size(), limit));
    for (const std::string& one : list | std::views::take(limit)) key.add(one);
}

std::vector<std::string> list_of(KeyReader& key, unsigned limit) {
    std::vector<std::string> list;
    for (unsigned left = key.number(limit); left > 0; --left) list.push_back(key.text());
    return list;
}

}  // namespace

std::string key_of(const TlsRow& row) {
    KeyWriter key;
    key.add(key_version);
    key.add(row.policy_type);
    add_list(key, row.policy_strings, string_limit);
    add_list(key, row.mx_patterns, pattern_limit);
    const TlsFailure& failure = row.failure;
    for (const std::string* text :
         {&failure.result_type, &failure.sending_address, &failure.receiving_host, &failure.receiving_helo,
          &failure.receiving_address, &failure.additional_information, &failure.reason_code})
        key.add(*text);
    return std::move(key).take();
}

Result<TlsRow> tls_row_from_key(std::string_view text) {
    KeyReader key(text);
    if (key.text() != key_version) return relevo::failure(ErrorKind::invalid, "not the key of a TLS report's row");
    TlsRow row;
    row.policy_type = key.text();
    row.policy_strings = list_of(key, string_limit);
    row.mx_patterns = list_of(key, pattern_limit);
    TlsFailure& failure = row.failure;
    for (std::string* value :
         {&failure.result_type, &failure.sending_address, &failure.receiving_host, &failure.receiving_helo,
          &failure.receiving_address, &failure.additional_information, &failure.reason_code})
        *value = key.text();
    if (key.failed()) return relevo::failure(ErrorKind::invalid, "not the key of a TLS report's row");
    return row;
}

std::vector<TlsPolicyResult> policies_of(const std::string& policy_domain, const std::vector<TlsRow>& rows) {
    std::vector<TlsPolicyResult> policies;
    for (const TlsRow& row : rows) {
        auto policy = std::ranges::find_if(policies, [&](const TlsPolicyResult& one) {
            return one.policy_type == row.policy_type && one.policy_strings == row.policy_strings &&
                   one.mx_patterns == row.mx_patterns;
        });
        if (policy == policies.end()) {
            policy = policies.insert(policies.end(), TlsPolicyResult());
            policy->policy_type = row.policy_type;
            policy->policy_strings = row.policy_strings;
            policy->policy_domain = policy_domain;
            policy->mx_patterns = row.mx_patterns;
        }
        if (row.failure.result_type.empty()) {
            policy->successful_sessions += row.sessions;
            continue;
        }
        policy->failed_sessions += row.sessions;
        policy->failures.push_back(row.failure);
        policy->failures.back().sessions = row.sessions;
    }
    return policies;
}

}  // namespace relevo::authreports
