#include "app/cli/options.h"

#include "app/configuration/value.h"
#include "lib/base/text.h"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace relevo::cli {
namespace {

constexpr std::array stages = {SinkStage::connect, SinkStage::ehlo, SinkStage::mail,
                               SinkStage::rcpt,    SinkStage::data, SinkStage::end};

Result<std::chrono::milliseconds> parse_delay(const std::string& text) {
    if (text.ends_with("ms"))
        if (const auto number = parse_decimal<std::uint32_t>(std::string_view(text).substr(0, text.size() - 2)))
            return std::chrono::milliseconds(*number);
    const auto duration = configuration::parse_duration(text);
    if (!duration)
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is no duration: write it as 500ms, 2s or 5min", text));
    return *duration;
}

Result<double> parse_share(std::string_view text) {
    char* end = nullptr;
    const std::string copy(text);
    const double share = std::strtod(copy.c_str(), &end);
    if (copy.empty() || *end != '\0' || !(share >= 0 && share <= 1))
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is no share: write a number from 0 to 1", copy));
    return share;
}

// "rcpt=451@0.2", or "data@0.5" for a drop.
Result<SinkFault> parse_fault(const std::string& text, bool has_code) {
    SinkFault fault;
    std::string_view rest = text;
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        RELEVO_TRY(fault.share, parse_share(rest.substr(at + 1)));
        rest = rest.substr(0, at);
    }
    if (has_code) {
        const std::size_t equals = rest.find('=');
        const auto code =
            equals == std::string_view::npos ? std::nullopt : parse_decimal<std::uint16_t>(rest.substr(equals + 1));
        if (!code || *code < 400 || *code > 599)
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" has no code from 400 to 599: write it as rcpt=451", text));
        fault.code = *code;
        rest = rest.substr(0, equals);
    }
    const auto stage = std::ranges::find_if(stages, [&](SinkStage each) { return name_of(each) == rest; });
    if (stage == stages.end())
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no stage: use connect, ehlo, mail, rcpt, data or end", rest));
    fault.stage = *stage;
    return fault;
}

// "mail.example.com:587", "[2001:db8::1]:587", "mail.example.com".
Result<void> split_server(const std::string& text, SendTestOptions& options) {
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string::npos && text.find(']', colon) == std::string::npos;
    options.host = text.substr(0, has_port ? colon : std::string::npos);
    if (options.host.starts_with('[') && options.host.ends_with(']'))
        options.host = options.host.substr(1, options.host.size() - 2);
    if (has_port) {
        const auto port = parse_decimal<std::uint16_t>(std::string_view(text).substr(colon + 1));
        if (!port || *port == 0)
            return failure(ErrorKind::invalid,
                           fmt::format("--server \"{}\": the port is no number from 1 to 65535", text));
        options.port = *port;
        if (options.port == 465) options.tls = ListenerTls::implicit;
    }
    return {};
}

Result<SourceSettings> find_source(const std::string& name, const Configuration* configuration) {
    if (configuration == nullptr)
        return failure(ErrorKind::invalid,
                       fmt::format("--source \"{}\": there is no configuration that names it", name));
    SourceSettings source;
    if (name == "default") {
        source.name = name;
        source.addresses = configuration->delivery.source_addresses;
        source.ehlo_name = configuration->delivery.ehlo_name;
    } else {
        const auto found = std::ranges::find(configuration->sources, name, &SourceSettings::name);
        if (found == configuration->sources.end())
            return failure(ErrorKind::not_found,
                           fmt::format("--source \"{}\": there is no such source; see `relevo source list`", name));
        source = *found;
    }
    if (source.ehlo_name.empty()) source.ehlo_name = configuration->server.host_name;
    return source;
}

Result<void> use_own_listener(const Configuration& configuration, SendTestOptions& options) {
    const auto listener =
        std::ranges::find(configuration.listeners, ListenerPurpose::submission, &ListenerSettings::role);
    if (listener == configuration.listeners.end() || listener->address.empty())
        return failure(ErrorKind::invalid, "no submission listener is configured: name a server with --server");
    const Endpoint& endpoint = listener->address.front();
    const bool any = std::ranges::all_of(endpoint.address.octets(), [](std::uint8_t octet) { return octet == 0; });
    options.host = !any ? endpoint.address.text() : endpoint.address.is_v4() ? "127.0.0.1" : "::1";
    options.port = endpoint.port;
    options.tls = listener->tls;
    options.verify = false;
    return {};
}

}  // namespace

std::string_view name_of(SinkStage stage) {
    switch (stage) {
        case SinkStage::connect: return "connect";
        case SinkStage::ehlo: return "ehlo";
        case SinkStage::mail: return "mail";
        case SinkStage::rcpt: return "rcpt";
        case SinkStage::data: return "data";
        case SinkStage::end: return "end";
    }
    return "";
}

std::string text_of(const boost::json::object& arguments, std::string_view name, std::string_view fallback) {
    const boost::json::value* value = arguments.if_contains(name);
    return std::string(value != nullptr && value->is_string() ? std::string_view(value->get_string()) : fallback);
}

bool flag_of(const boost::json::object& arguments, std::string_view name) {
    const boost::json::value* value = arguments.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<std::string> list_of(const boost::json::object& arguments, std::string_view name) {
    std::vector<std::string> result;
    if (const boost::json::value* value = arguments.if_contains(name); value != nullptr && value->is_array())
        for (const boost::json::value& element : value->get_array())
            if (element.is_string()) result.emplace_back(std::string_view(element.get_string()));
    return result;
}

Result<SinkOptions> sink_options(const boost::json::object& arguments) {
    SinkOptions options;
    for (const std::string& text : list_of(arguments, "listen")) {
        const auto endpoint = configuration::parse_endpoint(text);
        if (!endpoint)
            return failure(ErrorKind::invalid,
                           fmt::format("--listen \"{}\": write it as 127.0.0.1:2525 or [::1]:2525", text));
        options.listen.push_back(*endpoint);
    }
    if (options.listen.empty()) options.listen.push_back({dns::IpAddress::v4({127, 0, 0, 1}), 2525});
    options.maildir = text_of(arguments, "maildir");
    options.show = flag_of(arguments, "show");
    options.lmtp = flag_of(arguments, "lmtp");
    options.certificate = text_of(arguments, "certificate");
    options.key = text_of(arguments, "key");
    if (options.certificate.empty() != options.key.empty())
        return failure(ErrorKind::invalid, "--certificate and --key go together: give both");
    if (const std::string delay = text_of(arguments, "delay"); !delay.empty()) {
        RELEVO_TRY(options.delay, parse_delay(delay));
    }
    if (const std::string greylist = text_of(arguments, "greylist"); !greylist.empty()) {
        RELEVO_TRY(const auto time, parse_delay(greylist));
        options.greylist = std::chrono::ceil<std::chrono::seconds>(time);
    }
    for (const std::string& text : list_of(arguments, "reply")) {
        RELEVO_TRY(SinkFault fault, parse_fault(text, true));
        options.faults.push_back(fault);
    }
    for (const std::string& text : list_of(arguments, "drop")) {
        RELEVO_TRY(SinkFault fault, parse_fault(text, false));
        options.faults.push_back(fault);
    }
    for (const std::string& extension : list_of(arguments, "without")) options.without.push_back(to_upper(extension));
    if (const auto* count = arguments.if_contains("count"))
        options.count = static_cast<std::uint64_t>(count->as_int64());
    return options;
}

Result<SendTestOptions> send_test_options(const boost::json::object& arguments, const Configuration* configuration) {
    SendTestOptions options;
    options.to = text_of(arguments, "to");
    const std::string server = text_of(arguments, "server");
    if (!server.empty()) {
        RELEVO_CHECK(split_server(server, options));
    } else if (configuration != nullptr) {
        RELEVO_CHECK(use_own_listener(*configuration, options));
    } else {
        return failure(ErrorKind::invalid, "there is no configuration: name a server with --server");
    }
    const std::string host_name = configuration != nullptr ? configuration->server.host_name : "localhost";
    options.from = text_of(arguments, "from", "postmaster@" + host_name);
    options.user = text_of(arguments, "user");
    options.password = text_of(arguments, "password");
    options.subject = text_of(arguments, "subject", "Test message from Relevo");
    if (options.user.empty() != options.password.empty())
        return failure(ErrorKind::invalid, "--user and --password-file go together: give both");
    if (const std::string source = text_of(arguments, "source"); !source.empty()) {
        RELEVO_TRY(options.source, find_source(source, configuration));
    }
    if (flag_of(arguments, "any_certificate")) options.verify = false;
    const std::string tls = text_of(arguments, "tls");
    if (tls == "none")
        options.tls = ListenerTls::none;
    else if (tls == "starttls")
        options.tls = ListenerTls::starttls;
    else if (tls == "implicit")
        options.tls = ListenerTls::implicit;
    else if (!tls.empty())
        return failure(ErrorKind::invalid, fmt::format("--tls \"{}\": use none, starttls or implicit", tls));
    return options;
}

}  // namespace relevo::cli
