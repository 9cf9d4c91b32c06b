// The kinds of values that settings have: how each is read from TOML, written back, and named to people.
//
// One overload set per kind: read_value() returns the problem as text ("is 0: must be from 1 to 100000") or nothing,
// write_value() gives TOML that read_value() accepts.
#pragma once

#include "app/configuration/configuration.h"
#include "app/configuration/document.h"

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace relevo::configuration {

// Inclusive limits of a number: a count, seconds of a duration, octets of a size. For texts, unused.
struct Bounds {
    double least = 0;
    double most = std::numeric_limits<double>::max();
    bool or_zero = false;  // 0 is allowed too: it means "none"
};

using ValueProblem = std::optional<std::string>;

[[nodiscard]] ValueProblem read_value(const Node& node, std::string& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, SecretText& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, bool& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, std::uint16_t& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, std::uint32_t& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, Octets& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, double& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, std::chrono::seconds& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, Endpoint& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, dns::Network& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, dns::IpAddress& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, WeightedName& value, const Bounds& bounds);
[[nodiscard]] ValueProblem read_value(const Node& node, HostSettings& value, const Bounds& bounds);

[[nodiscard]] std::string write_value(const std::string& value);
[[nodiscard]] std::string write_value(const SecretText& value);
[[nodiscard]] std::string write_value(bool value);
[[nodiscard]] std::string write_value(std::uint16_t value);
[[nodiscard]] std::string write_value(std::uint32_t value);
[[nodiscard]] std::string write_value(Octets value);
[[nodiscard]] std::string write_value(double value);
[[nodiscard]] std::string write_value(std::chrono::seconds value);
[[nodiscard]] std::string write_value(const Endpoint& value);
[[nodiscard]] std::string write_value(const dns::Network& value);
[[nodiscard]] std::string write_value(const dns::IpAddress& value);
[[nodiscard]] std::string write_value(const WeightedName& value);
[[nodiscard]] std::string write_value(const HostSettings& value);

// "30s", "5min", "4h", "1h30min", "4d", "2w". Errors: invalid.
[[nodiscard]] Result<std::chrono::seconds> parse_duration(std::string_view text);
// "512B", "64KiB", "50MiB", "2GiB". Errors: invalid.
[[nodiscard]] Result<Octets> parse_size(std::string_view text);

// "0.0.0.0:587", "[::]:587". Errors: invalid – no address, no port, or a host name.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

// What each kind is called in the reference.
template <class T>
inline constexpr std::string_view kind_words = "text";
template <>
inline constexpr std::string_view kind_words<SecretText> = "secret text";
template <>
inline constexpr std::string_view kind_words<bool> = "true or false";
template <>
inline constexpr std::string_view kind_words<std::uint16_t> = "whole number";
template <>
inline constexpr std::string_view kind_words<std::uint32_t> = "whole number";
template <>
inline constexpr std::string_view kind_words<Octets> = "size";
template <>
inline constexpr std::string_view kind_words<double> = "number";
template <>
inline constexpr std::string_view kind_words<std::chrono::seconds> = "duration";
template <>
inline constexpr std::string_view kind_words<Endpoint> = "address:port";
template <>
inline constexpr std::string_view kind_words<dns::Network> = "network";
template <>
inline constexpr std::string_view kind_words<dns::IpAddress> = "IP address";
template <>
inline constexpr std::string_view kind_words<WeightedName> = "name or name:weight";
template <>
inline constexpr std::string_view kind_words<HostSettings> = "table of host, port, weight";

// --- choices: enumerations with the words of the file

template <class E>
struct Choice {
    std::string_view name;
    E value;
};
// Specialised for each enumeration: all of its values.
template <class E>
inline constexpr std::array<Choice<E>, 0> choices{};
template <>
inline constexpr std::array choices<mail::Language> = {Choice<mail::Language>{"en", mail::Language::english},
                                                       Choice<mail::Language>{"es", mail::Language::spanish}};
template <>
inline constexpr std::array choices<LogFormat> = {Choice<LogFormat>{"json", LogFormat::json},
                                                  Choice<LogFormat>{"text", LogFormat::text}};
template <>
inline constexpr std::array choices<LogLevel> = {
    Choice<LogLevel>{"debug", LogLevel::debug}, Choice<LogLevel>{"info", LogLevel::info},
    Choice<LogLevel>{"warning", LogLevel::warning}, Choice<LogLevel>{"error", LogLevel::error}};
template <>
inline constexpr std::array choices<TlsVersion> = {Choice<TlsVersion>{"1.2", TlsVersion::tls1_2},
                                                   Choice<TlsVersion>{"1.3", TlsVersion::tls1_3}};
template <>
inline constexpr std::array choices<AcmeChallenge> = {Choice<AcmeChallenge>{"http-01", AcmeChallenge::http_01},
                                                      Choice<AcmeChallenge>{"tls-alpn-01", AcmeChallenge::tls_alpn_01},
                                                      Choice<AcmeChallenge>{"dns-01", AcmeChallenge::dns_01}};
template <>
inline constexpr std::array choices<ListenerPurpose> = {
    Choice<ListenerPurpose>{"submission", ListenerPurpose::submission},
    Choice<ListenerPurpose>{"relay", ListenerPurpose::relay}};
template <>
inline constexpr std::array choices<ListenerTls> = {Choice<ListenerTls>{"none", ListenerTls::none},
                                                    Choice<ListenerTls>{"starttls", ListenerTls::starttls},
                                                    Choice<ListenerTls>{"implicit", ListenerTls::implicit}};
template <>
inline constexpr std::array choices<ListenerAuth> = {Choice<ListenerAuth>{"required", ListenerAuth::required},
                                                     Choice<ListenerAuth>{"optional", ListenerAuth::optional},
                                                     Choice<ListenerAuth>{"none", ListenerAuth::none}};
template <>
inline constexpr std::array choices<RouteMethod> = {
    Choice<RouteMethod>{"mx", RouteMethod::mail_exchanger}, Choice<RouteMethod>{"smarthost", RouteMethod::smarthost},
    Choice<RouteMethod>{"lmtp", RouteMethod::lmtp},         Choice<RouteMethod>{"bounce", RouteMethod::bounce},
    Choice<RouteMethod>{"discard", RouteMethod::discard},   Choice<RouteMethod>{"hold", RouteMethod::hold}};
template <>
inline constexpr std::array choices<RouteSecurity> = {
    Choice<RouteSecurity>{"never", RouteSecurity::never},
    Choice<RouteSecurity>{"opportunistic", RouteSecurity::opportunistic},
    Choice<RouteSecurity>{"required", RouteSecurity::required},
    Choice<RouteSecurity>{"implicit", RouteSecurity::implicit}};

template <>
inline constexpr std::array choices<SigningKeyKind> = {Choice<SigningKeyKind>{"rsa", SigningKeyKind::rsa},
                                                       Choice<SigningKeyKind>{"ed25519", SigningKeyKind::ed25519}};
template <>
inline constexpr std::array choices<FollowDmarc> = {Choice<FollowDmarc>{"none", FollowDmarc::none},
                                                    Choice<FollowDmarc>{"quarantine", FollowDmarc::quarantine},
                                                    Choice<FollowDmarc>{"reject", FollowDmarc::reject}};
template <>
inline constexpr std::array choices<OnSpfFailure> = {Choice<OnSpfFailure>{"mark", OnSpfFailure::mark},
                                                     Choice<OnSpfFailure>{"reject", OnSpfFailure::reject}};
template <>
inline constexpr std::array choices<SourceProxy> = {Choice<SourceProxy>{"none", SourceProxy::none},
                                                    Choice<SourceProxy>{"socks5", SourceProxy::socks5},
                                                    Choice<SourceProxy>{"haproxy", SourceProxy::haproxy}};
template <>
inline constexpr std::array choices<RecipientChecks> = {
    Choice<RecipientChecks>{"off", RecipientChecks::off},
    Choice<RecipientChecks>{"syntax_and_domain", RecipientChecks::syntax_and_domain}};
template <>
inline constexpr std::array choices<mail::MessageStream> = {
    Choice<mail::MessageStream>{"transactional", mail::MessageStream::transactional},
    Choice<mail::MessageStream>{"bulk", mail::MessageStream::bulk}};
template <>
inline constexpr std::array choices<OnHeldTenant> = {Choice<OnHeldTenant>{"hold", OnHeldTenant::hold},
                                                     Choice<OnHeldTenant>{"refuse", OnHeldTenant::refuse}};
template <>
inline constexpr std::array choices<OnSuppressed> = {Choice<OnSuppressed>{"drop", OnSuppressed::drop},
                                                     Choice<OnSuppressed>{"refuse", OnSuppressed::refuse}};
template <>
inline constexpr std::array choices<NewOidcUsers> = {
    Choice<NewOidcUsers>{"none", NewOidcUsers::none}, Choice<NewOidcUsers>{"operator", NewOidcUsers::mail_operator},
    Choice<NewOidcUsers>{"analyst", NewOidcUsers::analyst}, Choice<NewOidcUsers>{"sender", NewOidcUsers::sender}};
template <>
inline constexpr std::array choices<TrackedMail> = {Choice<TrackedMail>{"all", TrackedMail::all},
                                                    Choice<TrackedMail>{"bulk", TrackedMail::bulk},
                                                    Choice<TrackedMail>{"transactional", TrackedMail::transactional}};
template <>
inline constexpr std::array choices<ReaderAddress> = {Choice<ReaderAddress>{"full", ReaderAddress::full},
                                                      Choice<ReaderAddress>{"network", ReaderAddress::network},
                                                      Choice<ReaderAddress>{"none", ReaderAddress::none}};

template <class E>
concept Enumeration = std::is_enum_v<E>;

template <Enumeration E>
std::string_view choice_name(E value) {
    for (const auto& choice : choices<E>)
        if (choice.value == value) return choice.name;
    return {};
}
template <Enumeration E>
std::vector<std::string_view> choice_names() {
    std::vector<std::string_view> names;
    for (const auto& choice : choices<E>) names.push_back(choice.name);
    return names;
}
// "is "strtls": must be one of none, starttls, implicit; did you mean "starttls"?"
[[nodiscard]] std::string choice_problem(const Node& node, const std::vector<std::string_view>& names);

template <Enumeration E>
ValueProblem read_value(const Node& node, E& value, const Bounds& /*bounds*/) {
    if (node.kind == Node::Kind::text)
        for (const auto& choice : choices<E>)
            if (choice.name == node.text) {
                value = choice.value;
                return std::nullopt;
            }
    return choice_problem(node, choice_names<E>());
}
template <Enumeration E>
std::string write_value(E value) {
    return write_value(std::string(choice_name(value)));
}

// --- lists: one value alone is a list of one

inline constexpr std::size_t list_limit = 1000;

template <class T>
ValueProblem read_value(const Node& node, std::vector<T>& value, const Bounds& bounds) {
    value.clear();
    if (node.kind != Node::Kind::list) return read_value(node, value.emplace_back(), bounds);
    if (node.children.size() > list_limit) return "has more than 1000 entries: keep fewer";
    for (const Node& child : node.children)
        if (ValueProblem problem = read_value(child, value.emplace_back(), bounds)) return problem;
    return std::nullopt;
}
template <class T>
std::string write_value(const std::vector<T>& value) {
    std::string text = "[";
    for (const T& element : value) {
        if (text.size() > 1) text += ", ";
        text += write_value(element);
    }
    return text + "]";
}
template <class T>
inline constexpr std::string_view kind_words<std::vector<T>> = kind_words<T>;

}  // namespace relevo::configuration
