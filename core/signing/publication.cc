#include "core/signing/publication.h"

#include "core/signing/keys.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo {
namespace {

std::string without_white_space(std::string_view text) {
    std::string compact;
    for (const char c : text)
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') compact += c;
    return compact;
}

// The value of a tag without its white space; nothing if the record lacks it (RFC 6376 §3.2).
std::optional<std::string> tag_of(std::string_view record, std::string_view name) {
    for (const std::string_view part : split(record, ';')) {
        const auto equals = part.find('=');
        if (equals != std::string_view::npos && trimmed(part.substr(0, equals)) == name)
            return without_white_space(part.substr(equals + 1));
    }
    return std::nullopt;
}

// Tags such as h= and s= list what the key may be used for; absent: everything.
bool allows(std::string_view record, std::string_view name, std::string_view wanted) {
    const auto list = tag_of(record, name);
    if (!list) return true;
    return std::ranges::any_of(
        split(*list, ':'), [&](std::string_view entry) { return entry == "*" || equals_ignoring_case(entry, wanted); });
}

std::vector<DomainRecord> records_of_keys(const std::vector<KeyRow>& keys) {
    std::vector<DomainRecord> records;
    for (const KeyRow& key : keys)
        records.push_back({.purpose = RecordPurpose::dkim,
                           .host = record_host(key.selector, key.name),
                           .text = key.record,
                           .state = std::string(name_of(key.state)),
                           .algorithm = std::string(mailauth::name_of(key.algorithm)),
                           .is_needed = key.state != KeyState::withdrawn,
                           .presence = key.presence});
    return records;
}

}  // namespace

Result<std::vector<DomainRecord>> records_of(Reader& reader, const Domain& domain) {
    std::vector<DomainRecord> records;
    if (!domain.challenge.empty())
        records.push_back({.purpose = RecordPurpose::ownership,
                           .host = challenge_host(domain.name),
                           .text = challenge_text(domain.challenge),
                           .state = std::string(name_of(domain.ownership)),
                           .algorithm = {},
                           .is_needed = domain.ownership == Ownership::pending,
                           .presence = Presence::unknown});
    RELEVO_TRY(const std::vector<KeyRow> keys, keys_of(reader, domain.id));
    std::ranges::move(records_of_keys(keys), std::back_inserter(records));
    return records;
}

Result<std::vector<DomainRecord>> records_of_service(Reader& reader, std::string_view service_domain) {
    RELEVO_TRY(const std::vector<KeyRow> keys, keys_of_service(reader, service_domain));
    return records_of_keys(keys);
}

Presence presence_of(const KeyRow& key, const dns::Answer& answer) {
    if (answer.texts.empty()) return Presence::absent;
    if (answer.texts.size() > 1) return Presence::different;
    const std::string& record = answer.texts.front();
    const bool is_same =
        tag_of(record, "v").value_or("DKIM1") == "DKIM1" &&
        equals_ignoring_case(tag_of(record, "k").value_or("rsa"), tag_of(key.record, "k").value_or("rsa")) &&
        tag_of(record, "p") == tag_of(key.record, "p") && allows(record, "h", "sha256") && allows(record, "s", "email");
    return is_same ? Presence::present : Presence::different;
}

bool proves_ownership(const Domain& domain, const dns::Answer& answer) {
    return !domain.challenge.empty() && std::ranges::any_of(answer.texts, [&](const std::string& text) {
        return trimmed(text) == challenge_text(domain.challenge);
    });
}

}  // namespace relevo
