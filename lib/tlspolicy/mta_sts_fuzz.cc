// Fuzz target F12, MTA-STS records and policies: what is read obeys the grammar, and a pattern never covers its parent.
#include "lib/tlspolicy/mta_sts.h"

#include "lib/base/text.h"

#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto record = relevo::tlspolicy::parse_mta_sts_record(text))
        require(!record->id.empty() && record->id.size() <= 32 && relevo::is_ascii(record->id));
    const auto policy = relevo::tlspolicy::parse_mta_sts_policy(text);
    if (!policy) {
        require(!policy.error().detail.empty());
        return 0;
    }
    require(policy->max_age.count() >= 0 && policy->max_age.count() <= 31'557'600);
    require(!policy->mx_patterns.empty() || policy->mode == relevo::tlspolicy::MtaStsMode::none);
    for (const std::string& pattern : policy->mx_patterns) {
        require(relevo::is_ascii(pattern) && pattern == relevo::to_lower(pattern));
        const bool is_wild = pattern.starts_with("*.");
        const std::string host = is_wild ? "a" + pattern.substr(1) : pattern;
        require(matches(*policy, host));
        if (is_wild && policy->mx_patterns.size() == 1)
            require(!matches(*policy, pattern.substr(2)) && !matches(*policy, "b." + host));
    }
    return 0;
}
