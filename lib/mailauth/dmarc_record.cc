#include "lib/mailauth/dmarc_record.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace relevo::mailauth {
namespace {

constexpr std::size_t tag_limit = 100;
constexpr std::size_t problem_limit = 50;

std::optional<DmarcPolicy> parse_policy(std::string_view value) {
    for (const DmarcPolicy policy : {DmarcPolicy::none, DmarcPolicy::quarantine, DmarcPolicy::reject})
        if (equals_ignoring_case(value, name_of(policy))) return policy;
    return std::nullopt;
}

bool is_tag_name(std::string_view name) { return !name.empty() && std::ranges::all_of(name, is_alpha); }

bool is_tag_value(std::string_view value) {
    return !value.empty() && std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7E; });
}

// Puts the tags of one record into a DmarcRecord; the version has been seen to.
class RecordReader {
 public:
    explicit RecordReader(DmarcRecord& record) : record_(record) {}

    void read(const RecordTag& tag) {
        if (tag.name.empty() && tag.value.empty()) return;
        const std::string shown = "\"" + printable(tag.value, 80) + "\"";
        if (!is_tag_name(tag.name))
            return note(ProblemWeight::error, {}, shown + " is no tag with a name, \"=\" and a value; it is ignored");
        const std::string name = to_lower(tag.name);
        if (name != tag.name)
            note(ProblemWeight::warning, name, "the name is written in capitals; some receivers ignore it");
        if (!seen_.insert(name).second)
            return note(ProblemWeight::error, name, "stands there twice: write it once; only the first counts");
        if (!is_tag_value(tag.value)) {
            note(ProblemWeight::error, name, "has no value, or one with characters that no record may hold");
            if (name == "p" || name == "sp" || name == "np") record_.has_invalid_policy = true;
            return;
        }
        read_known(name, tag.value, shown);
    }

    void finish() {
        if (!seen_.contains("p"))
            note(ProblemWeight::error, "p",
                 "is missing: the record counts as p=none, and for some receivers not at all");
        if (record_.aggregate_uris.empty())
            note(ProblemWeight::advice, "rua", "no address for aggregate reports: nobody tells you who sends as you");
        if (seen_.contains("fo") && record_.failure_uris.empty())
            note(ProblemWeight::advice, "fo", "has no effect without ruf");
        if (record_.is_testing && record_.own_policy() == DmarcPolicy::none)
            note(ProblemWeight::advice, "t", "has no effect on p=none");
    }

    void note(ProblemWeight weight, std::string_view tag, std::string text) {
        if (record_.problems.size() < problem_limit)
            record_.problems.push_back({weight, std::string(tag), std::move(text)});
    }

 private:
    void read_known(const std::string& name, std::string_view value, const std::string& shown) {
        if (name == "p") return read_policy(name, value, shown, record_.policy);
        if (name == "sp") return read_policy(name, value, shown, record_.subdomain_policy);
        if (name == "np") return read_policy(name, value, shown, record_.nonexistent_policy);
        if (name == "adkim") return read_alignment(name, value, shown, record_.dkim_alignment);
        if (name == "aspf") return read_alignment(name, value, shown, record_.spf_alignment);
        if (name == "rua") return read_uris(name, value, record_.aggregate_uris);
        if (name == "ruf") return read_uris(name, value, record_.failure_uris);
        if (name == "psd") return read_public_suffix(value, shown);
        if (name == "t") return read_testing(value, shown);
        if (name == "fo") return read_failure_options(value, shown);
        if (name == "pct") return read_percentage(value, shown);
        if (name == "rf" || name == "ri")
            return note(ProblemWeight::advice, name, "was removed in RFC 9989: leave it out");
        note(name == "v" ? ProblemWeight::error : ProblemWeight::warning, name, unknown_tag(name));
    }

    static std::string unknown_tag(const std::string& name) {
        static constexpr auto known =
            std::to_array<std::string_view>({"p", "sp", "np", "adkim", "aspf", "rua", "ruf", "psd", "t", "fo"});
        const auto nearest = nearest_name(name, {known.begin(), known.end()});
        return "is no tag of DMARC and is ignored" +
               (nearest ? "; is " + std::string(*nearest) + "= meant?" : std::string());
    }

    void read_policy(const std::string& name, std::string_view value, const std::string& shown,
                     std::optional<DmarcPolicy>& policy) {
        policy = parse_policy(value);
        if (policy) return;
        record_.has_invalid_policy = true;
        note(ProblemWeight::error, name,
             shown +
                 " is neither none, quarantine nor reject: the whole record counts as p=none, and without rua not at "
                 "all");
    }

    void read_alignment(const std::string& name, std::string_view value, const std::string& shown,
                        DmarcAlignment& alignment) {
        if (equals_ignoring_case(value, "s"))
            alignment = DmarcAlignment::strict;
        else if (!equals_ignoring_case(value, "r"))
            note(ProblemWeight::error, name, shown + " is neither r nor s: it counts as r");
    }

    void read_uris(const std::string& name, std::string_view value, std::vector<ReportUri>& uris) {
        uris = parse_report_uris(value, name, SizeLimits::allowed, record_.problems);
        for (const ReportUri& uri : uris)
            if (uri.scheme != "mailto")
                note(ProblemWeight::warning, name,
                     "receivers send to mailto: only, not to " + printable(uri.text, 200));
    }

    void read_public_suffix(std::string_view value, const std::string& shown) {
        if (equals_ignoring_case(value, "y")) {
            record_.public_suffix = PublicSuffixFlag::yes;
            note(ProblemWeight::warning, "psd", "y says that strangers register domains below this one; is that so?");
        } else if (equals_ignoring_case(value, "n")) {
            record_.public_suffix = PublicSuffixFlag::no;
        } else if (!equals_ignoring_case(value, "u")) {
            note(ProblemWeight::error, "psd", shown + " is neither y, n nor u: it counts as u");
        }
    }

    void read_testing(std::string_view value, const std::string& shown) {
        if (equals_ignoring_case(value, "y"))
            record_.is_testing = true;
        else if (!equals_ignoring_case(value, "n"))
            note(ProblemWeight::error, "t", shown + " is neither y nor n: it counts as n");
    }

    void read_failure_options(std::string_view value, const std::string& shown) {
        std::string options;
        for (const std::string_view piece : split(value, ':')) {
            const std::string option = to_lower(trimmed(piece));
            if (option.size() != 1 || std::string_view("01ds").find(option) == std::string_view::npos)
                note(ProblemWeight::error, "fo", shown + " holds something else than 0, 1, d and s, which is ignored");
            else if (options.find(option) == std::string::npos)
                options += (options.empty() ? "" : ":") + option;
        }
        if (!options.empty()) record_.failure_options = options;
    }

    void read_percentage(std::string_view value, const std::string& shown) {
        const auto percentage = parse_decimal<unsigned>(value);
        if (!percentage || *percentage > 100)
            return note(ProblemWeight::warning, "pct", shown + " is no number from 0 to 100; it counts as 100");
        record_.percentage = *percentage;
        if (*percentage == 0) record_.is_testing = true;
        note(*percentage == 100 ? ProblemWeight::advice : ProblemWeight::warning, "pct",
             std::string("was removed in RFC 9989: ") +
                 (*percentage == 0 ? "write t=y instead" : "receivers apply the policy to all mail; leave it out"));
    }

    DmarcRecord& record_;
    std::set<std::string> seen_;
};

// Why a record that wanted to be one is none.
std::string why_no_record(std::string_view text, const std::vector<RecordTag>& tags) {
    const std::string_view value = tags.front().value;
    if (equals_ignoring_case(tags.front().name, "v") && equals_ignoring_case(value, "DMARC1"))
        return "the version must be written in capitals, v=DMARC1; this record is ignored";
    if (to_lower(text).find("dmarc1") != std::string::npos)
        return "a DMARC record must begin with v=DMARC1 and a semicolon; this one begins with \"" +
               printable(text, 40) + "\" and is ignored";
    return "not a DMARC record";
}

}  // namespace

DmarcPolicy one_step_below(DmarcPolicy policy) {
    return policy == DmarcPolicy::reject ? DmarcPolicy::quarantine : DmarcPolicy::none;
}

DmarcPolicy DmarcRecord::own_policy() const {
    return has_invalid_policy ? DmarcPolicy::none : policy.value_or(DmarcPolicy::none);
}
DmarcPolicy DmarcRecord::policy_of_subdomain() const {
    return has_invalid_policy ? DmarcPolicy::none : subdomain_policy.value_or(own_policy());
}
DmarcPolicy DmarcRecord::policy_of_nonexistent() const {
    return has_invalid_policy ? DmarcPolicy::none : nonexistent_policy.value_or(policy_of_subdomain());
}

std::vector<RecordTag> split_record_tags(std::string_view text) {
    std::vector<RecordTag> tags;
    for (const std::string_view piece : split(text, ';')) {
        if (tags.size() == tag_limit) break;
        const auto equals = piece.find('=');
        if (equals == std::string_view::npos)
            tags.push_back({{}, trimmed(piece)});
        else
            tags.push_back({trimmed(piece.substr(0, equals)), trimmed(piece.substr(equals + 1))});
    }
    return tags;
}

Result<DmarcRecord> parse_dmarc_record(std::string_view text) {
    const std::vector<RecordTag> tags = split_record_tags(text);
    // The version must be exactly so (§4.7), its tag name may be in any case (§4.8).
    if (!equals_ignoring_case(tags.front().name, "v") || tags.front().value != "DMARC1")
        return failure(ErrorKind::invalid, why_no_record(text, tags));
    DmarcRecord record;
    RecordReader reader(record);
    if (text.front() == ' ' || text.front() == '\t')
        reader.note(ProblemWeight::warning, {}, "begins with a space; some receivers ignore such a record");
    for (const RecordTag& tag : std::span(tags).subspan(1)) reader.read(tag);
    reader.finish();
    return record;
}

}  // namespace relevo::mailauth
