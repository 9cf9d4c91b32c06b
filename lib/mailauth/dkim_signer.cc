#include "lib/mailauth/dkim_signer.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo::mailauth {
namespace {

constexpr std::size_t signed_fields_limit = 500;
constexpr std::size_t usual_input_octets = 4096;  // room for one allocation in nearly every message

// What a reader is shown or a program acts on: one more of these must not be added.
constexpr auto oversigned_names =
    std::to_array<std::string_view>({"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type", "MIME-Version",
                                     "Content-Transfer-Encoding", "Message-ID", "Sender", "In-Reply-To", "References",
                                     "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID"});
// Signed if they are there; others on the way may rightly add theirs. RFC 6376 §5.4.1; CFBL-Address (RFC 9477),
// TLS-Required (RFC 8689) and the fields of TLS reports (RFC 8460) mean little unless they are signed.
constexpr auto signed_names = std::to_array<std::string_view>(
    {"Resent-Date",         "Resent-From",  "Resent-Sender",       "Resent-To",           "Resent-Cc",
     "Resent-Message-ID",   "List-Help",    "List-Subscribe",      "List-Post",           "List-Owner",
     "List-Archive",        "Content-ID",   "Content-Description", "Content-Disposition", "Content-Language",
     "Auto-Submitted",      "CFBL-Address", "CFBL-Feedback-ID",    "TLS-Required",        "TLS-Report-Domain",
     "TLS-Report-Submitter"});

struct HeaderInput {
    std::string names;      // the value of h=
    std::string canonical;  // the fields that it names, one after the other
    std::size_t count = 0;
};

// Adds the fields of this name from the bottom up, as verifiers will look for them (RFC 6376 §5.4.2).
void add_fields(HeaderInput& input, std::span<const mail::Field> fields, std::string_view name) {
    for (std::size_t i = fields.size(); i-- > 0;) {
        if (fields[i].name.size() != name.size() || !equals_ignoring_case(fields[i].name, name)) continue;
        append_canonical_field(input.canonical, Canonicalisation::relaxed, fields[i].raw);
        input.names.append(name).append(":");
        if (++input.count > signed_fields_limit) return;
    }
}

HeaderInput header_input(std::span<const mail::Field> fields) {
    HeaderInput input;
    input.canonical.reserve(usual_input_octets);
    for (const std::string_view name : oversigned_names) {
        add_fields(input, fields, name);
        input.names.append(name).append(":");
    }
    for (const std::string_view name : signed_names) add_fields(input, fields, name);
    input.names.pop_back();
    return input;
}

long long seconds_of(std::chrono::system_clock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

DkimSigner::DkimSigner(BareLineEnds bare_line_ends)
    : body_(Canonicalisation::relaxed, BodyHasher::unlimited, bare_line_ends) {}

void DkimSigner::update(std::string_view body) { body_.update(body); }

Result<std::string> DkimSigner::sign(std::span<const mail::Field> fields, std::span<const DkimIdentity> identities,
                                     std::chrono::system_clock::time_point now, std::chrono::seconds lifetime) {
    const std::string body_hash = encode_base64(body_.finish().digest);
    HeaderInput input = header_input(fields);
    if (input.count > signed_fields_limit)
        return failure(ErrorKind::limit,
                       fmt::format("the message has more than {} fields to sign", signed_fields_limit));
    const std::string signed_at = fmt::format("{}", seconds_of(now));
    const std::string expires_at = fmt::format("{}", seconds_of(now + lifetime));
    const std::size_t shared_octets = input.canonical.size();
    std::string signatures;
    for (const DkimIdentity& identity : identities) {
        std::string field = fold_tags("DKIM-Signature", {{"v", "1"},
                                                         {"a", name_of(identity.key.algorithm())},
                                                         {"c", "relaxed/relaxed"},
                                                         {"d", identity.domain},
                                                         {"s", identity.selector},
                                                         {"t", signed_at},
                                                         {"x", expires_at},
                                                         {"h", input.names},
                                                         {"bh", body_hash},
                                                         {"b", ""}});
        input.canonical.resize(shared_octets);
        append_signature_field(input.canonical, Canonicalisation::relaxed, field);
        RELEVO_TRY(const std::string signature, identity.key.sign_digest(sha256_of(input.canonical)));
        fold_base64(field, encode_base64(signature));
        signatures.append(field).append("\r\n");
    }
    return signatures;
}

}  // namespace relevo::mailauth
