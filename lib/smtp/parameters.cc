#include "lib/smtp/parameters.h"

#include "lib/base/text.h"
#include "lib/mail/report.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

using Refusal = std::optional<Reply>;  // nothing: accepted

constexpr std::size_t envelope_id_limit_octets = 100;         // RFC 3461 §4.4
constexpr std::size_t original_recipient_limit_octets = 500;  // RFC 3461 §4.2

Reply refusal(std::uint16_t code, EnhancedStatus status, std::string text) { return {code, status, std::move(text)}; }

Reply bad_value(std::string_view keyword, std::string_view expected) {
    return refusal(501, {5, 5, 4}, std::string(keyword).append("= must be ").append(expected));
}

Reply not_offered(std::string_view keyword) {
    return refusal(555, {5, 5, 4}, "Parameter not known or not offered: " + printable(keyword, 60));
}

// xtext (RFC 3461 §4) whose octets are all printable once decoded: none can break a line of a report or of a log
// (security row A9).
bool is_printable_xtext(std::string_view text) {
    const auto graphic = [](char c) { return c > 0x20 && c < 0x7f; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!graphic(text[i]) || text[i] == '=') return false;
        if (text[i] != '+') continue;
        constexpr std::string_view digits = "0123456789ABCDEF";
        if (text.size() - i < 3) return false;
        const std::size_t high = digits.find(text[i + 1]);
        const std::size_t low = digits.find(text[i + 2]);
        if (high == std::string_view::npos || low == std::string_view::npos) return false;
        const std::size_t decoded = high * 16 + low;
        if (decoded < 0x20 || decoded > 0x7e) return false;
        i += 2;
    }
    return true;
}

// Marks `bit` in `seen`: false if it was there.
bool first_time(unsigned& seen, unsigned bit) {
    const bool first = (seen & bit) == 0;
    seen |= bit;
    return first;
}

// --- MAIL

class MailParameters {
 public:
    MailParameters(const ParameterRules& rules, MailArguments& arguments) : rules_(rules), arguments_(arguments) {}

    Refusal take(const Parameter& parameter) {
        for (const Known& known : table) {
            if (!equals_ignoring_case(parameter.keyword, known.keyword)) continue;
            if (!(rules_.*known.offered)) break;
            if (!first_time(seen_, known.bit))
                return refusal(501, {5, 5, 4}, std::string(known.keyword) + " is given twice");
            if (known.has_value != parameter.value.has_value())
                return refusal(501, {5, 5, 4},
                               std::string(known.keyword) + (known.has_value ? " needs a value" : " takes no value"));
            return (this->*known.take)(parameter.value.value_or(std::string_view()));
        }
        return not_offered(parameter.keyword);
    }

 private:
    struct Known {
        std::string_view keyword;
        bool ParameterRules::* offered;
        bool has_value;
        unsigned bit;
        Refusal (MailParameters::*take)(std::string_view);
    };
    static const Known table[7];

    Refusal size(std::string_view value) {
        if (value.size() > 20 || !std::ranges::all_of(value, is_digit))
            return bad_value("SIZE", "a number of at most 20 digits");
        const std::optional<Octets> octets = parse_decimal<Octets>(value);
        if (!octets || (rules_.size_limit != 0 && *octets > rules_.size_limit))
            return refusal(552, {5, 3, 4},
                           "Message too big: " + std::string(value) + " octets announced, the limit is " +
                               std::to_string(rules_.size_limit));
        arguments_.announced_size = *octets;
        return std::nullopt;
    }

    Refusal body(std::string_view value) {
        if (equals_ignoring_case(value, "7BIT"))
            arguments_.envelope.body = mail::BodyType::seven_bit;
        else if (equals_ignoring_case(value, "8BITMIME"))
            arguments_.envelope.body = mail::BodyType::eight_bit_mime;
        else if (rules_.binary && equals_ignoring_case(value, "BINARYMIME"))
            arguments_.envelope.body = mail::BodyType::binary_mime;
        else
            return bad_value("BODY", rules_.binary ? "7BIT, 8BITMIME or BINARYMIME" : "7BIT or 8BITMIME");
        return std::nullopt;
    }

    Refusal ret(std::string_view value) {
        if (equals_ignoring_case(value, "FULL"))
            arguments_.envelope.dsn_return = mail::DsnReturn::full;
        else if (equals_ignoring_case(value, "HDRS"))
            arguments_.envelope.dsn_return = mail::DsnReturn::headers;
        else
            return bad_value("RET", "FULL or HDRS");
        return std::nullopt;
    }

    Refusal envid(std::string_view value) {
        if (value.size() > envelope_id_limit_octets || !is_printable_xtext(value))
            return bad_value("ENVID", "at most 100 characters of xtext (RFC 3461)");
        arguments_.envelope.envelope_id = value;
        return std::nullopt;
    }

    Refusal auth(std::string_view value) {
        if (!is_printable_xtext(value)) return bad_value("AUTH", "<> or an address as xtext (RFC 4954)");
        arguments_.authorization = mail::decode_xtext(value);
        return std::nullopt;
    }

    Refusal smtputf8(std::string_view /*none*/) {
        arguments_.envelope.smtputf8 = true;
        return std::nullopt;
    }

    Refusal require_tls(std::string_view /*none*/) {
        arguments_.envelope.require_tls = true;
        return std::nullopt;
    }

    const ParameterRules& rules_;
    MailArguments& arguments_;
    unsigned seen_ = 0;
};

constexpr MailParameters::Known MailParameters::table[7] = {
    {"SIZE", &ParameterRules::size, true, 1, &MailParameters::size},
    {"BODY", &ParameterRules::body, true, 2, &MailParameters::body},
    {"RET", &ParameterRules::dsn, true, 4, &MailParameters::ret},
    {"ENVID", &ParameterRules::dsn, true, 8, &MailParameters::envid},
    {"AUTH", &ParameterRules::auth, true, 16, &MailParameters::auth},
    {"SMTPUTF8", &ParameterRules::smtputf8, false, 32, &MailParameters::smtputf8},
    {"REQUIRETLS", &ParameterRules::require_tls, false, 64, &MailParameters::require_tls}};

// RFC 6531 §3.5: "553 or 550 … 5.6.7" for an address that needs the extension but comes without it.
Refusal missing_smtputf8(std::string_view path, mail::Utf8 utf8) {
    if (utf8 == mail::Utf8::allowed || is_ascii(path)) return std::nullopt;
    return refusal(553, {5, 6, 7}, "This address is not ASCII: it needs SMTPUTF8 in MAIL");
}

// --- RCPT

// NOTIFY=NEVER or a list of the others (RFC 3461 §4.1); nothing if it is neither.
std::optional<mail::DsnNotify> parse_notify(std::string_view value) {
    if (equals_ignoring_case(value, "NEVER")) return mail::DsnNotify{mail::DsnNotify::never};
    mail::DsnNotify notify;
    for (const std::string_view word : split(value, ',')) {
        if (equals_ignoring_case(word, "SUCCESS"))
            notify.bits |= mail::DsnNotify::success;
        else if (equals_ignoring_case(word, "FAILURE"))
            notify.bits |= mail::DsnNotify::failure;
        else if (equals_ignoring_case(word, "DELAY"))
            notify.bits |= mail::DsnNotify::delay;
        else
            return std::nullopt;
    }
    return notify;
}

// "rfc822;xtext", or "utf-8;…" with UTF-8 of its own (RFC 6533 §3).
bool is_original_recipient(std::string_view value, mail::Utf8 utf8) {
    const std::size_t semicolon = value.find(';');
    if (semicolon == std::string_view::npos || semicolon == 0 || value.size() > original_recipient_limit_octets)
        return false;
    const std::string_view type = value.substr(0, semicolon);
    const std::string_view address = value.substr(semicolon + 1);
    if (!std::ranges::all_of(type, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; })) return false;
    if (equals_ignoring_case(type, "utf-8") && !is_ascii(address))
        return utf8 == mail::Utf8::allowed && is_utf8(address) && printable(address, value.size()) == address;
    return !address.empty() && is_printable_xtext(address);
}

Refusal take_recipient_parameter(const Parameter& parameter, mail::Recipient& recipient, mail::Utf8 utf8) {
    const std::string_view value = parameter.value.value_or(std::string_view());
    if (equals_ignoring_case(parameter.keyword, "NOTIFY")) {
        if (recipient.notify.bits != 0) return refusal(501, {5, 5, 4}, "NOTIFY is given twice");
        const std::optional<mail::DsnNotify> notify = parse_notify(value);
        if (!notify) return bad_value("NOTIFY", "NEVER, or a list of SUCCESS, FAILURE and DELAY");
        recipient.notify = *notify;
        return std::nullopt;
    }
    if (!equals_ignoring_case(parameter.keyword, "ORCPT")) return not_offered(parameter.keyword);
    if (!recipient.original_recipient.empty()) return refusal(501, {5, 5, 4}, "ORCPT is given twice");
    if (!is_original_recipient(value, utf8))
        return bad_value("ORCPT", "type;address with the address as xtext (RFC 3461), at most 500 characters");
    recipient.original_recipient = value;
    return std::nullopt;
}

Parsed<mail::Address> parse_forward_path(std::string_view path, mail::Utf8 utf8, std::string_view host_name) {
    if (auto refused = missing_smtputf8(path, utf8)) return std::unexpected(std::move(*refused));
    std::string_view text = path.substr(1, path.size() - 2);
    std::string completed;
    if (equals_ignoring_case(text, "postmaster")) {
        completed = std::string(text).append("@").append(host_name);
        text = completed;
    }
    auto address = mail::Address::parse(text, utf8);
    if (!address.has_value())
        return std::unexpected(refusal(501, {5, 1, 3}, "Bad recipient address: " + address.error().detail));
    return std::move(address).value();
}

}  // namespace

Parsed<MailArguments> parse_mail(std::string_view argument, const ParameterRules& rules) {
    auto path = parse_path_argument(argument, "FROM:");
    if (!path.has_value()) return std::unexpected(std::move(path).error());
    MailArguments arguments;
    MailParameters parameters(rules, arguments);
    for (std::string_view rest = path->parameters;;) {
        auto parameter = take_parameter(rest);
        if (!parameter.has_value()) return std::unexpected(std::move(parameter).error());
        if (!*parameter) break;
        if (auto refused = parameters.take(**parameter)) return std::unexpected(std::move(*refused));
    }
    const mail::Utf8 utf8 = arguments.envelope.smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused;
    if (auto refused = missing_smtputf8(path->path, utf8)) return std::unexpected(std::move(*refused));
    auto reverse_path = mail::ReversePath::parse(path->path, utf8);
    if (!reverse_path.has_value())
        return std::unexpected(refusal(501, {5, 1, 7}, "Bad sender address: " + reverse_path.error().detail));
    arguments.envelope.reverse_path = std::move(reverse_path).value();
    return arguments;
}

Parsed<mail::Recipient> parse_recipient(std::string_view argument, const ParameterRules& rules, mail::Utf8 utf8,
                                        std::string_view host_name) {
    auto path = parse_path_argument(argument, "TO:");
    if (!path.has_value()) return std::unexpected(std::move(path).error());
    auto address = parse_forward_path(path->path, utf8, host_name);
    if (!address.has_value()) return std::unexpected(std::move(address).error());
    mail::Recipient recipient{.address = std::move(address).value(), .notify = {}, .original_recipient = {}};
    for (std::string_view rest = path->parameters;;) {
        auto parameter = take_parameter(rest);
        if (!parameter.has_value()) return std::unexpected(std::move(parameter).error());
        if (!*parameter) return recipient;
        auto refused =
            rules.dsn ? take_recipient_parameter(**parameter, recipient, utf8) : not_offered((*parameter)->keyword);
        if (refused) return std::unexpected(std::move(*refused));
    }
}

}  // namespace relevo::smtp
