#include "core/signing/publication.h"

#include "core/signing/keys.h"
#include "lib/base/text.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

// The value of p= without its white space; "" if the record has none.
std::string public_key_of(std::string_view record) {
    const auto tags = mailauth::TagList::parse(record);
    return tags.has_value() ? mailauth::without_white_space(tags->find("p").value_or("")) : std::string();
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
    const std::string& text = answer.texts.front();
    const auto record = mailauth::DkimKeyRecord::parse(text);
    const bool is_same = record.has_value() && record->key && record->algorithm == key.algorithm &&
                         record->allows_sha256 && record->serves_email &&
                         public_key_of(text) == public_key_of(key.record);
    return is_same ? Presence::present : Presence::different;
}

bool proves_ownership(const Domain& domain, const dns::Answer& answer) {
    return !domain.challenge.empty() && std::ranges::any_of(answer.texts, [&](const std::string& text) {
        return trimmed(text) == challenge_text(domain.challenge);
    });
}

}  // namespace relevo
