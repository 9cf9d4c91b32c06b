#include "lib/tlspolicy/mta_sts.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace relevo::tlspolicy {
namespace {

constexpr std::size_t id_limit_octets = 32;
constexpr std::size_t file_limit_octets = 64 * 1024;
constexpr std::size_t pattern_limit = 1'000;
constexpr std::size_t warning_limit = 20;
constexpr std::chrono::seconds max_age_limit{31'557'600};  // §3.2

std::string quoted(std::string_view text) { return "\"" + printable(text, 100) + "\""; }

bool is_id(std::string_view id) {
    return !id.empty() && id.size() <= id_limit_octets &&
           std::ranges::all_of(id, [](char c) { return is_alpha(c) || is_digit(c); });
}

// "*.example.net" or a domain, canonical.
Result<std::string> parse_pattern(std::string_view text) {
    const bool is_wild = text.starts_with("*.");
    RELEVO_TRY(const std::string domain, mail::parse_domain(is_wild ? text.substr(2) : text, mail::Utf8::allowed));
    RELEVO_TRY(const std::string ascii, mail::to_ascii_domain(domain));
    return is_wild ? "*." + ascii : ascii;
}

class PolicyReader {
 public:
    Result<void> read_line(std::string_view line) {
        if (trimmed(line).empty()) return {};
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            return failure(ErrorKind::invalid, "the line " + quoted(line) + " has no \":\"");
        const std::string_view name = trimmed(line.substr(0, colon));
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (name == "mx") return read_pattern(value);
        if (name == "version") return read_version(value);
        if (name == "mode") return read_mode(value);
        if (name == "max_age") return read_max_age(value);
        const std::string lower = to_lower(name);
        if (lower == "mx" || lower == "version" || lower == "mode" || lower == "max_age")
            warn(quoted(name) + " must be written in lower case; it is ignored");
        return {};
    }

    Result<MtaStsPolicy> finish() {
        if (!has_version_) return failure(ErrorKind::invalid, "the policy has no version");
        if (!mode_) return failure(ErrorKind::invalid, "the policy has no mode");
        if (!max_age_) return failure(ErrorKind::invalid, "the policy has no max_age");
        if (policy_.mx_patterns.empty() && *mode_ != MtaStsMode::none)
            return failure(ErrorKind::invalid, "the policy has no mx, so no mail server would be right");
        policy_.mode = *mode_;
        policy_.max_age = std::min(*max_age_, max_age_limit);
        // §3.2: "weeks or greater" are what the mechanism needs to resist an attacker.
        if (*max_age_ < std::chrono::days(1) && *mode_ == MtaStsMode::enforce)
            warn("max_age is less than a day: an attacker who waits that long wins");
        return std::move(policy_);
    }

 private:
    void warn(std::string text) {
        if (policy_.warnings.size() < warning_limit) policy_.warnings.push_back(std::move(text));
    }

    Result<void> read_version(std::string_view value) {
        if (std::exchange(has_version_, true)) return {};
        if (value != "STSv1") return failure(ErrorKind::invalid, "the version is " + quoted(value) + ", not STSv1");
        return {};
    }

    Result<void> read_mode(std::string_view value) {
        if (mode_) return {};
        for (const MtaStsMode mode : {MtaStsMode::none, MtaStsMode::testing, MtaStsMode::enforce})
            if (value == name_of(mode)) mode_ = mode;
        if (!mode_)
            return failure(ErrorKind::invalid, "the mode " + quoted(value) + " is neither enforce, testing nor none");
        return {};
    }

    Result<void> read_max_age(std::string_view value) {
        if (max_age_) return {};
        const auto seconds = value.size() <= 10 ? parse_decimal<std::uint64_t>(value) : std::nullopt;  // 1*10(DIGIT)
        if (!seconds) return failure(ErrorKind::invalid, "max_age is " + quoted(value) + ", not a number of seconds");
        max_age_ = std::chrono::seconds(*seconds);
        return {};
    }

    Result<void> read_pattern(std::string_view value) {
        if (policy_.mx_patterns.size() == pattern_limit)
            return failure(ErrorKind::limit, "the policy has more than 1,000 mx patterns");
        auto pattern = parse_pattern(value);
        if (!pattern) return failure(ErrorKind::invalid, "mx " + quoted(value) + ": " + pattern.error().detail);
        policy_.mx_patterns.push_back(*std::move(pattern));
        return {};
    }

    MtaStsPolicy policy_;
    bool has_version_ = false;
    std::optional<MtaStsMode> mode_;
    std::optional<std::chrono::seconds> max_age_;
};

// Whether a TXT record is meant for MTA-STS (§3.1: those that do not begin with "v=STSv1;" are discarded).
bool is_announcement(std::string_view text) {
    const std::string_view first = trimmed(text.substr(0, text.find(';')));
    const auto equals = first.find('=');
    return equals != std::string_view::npos && trimmed(first.substr(0, equals)) == "v" &&
           trimmed(first.substr(equals + 1)) == "STSv1";
}

}  // namespace

std::string_view name_of(MtaStsMode mode) {
    static constexpr auto names = std::to_array<std::string_view>({"none", "testing", "enforce"});
    return names.at(std::to_underlying(mode));
}

Result<MtaStsRecord> parse_mta_sts_record(std::string_view text) {
    if (!is_announcement(text)) return failure(ErrorKind::invalid, "the record does not begin with v=STSv1;");
    std::optional<std::string_view> id;
    for (const std::string_view field : split(text, ';')) {
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) {
            if (!trimmed(field).empty()) return failure(ErrorKind::invalid, quoted(trimmed(field)) + " has no \"=\"");
            continue;
        }
        if (trimmed(field.substr(0, equals)) != "id") continue;
        if (id) return failure(ErrorKind::invalid, "the record has two ids");
        id = trimmed(field.substr(equals + 1));
    }
    if (!id) return failure(ErrorKind::invalid, "the record has no id");
    if (!is_id(*id)) return failure(ErrorKind::invalid, "the id " + quoted(*id) + " is not 1 to 32 letters and digits");
    return MtaStsRecord{std::string(*id)};
}

Result<MtaStsRecord> choose_mta_sts_record(const std::vector<std::string>& texts) {
    const std::string* chosen = nullptr;
    for (const std::string& text : texts) {
        if (!is_announcement(text)) continue;
        if (chosen != nullptr) return failure(ErrorKind::conflict, "several MTA-STS records: none counts");
        chosen = &text;
    }
    if (chosen == nullptr) return failure(ErrorKind::not_found, "no MTA-STS record");
    return parse_mta_sts_record(*chosen);
}

Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view file) {
    if (file.size() > file_limit_octets) return failure(ErrorKind::limit, "a policy of more than 64 KiB");
    PolicyReader reader;
    for (std::string_view line : split(file, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\t'; }))
            return failure(ErrorKind::invalid, "the line " + quoted(line) + " has control characters");
        RELEVO_CHECK(reader.read_line(line));
    }
    return reader.finish();
}

bool matches(const MtaStsPolicy& policy, std::string_view host) {
    return std::ranges::any_of(policy.mx_patterns, [&](std::string_view pattern) {
        if (!pattern.starts_with("*.")) return pattern == host;
        const auto dot = host.find('.');
        return dot != std::string_view::npos && dot > 0 && host.substr(dot) == pattern.substr(1);
    });
}

}  // namespace relevo::tlspolicy
