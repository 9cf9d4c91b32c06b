#include "core/lan/token.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view token_prefix = "relevo-lan-1.";
constexpr std::string_view enrolment_prefix = "relevo-lan-enrol:";
constexpr std::size_t domains_limit = 100;
constexpr std::size_t word_limit_octets = 255;

std::unexpected<Error> damaged() {
    return failure(ErrorKind::invalid,
                   "this is not a whole enrolment token: copy all of the line that `relevo lan token create` printed, "
                   "from \"relevo-lan-1.\" to its end");
}

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= word_limit_octets &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// RFC 4648 §5, without padding.
std::string encode_for_url(std::string_view octets) {
    std::string text = encode_base64(octets);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    text.erase(std::ranges::find(text, '='), text.end());
    return text;
}

Result<std::string> decode_from_url(std::string text) {
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    return decode_base64(text);
}

// The spelling that rows and settings have; a leading dot stays.
bool is_canonical_domain(std::string_view domain) {
    if (domain.starts_with('.')) domain.remove_prefix(1);
    const auto ascii = mail::to_ascii_domain(domain);
    return ascii.has_value() && *ascii == domain;
}

}  // namespace

std::string text_of(const LanToken& token) {
    std::string lines = token.host + "\n" + std::to_string(token.port) + "\n" + token.login + "\n" + token.secret +
                        "\n" + encode_base64(token.key_sha256);
    for (const std::string& domain : token.domains) lines += "\n" + domain;
    return std::string(token_prefix) + encode_for_url(lines);
}

Result<LanToken> parse_lan_token(std::string_view text) {
    if (text.size() > lan_token_limit_octets) return damaged();
    std::string compact;
    std::ranges::copy_if(text, std::back_inserter(compact),
                         [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
    if (!compact.starts_with(token_prefix)) return damaged();
    const auto decoded = decode_from_url(compact.substr(token_prefix.size()));
    if (!decoded.has_value()) return damaged();
    const std::vector<std::string_view> lines = split(*decoded, '\n');
    if (lines.size() < 5 || lines.size() > 5 + domains_limit) return damaged();
    LanToken token;
    const auto port = parse_decimal<std::uint16_t>(lines[1]);
    const auto key = decode_base64(lines[4]);
    if (!port || *port == 0 || !key.has_value() || !(key->empty() || key->size() == 32)) return damaged();
    for (const std::size_t at : {std::size_t{0}, std::size_t{2}, std::size_t{3}})
        if (!is_word(lines[at])) return damaged();
    token.host = lines[0];
    token.port = *port;
    token.login = lines[2];
    token.secret = lines[3];
    token.key_sha256 = *key;
    for (std::size_t at = 5; at < lines.size(); ++at) {
        if (!is_canonical_domain(lines[at])) return damaged();
        token.domains.emplace_back(lines[at]);
    }
    return token;
}

std::string enrolment_password(std::string_view secret, std::string_view new_password) {
    return std::string(enrolment_prefix).append(secret).append(":").append(new_password);
}

std::optional<EnrolmentRequest> parse_enrolment_password(std::string_view password) {
    if (!password.starts_with(enrolment_prefix)) return std::nullopt;
    password.remove_prefix(enrolment_prefix.size());
    const std::size_t colon = password.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return EnrolmentRequest{.secret = std::string(password.substr(0, colon)),
                            .new_password = std::string(password.substr(colon + 1))};
}

}  // namespace relevo
