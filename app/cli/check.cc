#include "app/cli/check.h"

#include "app/cli/control_client.h"
#include "app/cli/json_view.h"
#include "lib/base/text.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

std::string reason() { return std::strerror(errno); }

// Binds and lets go. Returns 0 or the error number.
int try_to_bind(const Endpoint& endpoint) {
    const bool is_v4 = endpoint.address.is_v4();
    const int descriptor = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int result = 0;
    const auto octets = endpoint.address.octets();
    if (is_v4) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        std::memcpy(&address.sin_addr, octets.data(), octets.size());
        result = bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    } else {
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(endpoint.port);
        std::memcpy(&address.sin6_addr, octets.data(), octets.size());
        result = bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    }
    const int problem = result == 0 ? 0 : errno;
    close(descriptor);
    return problem;
}

// Addresses that a running server of ours holds.
std::vector<std::string> own_addresses(const Configuration& configuration) {
    std::vector<std::string> addresses;
    const auto answer =
        ask_server(configuration.control_socket(), {{"command", "server.status"}}, std::chrono::seconds(5));
    if (!answer) return addresses;
    const boost::json::value whole(*answer);
    for (const boost::json::value& listener : elements(member(whole, "result"), "listeners"))
        addresses.push_back(text(listener, "address"));
    return addresses;
}

CheckItem check_port(const std::string& name, const Endpoint& endpoint, const std::vector<std::string>& own) {
    CheckItem item{name, CheckStatus::ok, fmt::format("{} is free", endpoint.text()), {}};
    const int problem = try_to_bind(endpoint);
    if (problem == 0) return item;
    if (problem == EADDRINUSE && std::ranges::find(own, endpoint.text()) != own.end()) {
        item.text = fmt::format("{} is in use by the running Relevo", endpoint.text());
        return item;
    }
    item.status = CheckStatus::fail;
    item.text = fmt::format("{}: {}", endpoint.text(), std::strerror(problem));
    if (problem == EADDRINUSE)
        item.advice = fmt::format("see who has it with `ss -ltnp 'sport = :{}'` and stop it, or choose another port",
                                  endpoint.port);
    else if (problem == EACCES)
        item.advice = "ports under 1024 need root or CAP_NET_BIND_SERVICE: start Relevo through its unit";
    else if (problem == EADDRNOTAVAIL)
        item.advice = "this machine has no such address: correct the listener";
    else
        item.advice = "correct the listener";
    return item;
}

}  // namespace

std::string_view name_of(CheckStatus status) {
    switch (status) {
        case CheckStatus::ok: return "ok";
        case CheckStatus::warn: return "warn";
        case CheckStatus::fail: return "fail";
    }
    return "";
}

CheckItem check_host_name(const Configuration& configuration) {
    const std::string& name = configuration.server.host_name;
    CheckItem item{"host name", CheckStatus::ok, name, {}};
    if (!name.contains('.') || name.ends_with(".local") || name.ends_with(".localdomain")) {
        item.status = CheckStatus::warn;
        item.advice =
            "other servers distrust a name that the DNS does not know: set server.host_name to the full name that "
            "the PTR record of your address gives";
    }
    return item;
}

std::vector<CheckItem> check_ports(const Configuration& configuration) {
    const std::vector<std::string> own = own_addresses(configuration);
    std::vector<CheckItem> items;
    for (const ListenerSettings& listener : configuration.listeners)
        for (const Endpoint& endpoint : listener.address)
            items.push_back(check_port("listener " + listener.name, endpoint, own));
    return items;
}

CheckItem check_data_folder(const std::string& folder) {
    CheckItem item{"data folder", CheckStatus::ok, folder + " can be written and flushed to the disk", {}};
    const auto failed = [&](std::string_view what, std::string_view advice) {
        item.status = CheckStatus::fail;
        item.text = fmt::format("{}: {}: {}", folder, what, reason());
        item.advice = advice;
        return item;
    };
    std::error_code ignored;
    const auto permissions = std::filesystem::status(folder, ignored).permissions();
    const std::string probe = folder + "/.check-" + std::to_string(getpid());
    const int descriptor = open(probe.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return failed("cannot be written", "make it with `relevo setup`, or give it to the user that Relevo runs as");
    const bool written = write(descriptor, "relevo", 6) == 6;
    const bool flushed = written && fdatasync(descriptor) == 0;
    const int saved = errno;
    close(descriptor);
    unlink(probe.c_str());
    errno = saved;
    if (!flushed)
        return failed("writing to the disk fails",
                      "mail cannot be kept safe there: check the disk and its mount options");
    if ((permissions & std::filesystem::perms::others_all) != std::filesystem::perms::none) {
        item.status = CheckStatus::warn;
        item.text = folder + " is open to other users";
        item.advice = fmt::format("run `chmod 700 {}`", folder);
    }
    return item;
}

CheckItem check_disk_space(const Configuration& configuration) {
    CheckItem item{"disk space", CheckStatus::ok, {}, {}};
    struct statvfs facts{};
    if (statvfs(configuration.server.data_dir.c_str(), &facts) != 0)
        return {"disk space", CheckStatus::fail, configuration.server.data_dir + ": " + reason(),
                "make the folder with `relevo setup`"};
    const auto free = static_cast<Octets>(facts.f_bavail) * facts.f_frsize;
    const Octets reserve = configuration.disk_reserve_on(static_cast<Octets>(facts.f_blocks) * facts.f_frsize);
    item.text = fmt::format("{} MiB free, {} MiB are kept in reserve", free / mebibyte, reserve / mebibyte);
    if (free <= reserve) {
        item.status = CheckStatus::fail;
        item.advice = "new mail would be refused with 452: make room, or lower queue.disk_reserve";
    } else if (free < 4 * reserve) {
        item.status = CheckStatus::warn;
        item.advice = "make room before the queue grows";
    }
    if (facts.f_files > 0 && facts.f_favail < 1000) {
        item.status = CheckStatus::fail;
        item.text += fmt::format("; only {} more files can be made", facts.f_favail);
        item.advice = "free inodes on that file system";
    }
    return item;
}

CheckItem check_descriptors(const Configuration& configuration) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    std::uint64_t needed = 200 + std::uint64_t{configuration.delivery.connections_total};
    for (const ListenerSettings& listener : configuration.listeners) needed += listener.max_connections;
    CheckItem item{
        "descriptors", CheckStatus::ok, fmt::format("{} allowed, {} needed at most", limit.rlim_max, needed), {}};
    if (limit.rlim_max < needed) {
        item.status = CheckStatus::warn;
        item.advice = fmt::format("set LimitNOFILE={} in the unit, or lower max_connections", needed);
    }
    return item;
}

std::vector<CheckItem> check_everything(const std::string& path, const Result<Configuration>& configuration,
                                        Commands& commands) {
    std::vector<CheckItem> items;
    if (!configuration) {
        for (const std::string_view line : split(configuration.error().detail, '\n'))
            items.push_back(
                {"configuration", CheckStatus::fail, std::string(line), "correct the file, then check again"});
        return items;
    }
    items.push_back({"configuration", CheckStatus::ok, path + " is valid", {}});
    items.push_back(check_host_name(*configuration));
    for (CheckItem& item : check_ports(*configuration)) items.push_back(std::move(item));
    items.push_back(check_data_folder(configuration->server.data_dir));
    items.push_back(check_disk_space(*configuration));
    items.push_back(check_descriptors(*configuration));
    const TlsSettings& tls = configuration->tls;
    if (!tls.certificate.empty()) items.push_back(check_certificate({tls.certificate, tls.key}));
    for (const CertificateSettings& pair : tls.more_certificates) items.push_back(check_certificate(pair));
    if (tls.certificate.empty())
        items.push_back({"certificate", CheckStatus::warn, "a self-signed certificate is used",
                         "clients will warn: set tls.certificate and tls.key to one from a certificate authority"});
    for (CheckItem& item : commands.check_dns(*configuration)) items.push_back(std::move(item));
    return items;
}

bool has_failures(const std::vector<CheckItem>& items) {
    return std::ranges::find(items, CheckStatus::fail, &CheckItem::status) != items.end();
}

std::string items_as_text(const std::vector<CheckItem>& items) {
    std::string page;
    for (const CheckItem& item : items) {
        page += fmt::format("{:<5} {}: {}\n", name_of(item.status), printable(item.name), printable(item.text, 2000));
        if (!item.advice.empty()) page += fmt::format("      → {}\n", printable(item.advice, 2000));
    }
    const auto failures = std::ranges::count(items, CheckStatus::fail, &CheckItem::status);
    const auto warnings = std::ranges::count(items, CheckStatus::warn, &CheckItem::status);
    return page + fmt::format("{} checks, {} failed, {} warnings\n", items.size(), failures, warnings);
}

boost::json::object items_as_json(const std::vector<CheckItem>& items) {
    boost::json::array list;
    for (const CheckItem& item : items)
        list.push_back(boost::json::object{
            {"name", item.name}, {"status", name_of(item.status)}, {"text", item.text}, {"advice", item.advice}});
    return {{"items", std::move(list)}, {"failed", has_failures(items)}};
}

}  // namespace relevo::cli
