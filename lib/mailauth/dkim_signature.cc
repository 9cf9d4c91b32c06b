#include "lib/mailauth/dkim_signature.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/dkim_key_record.h"
#include "lib/mailauth/tag_list.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t signed_names_limit = 1000;
constexpr std::size_t algorithm_limit_octets = 40;
constexpr std::chrono::minutes clock_grace{5};
constexpr std::string_view key_infix = "._domainkey.";

std::optional<unsigned> hexadecimal_digit(char c) {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

// dkim-quoted-printable (RFC 6376 §2.11). Nothing if an "=" is not followed by two digits.
std::optional<std::string> decode_quoted(std::string_view value) {
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] != '=') {
            if (trimmed(value.substr(at, 1)).empty()) continue;  // white space means nothing
            text += value[at];
            continue;
        }
        if (at + 2 >= value.size()) return std::nullopt;
        const auto high = hexadecimal_digit(value[at + 1]);
        const auto low = hexadecimal_digit(value[at + 2]);
        if (!high || !low) return std::nullopt;
        text += static_cast<char>(*high * 16 + *low);
        at += 2;
    }
    return text;
}

bool is_field_name(std::string_view name) {
    return std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F && c != ':' && c != ';'; });
}

// Reads tag after tag and keeps the first problem.
class Reader {
 public:
    Reader(DkimSignature& signature, const TagList& tags) : signature_(signature), tags_(tags) {}

    void read_version() {
        const auto version = required("v");
        if (version && *version != "1")
            note(DkimResult::neutral, fmt::format("v={} is no version that is known", printable(*version, 40)));
    }

    void read_algorithm() {
        const auto name = required("a");
        if (!name) return;
        if (name->size() > algorithm_limit_octets ||
            !std::ranges::all_of(*name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; }))
            return note(DkimResult::neutral, "a= is no name of an algorithm");
        signature_.algorithm_name = to_lower(*name);
        if (signature_.algorithm_name == name_of(SigningAlgorithm::rsa_sha256))
            signature_.algorithm = SigningAlgorithm::rsa_sha256;
        else if (signature_.algorithm_name == name_of(SigningAlgorithm::ed25519_sha256))
            signature_.algorithm = SigningAlgorithm::ed25519_sha256;
        else if (signature_.algorithm_name == "rsa-sha1")
            note(DkimResult::policy, "it uses SHA-1, which must not count any more (RFC 8301 §3.1)");
        else
            note(DkimResult::neutral, fmt::format("a={} is no algorithm that is known", *name));
    }

    void read_canonicalisation() {
        const auto value = tags_.find("c");
        if (!value) return;
        const std::size_t slash = value->find('/');
        const auto header = form_named(value->substr(0, slash));
        const auto body =
            slash == std::string_view::npos ? Canonicalisation::simple : form_named(value->substr(slash + 1));
        if (!header || !body)
            return note(DkimResult::neutral,
                        fmt::format("c={} is no canonicalisation that is known", printable(*value, 40)));
        signature_.header_form = *header;
        signature_.body_form = *body;
    }

    void read_names() {
        const auto domain = required("d");
        const auto selector = required("s");
        if (domain) {
            auto canonical = mail::to_ascii_domain(*domain);
            if (!canonical) return note(DkimResult::neutral, "d= is no domain: " + canonical.error().detail);
            signature_.domain = *std::move(canonical);
        }
        if (!domain || !selector) return;
        auto name = dkim_key_name(*selector, signature_.domain);
        if (!name) return note(DkimResult::neutral, "s= is no selector: " + name.error().detail);
        signature_.selector = name->substr(0, name->size() - signature_.domain.size() - key_infix.size());
        signature_.key_name = *std::move(name);
    }

    // The domain of i= must be that of d= or one below it (RFC 6376 §3.5).
    void read_identity() {
        signature_.identity = "@" + signature_.domain;
        const auto value = tags_.find("i");
        if (!value || signature_.domain.empty()) return;
        const auto identity = decode_quoted(*value);
        const std::size_t at = identity ? identity->rfind('@') : std::string::npos;
        if (at == std::string::npos) return note(DkimResult::neutral, "i= is no identity: it has no \"@\"");
        const auto domain = mail::to_ascii_domain(std::string_view(*identity).substr(at + 1));
        const std::string_view local_part = std::string_view(*identity).substr(0, at);
        if (!domain || !is_utf8(local_part) || printable(local_part, local_part.size()) != local_part)
            return note(DkimResult::neutral, "i= is no identity: its domain or its local part is malformed");
        if (!mail::is_same_or_subdomain(*domain, signature_.domain))
            return note(DkimResult::permerror, fmt::format("i= names {}, which is not within d={} (RFC 6376 §6.1.1)",
                                                           *domain, signature_.domain));
        signature_.identity = fmt::format("{}@{}", local_part, *domain);
    }

    void read_signed_names() {
        const auto value = required("h");
        if (!value) return;
        if (static_cast<std::size_t>(std::ranges::count(*value, ':')) >= signed_names_limit)
            return note(DkimResult::policy, "h= names more than 1,000 fields");
        signature_.signed_names = split_colon_list(*value);
        if (!std::ranges::all_of(signature_.signed_names, is_field_name))
            return note(DkimResult::neutral, "h= holds what is no name of a field");
        if (std::ranges::none_of(signature_.signed_names,
                                 [](const std::string& name) { return equals_ignoring_case(name, "from"); }))
            note(DkimResult::permerror, "the From field is not signed (RFC 6376 §6.1.1)");
    }

    void read_query() {
        const auto value = tags_.find("q");
        if (!value) return;
        const auto methods = split_colon_list(*value);
        if (std::ranges::find(methods, "dns/txt") == methods.end())
            note(DkimResult::neutral,
                 fmt::format("q={} is no way to ask for keys that is known", printable(*value, 40)));
    }

    void read_numbers() {
        signature_.body_octets = number<std::uint64_t>("l");
        signature_.signed_at = time("t");
        signature_.expires_at = time("x");
        if (signature_.signed_at && signature_.expires_at && *signature_.expires_at <= *signature_.signed_at)
            note(DkimResult::neutral, "it expires (x=) before it was made (t=)");
    }

    void read_octets() {
        signature_.body_hash = base64("bh");
        signature_.signature = base64("b");
        if (const auto value = tags_.find("b")) signature_.signature_text = without_white_space(*value);
        if (signature_.problem == DkimResult::none && signature_.body_hash.size() != sha256_octets)
            note(DkimResult::neutral, "bh= is no SHA-256: it must have 32 octets");
    }

 private:
    void note(DkimResult problem, std::string reason) {
        if (signature_.problem != DkimResult::none) return;
        signature_.problem = problem;
        signature_.reason = std::move(reason);
    }

    std::optional<std::string_view> required(std::string_view name) {
        const auto value = tags_.find(name);
        if (value && !value->empty()) return value;
        note(DkimResult::neutral, fmt::format("the tag {}= is missing", name));
        return std::nullopt;
    }

    static std::optional<Canonicalisation> form_named(std::string_view name) {
        for (const auto form : {Canonicalisation::simple, Canonicalisation::relaxed})
            if (equals_ignoring_case(name, name_of(form))) return form;
        return std::nullopt;
    }

    template <class Number>
    std::optional<Number> number(std::string_view name) {
        const auto value = tags_.find(name);
        if (!value) return std::nullopt;
        const auto parsed = parse_decimal<Number>(*value);
        if (!parsed) note(DkimResult::neutral, fmt::format("{}={} is no number", name, printable(*value, 40)));
        return parsed;
    }

    // Unsigned 32 bits would end in 2106; the standard allows twelve digits.
    std::optional<std::chrono::sys_seconds> time(std::string_view name) {
        constexpr std::uint64_t most = 999'999'999'999;
        const auto seconds = number<std::uint64_t>(name);
        if (!seconds) return std::nullopt;
        return std::chrono::sys_seconds(std::chrono::seconds(std::min(*seconds, most)));
    }

    std::string base64(std::string_view name) {
        const auto value = required(name);
        if (!value) return {};
        auto octets = decode_base64(without_white_space(*value));
        if (octets) return *std::move(octets);
        note(DkimResult::neutral, fmt::format("{}= is not base 64", name));
        return {};
    }

    DkimSignature& signature_;
    const TagList& tags_;
};

}  // namespace

DkimSignature DkimSignature::read(std::string_view field_value, SignatureForm form) {
    DkimSignature signature;
    const auto tags = TagList::parse(field_value);
    if (!tags) {
        signature.problem = DkimResult::neutral;
        signature.reason = "the signature cannot be read: " + tags.error().detail;
        return signature;
    }
    Reader reader(signature, *tags);
    if (form == SignatureForm::dkim) reader.read_version();
    reader.read_names();
    reader.read_algorithm();
    reader.read_canonicalisation();
    reader.read_query();
    if (form == SignatureForm::dkim) reader.read_identity();
    reader.read_signed_names();
    reader.read_numbers();
    reader.read_octets();
    return signature;
}

std::string_view DkimSignature::identity_domain() const {
    return std::string_view(identity).substr(identity.rfind('@') + 1);
}

TimeCheck check_times(const DkimSignature& signature, std::chrono::system_clock::time_point now) {
    if (signature.expires_at && now > *signature.expires_at + clock_grace)
        return {DkimResult::policy, fmt::format("the signature expired at {:%F %T} UTC", *signature.expires_at)};
    if (signature.signed_at && now + clock_grace < *signature.signed_at)
        return {DkimResult::policy, fmt::format("the signature says that it was made in the future, at {:%F %T} UTC",
                                                *signature.signed_at)};
    return {};
}

}  // namespace relevo::mailauth
