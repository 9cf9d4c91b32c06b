// Where reports shall go: the URIs of rua= and ruf= (RFC 9989 §4.6, RFC 7489 §6.2, RFC 8460 §3, RFC 6068).
#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/dmarc_record.h"

#include <algorithm>
#include <limits>

namespace relevo::mailauth {
namespace {

constexpr std::size_t uri_limit = 20;
constexpr std::size_t problem_limit = 50;

std::optional<unsigned> hexadecimal(char c) {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    const char lower = to_lower(c);
    if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
    return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        if (at + 2 >= text.size()) return std::nullopt;
        const auto high = hexadecimal(text[at + 1]);
        const auto low = hexadecimal(text[at + 2]);
        if (!high || !low) return std::nullopt;
        decoded += static_cast<char>(*high * 16 + *low);
        at += 2;
    }
    return decoded;
}

// "10m" (RFC 7489 §6.4): units are powers of 1024.
std::optional<Octets> parse_size(std::string_view text) {
    unsigned shift = 0;
    if (!text.empty() && is_alpha(text.back())) {
        const auto unit = std::string_view("kmgt").find(to_lower(text.back()));
        if (unit == std::string_view::npos) return std::nullopt;
        shift = static_cast<unsigned>(unit + 1) * 10;
        text.remove_suffix(1);
    }
    const auto count = parse_decimal<Octets>(text);
    if (!count) return std::nullopt;
    const Octets most = std::numeric_limits<Octets>::max() >> shift;
    return std::min(*count, most) << shift;
}

// "//user@host:port/path" to "host".
std::string host_of_authority(std::string_view rest) {
    if (!rest.starts_with("//")) return {};
    rest = rest.substr(2, rest.substr(2).find_first_of("/?#"));
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
    if (const auto colon = rest.find(':'); colon != std::string_view::npos) rest = rest.substr(0, colon);
    const auto domain = mail::parse_domain(rest, mail::Utf8::refused);
    return domain ? *domain : std::string();
}

class UriReader {
 public:
    UriReader(std::string_view tag, SizeLimits limits, std::vector<RecordProblem>& problems)
        : tag_(tag), limits_(limits), problems_(problems) {}

    std::optional<ReportUri> read(std::string_view text) {
        const std::string shown = "\"" + printable(text, 200) + "\"";
        ReportUri uri;
        if (!take_size_limit(text, shown, uri)) return std::nullopt;
        uri.text = text;
        const auto colon = text.find(':');
        if (colon == std::string_view::npos || colon == 0) {
            const bool is_address = mail::Address::parse(text, mail::Utf8::refused).has_value();
            return refuse(shown + " is no URI" + (is_address ? ": write mailto:" + std::string(text) : std::string()));
        }
        uri.scheme = to_lower(text.substr(0, colon));
        if (uri.scheme == "mailto") return read_mailto(text.substr(colon + 1), shown, std::move(uri));
        uri.host = host_of_authority(text.substr(colon + 1));
        if (uri.host.empty()) return refuse(shown + " names no host");
        return uri;
    }

 private:
    std::nullopt_t refuse(std::string why) {
        note(ProblemWeight::error, std::move(why) + "; nothing is sent there");
        return std::nullopt;
    }
    void note(ProblemWeight weight, std::string text) {
        if (problems_.size() < problem_limit) problems_.push_back({weight, std::string(tag_), std::move(text)});
    }

    bool take_size_limit(std::string_view& text, const std::string& shown, ReportUri& uri) {
        const auto mark = text.rfind('!');
        if (mark == std::string_view::npos) return true;
        if (limits_ == SizeLimits::none) return refuse(shown + " has a \"!\", which must be written %21"), false;
        uri.size_limit = parse_size(text.substr(mark + 1));
        if (!uri.size_limit) return refuse(shown + " has a size limit that is no number with k, m, g or t"), false;
        text = text.substr(0, mark);
        note(ProblemWeight::warning,
             shown + " has a size limit, which RFC 9989 removed: leave \"!\" and what follows out");
        return true;
    }

    std::optional<ReportUri> read_mailto(std::string_view rest, const std::string& shown, ReportUri uri) {
        if (rest.starts_with("//")) return refuse(shown + " has \"//\" behind mailto:, which no address begins with");
        const auto address = percent_decoded(rest.substr(0, rest.find_first_of("?#")));
        if (!address) return refuse(shown + " has a \"%\" without two hexadecimal digits");
        const auto parsed = mail::Address::parse(*address, mail::Utf8::allowed);
        if (!parsed) return refuse(shown + " holds no mail address (" + parsed.error().detail + ")");
        if (parsed->has_address_literal()) return refuse(shown + " names a host by its number");
        const auto host = mail::to_ascii_domain(parsed->domain());
        if (!host) return refuse(shown + " holds no valid domain (" + host.error().detail + ")");
        uri.address = parsed->text();
        uri.host = *host;
        return uri;
    }

    std::string_view tag_;
    SizeLimits limits_;
    std::vector<RecordProblem>& problems_;
};

}  // namespace

std::vector<ReportUri> parse_report_uris(std::string_view list, std::string_view tag, SizeLimits limits,
                                         std::vector<RecordProblem>& problems) {
    std::vector<ReportUri> uris;
    UriReader reader(tag, limits, problems);
    std::size_t count = 0;
    for (const std::string_view piece : split(list, ',')) {
        const std::string_view text = trimmed(piece);
        if (text.empty()) continue;
        if (++count > uri_limit) {
            problems.push_back({ProblemWeight::error, std::string(tag), "more than 20 URIs: the rest is not used"});
            break;
        }
        if (auto uri = reader.read(text)) uris.push_back(*std::move(uri));
    }
    return uris;
}

}  // namespace relevo::mailauth
