// AnswerTable::parse: the file form (docs/formats/dns-answers.md).
#include "lib/base/text.h"
#include "lib/dns/answer_table.h"
#include "lib/dns/name.h"
#include "lib/dns/zone_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::dns {
namespace {

constexpr std::pair<std::string_view, AnswerTable::Mark> mark_words[] = {
    {"TIMEOUT", AnswerTable::Mark::timeout}, {"SERVFAIL", AnswerTable::Mark::servfail},
    {"BOGUS", AnswerTable::Mark::bogus},     {"NXDOMAIN", AnswerTable::Mark::nxdomain},
    {"SECURE", AnswerTable::Mark::secure},
};

// So that the copy of a zone can be read as it is. DNAME is not among them: it would change answers.
constexpr std::string_view passed_over[] = {"CAA",   "CDNSKEY", "CDS",   "DNSKEY", "DS",    "HINFO",
                                            "HTTPS", "LOC",     "NAPTR", "NSEC",   "NSEC3", "NSEC3PARAM",
                                            "RP",    "RRSIG",   "SPF",   "SRV",    "SSHFP", "SVCB"};

std::optional<AnswerTable::Mark> mark_of(std::string_view word) {
    for (const auto& [known, mark] : mark_words)
        if (equals_ignoring_case(known, word)) return mark;
    return std::nullopt;
}

bool is_passed_over(std::string_view type) {
    return std::ranges::any_of(passed_over,
                               [type](std::string_view known) { return equals_ignoring_case(known, type); });
}

std::unexpected<Error> invalid(std::string detail) { return failure(ErrorKind::invalid, std::move(detail)); }

}  // namespace

class AnswerTableReader {
 public:
    Result<void> take(const ZoneEntry& entry) {
        const std::string& first = entry.fields.front().text;
        if (first.starts_with('$') && !entry.fields.front().is_quoted) return directive(entry.fields);
        std::span<const ZoneField> rest = entry.fields;
        if (entry.has_owner) {
            RELEVO_TRY(owner_, zone_name(rest.front(), origin_));
            rest = rest.subspan(1);
        }
        if (!owner_) return invalid("a record without a name: the first line must not begin with blanks");
        return statement(rest);
    }
    AnswerTable finish() && { return std::move(table_); }

 private:
    Result<void> directive(std::span<const ZoneField> fields) {
        if (fields.size() == 2 && equals_ignoring_case(fields[0].text, "$ORIGIN")) {
            RELEVO_TRY(origin_, zone_name(fields[1], origin_));
            return {};
        }
        if (fields.size() == 2 && equals_ignoring_case(fields[0].text, "$TTL")) {
            const auto ttl = zone_ttl(fields[1].text);
            if (!ttl) return invalid(fmt::format("\"{}\" is not a time", printable(fields[1].text, 80)));
            ttl_ = *ttl;
            return {};
        }
        return invalid(
            fmt::format("\"{}\": only \"$ORIGIN NAME\" and \"$TTL TIME\" are known", printable(fields[0].text, 80)));
    }

    // [TTL] [IN] TYPE DATA…, or a mark.
    Result<void> statement(std::span<const ZoneField> rest) {
        auto ttl = ttl_;
        bool has_ttl = false;
        bool has_class = false;
        while (!rest.empty()) {
            const auto given = zone_ttl(rest[0].text);
            if (given && !has_ttl) {
                ttl = *given;
                has_ttl = true;
            } else if (equals_ignoring_case(rest[0].text, "IN") && !has_class) {
                has_class = true;
            } else {
                break;
            }
            rest = rest.subspan(1);
        }
        if (rest.empty()) return invalid(fmt::format("{}: no record type", printable(*owner_, 80)));
        const std::string_view word = rest[0].text;
        rest = rest.subspan(1);
        if (const auto mark = mark_of(word)) return add_mark(*mark, word, rest);
        if (const auto type = record_type_of(word)) {
            RELEVO_TRY(std::string rdata, encode_record(*type, rest, origin_));
            return table_.add(*owner_, *type, std::move(rdata), ttl);
        }
        if (!is_passed_over(word)) return unknown(word);
        table_.node(*owner_);
        return {};
    }

    Result<void> add_mark(AnswerTable::Mark mark, std::string_view word, std::span<const ZoneField> types) {
        if (types.empty()) {
            table_.set_mark(*owner_, std::nullopt, mark);
            return {};
        }
        if (mark == AnswerTable::Mark::nxdomain)
            return invalid("NXDOMAIN holds for every type: a name exists or does not (RFC 8020)");
        for (const ZoneField& field : types) {
            const auto type = record_type_of(field.text);
            if (!type) return invalid(fmt::format("{}: \"{}\" is not a record type", word, printable(field.text, 80)));
            table_.set_mark(*owner_, type, mark);
        }
        return {};
    }

    static Result<void> unknown(std::string_view word) {
        std::vector<std::string_view> known = {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "TLSA", "TXT"};
        for (const auto& [name, mark] : mark_words) known.push_back(name);
        const auto nearest = nearest_name(to_upper(word), known);
        return invalid(fmt::format("\"{}\" is not a record type{}", printable(word, 80),
                                   nearest ? fmt::format(": did you mean {}?", *nearest) : std::string()));
    }

    AnswerTable table_;
    std::string origin_;
    std::chrono::seconds ttl_{300};
    std::optional<std::string> owner_;
};

Result<AnswerTable> AnswerTable::parse(std::string_view text) {
    if (text.size() > text_limit_octets)
        return failure(ErrorKind::limit, fmt::format("longer than {} octets", text_limit_octets));
    ZoneReader entries(text);
    AnswerTableReader reader;
    while (true) {
        auto entry = entries.next();
        if (!entry) return invalid(fmt::format("line {}: {}", entries.line(), entry.error().detail));
        if (!entry->has_value()) return std::move(reader).finish();
        if (const auto taken = reader.take(**entry); !taken)
            return invalid(fmt::format("line {}: {}", (*entry)->line, taken.error().detail));
    }
}

}  // namespace relevo::dns
