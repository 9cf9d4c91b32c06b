// The Received field (RFC 5321 §4.4) and its "with" keywords.
#include "lib/base/text.h"
#include "lib/mail/address_literal.h"
#include "lib/mail/message.h"

#include <algorithm>

namespace relevo::mail {
namespace {

constexpr std::size_t line_limit_octets = 78;      // RFC 5322 §2.1.1
constexpr std::size_t odd_name_limit_octets = 64;  // of a client name that is neither domain nor literal
constexpr std::size_t token_limit_octets = 128;

bool is_token_character(char c) { return is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_'; }

// `text` with every octet that could be syntax as "?"; "unknown" if there is none.
std::string token(std::string_view text, std::size_t limit_octets = token_limit_octets) {
    std::string safe(text.substr(0, limit_octets));
    std::ranges::replace_if(safe, [](char c) { return !is_token_character(c); }, '?');
    return safe.empty() ? "unknown" : safe;
}

// An EHLO argument: domain (its U-labels as A-labels) or address literal; what is neither, as a token.
std::string host(std::string_view name) {
    if (auto domain = to_ascii_domain(name)) return *std::move(domain);
    if (auto literal = parse_address_literal(name)) return *std::move(literal);
    return token(name, odd_name_limit_octets);
}

std::string bracketed(std::string_view ip_address) {
    const bool is_v6 = ip_address.find(':') != std::string_view::npos;
    auto literal = parse_address_literal((is_v6 ? "[IPv6:" : "[") + std::string(ip_address) + "]");
    return literal ? *std::move(literal) : token(ip_address);
}

// Words with as few line breaks as keep lines within 78 octets.
class FoldedField {
 public:
    explicit FoldedField(std::string name) : text_(std::move(name)), column_(text_.size()) {}
    void add(std::string_view word) {
        const bool fits = column_ + 1 + word.size() <= line_limit_octets;
        text_.append(fits ? " " : "\r\n\t").append(word);
        column_ = (fits ? column_ + 1 : 1) + word.size();
    }
    [[nodiscard]] std::string finish() { return std::move(text_.append("\r\n")); }

 private:
    std::string text_;
    std::size_t column_;
};

void add_from_clause(FoldedField& field, const ReceivedInfo& info) {
    if (info.client_address.empty()) return;
    field.add("from");
    field.add(host(info.client_name));
    const std::string address = bracketed(info.client_address);
    if (info.client_reverse_name.empty()) return field.add("(" + address + ")");
    field.add("(" + host(info.client_reverse_name));
    field.add(address + ")");
}

// An address in UTF-8 only where the message is one of SMTPUTF8 anyway (RFC 6531 §3.7.3); none if it is not an address.
std::optional<Address> address_for(const ReceivedInfo& info) {
    if (info.for_recipient.empty()) return std::nullopt;
    const Utf8 utf8 = info.with.starts_with("UTF8") ? Utf8::allowed : Utf8::refused;
    auto address = Address::parse(info.for_recipient, utf8);
    return address ? std::optional(*std::move(address)) : std::nullopt;
}

// "tls TLS_AES_256_GCM_SHA384" (RFC 8314 §4.3) takes registered names only; version and other names go in a comment.
void add_tls_clause(FoldedField& field, std::string_view tls, std::string_view ending) {
    const auto colon = tls.find(':');
    const std::string_view version = tls.substr(0, colon);
    const std::string cipher = colon == std::string_view::npos ? "" : token(tls.substr(colon + 1));
    if (!cipher.starts_with("TLS_"))
        return field.add("(" + token(version) + (cipher.empty() ? "" : ":" + cipher) + ")" + std::string(ending));
    field.add("tls");
    field.add(cipher);
    field.add("(" + token(version) + ")" + std::string(ending));
}

}  // namespace

std::string received_field(const ReceivedInfo& info) {
    FoldedField field("Received:");
    add_from_clause(field, info);
    field.add("by");
    field.add(host(info.host_name));
    const auto address = address_for(info);
    const auto ending = [](bool last) { return last ? std::string_view(";") : std::string_view(); };
    field.add("with");
    field.add(token(info.with));
    field.add("id");
    field.add(token(info.id).append(ending(!address && info.tls.empty())));
    if (address) {
        field.add("for");
        field.add("<" + address->text() + ">" + std::string(ending(info.tls.empty())));
    }
    if (!info.tls.empty()) add_tls_clause(field, info.tls, ";");
    field.add(format_date(info.time));
    return field.finish();
}

std::string_view received_protocol(bool extended, bool tls, bool authenticated, bool smtputf8) {
    if (!extended) return "SMTP";
    if (smtputf8) {  // RFC 6531 §4.3
        if (authenticated) return tls ? "UTF8SMTPSA" : "UTF8SMTPA";
        return tls ? "UTF8SMTPS" : "UTF8SMTP";
    }
    if (authenticated) return tls ? "ESMTPSA" : "ESMTPA";  // RFC 3848
    return tls ? "ESMTPS" : "ESMTP";
}

}  // namespace relevo::mail
