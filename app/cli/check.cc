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
#include <sys/timex.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

using setup::CheckGroup;
using setup::CheckItem;
using setup::CheckStatus;
using setup::make_item;
using setup::same;
using setup::Words;

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

CheckItem check_port(const std::string& name, const Endpoint& endpoint, const std::vector<std::string>& own,
                     Words why) {
    CheckItem item =
        make_item("ports.listener", CheckGroup::ports, fmt::format("{} {}", name, endpoint.text()), std::move(why));
    const int problem = try_to_bind(endpoint);
    if (problem == 0) {
        item.found = {"free", "libre"};
        return item;
    }
    if (problem == EADDRINUSE && std::ranges::find(own, endpoint.text()) != own.end()) {
        item.found = {"in use by the running Relevo", "en uso por el Relevo que está en marcha"};
        return item;
    }
    item.status = CheckStatus::fail;
    item.found = same(std::strerror(problem));
    if (problem == EADDRINUSE)
        item.action = {fmt::format("See who has it with `ss -ltnp 'sport = :{}'` and stop it, or choose another port.",
                                   endpoint.port),
                       fmt::format("Mire quién lo tiene con `ss -ltnp 'sport = :{}'` y párelo, o elija otro puerto.",
                                   endpoint.port)};
    else if (problem == EACCES)
        item.action = {"Ports under 1024 need root or CAP_NET_BIND_SERVICE: start Relevo through its unit.",
                       "Los puertos por debajo de 1024 requieren root o CAP_NET_BIND_SERVICE: arranque Relevo con su "
                       "unidad de systemd."};
    else if (problem == EADDRNOTAVAIL)
        item.action = {"This machine has no such address: correct the listener.",
                       "Esta máquina no tiene esa dirección: corrija el listener."};
    else
        item.action = {"Correct the listener.", "Corrija el listener."};
    return item;
}

}  // namespace

CheckItem check_host_name(const Configuration& configuration) {
    const std::string& name = configuration.server.host_name;
    CheckItem item = make_item("machine.host-name", CheckGroup::machine, "server.host_name",
                               {"Other servers distrust a name that the DNS does not know.",
                                "Otros servidores desconfían de un nombre que el DNS no conoce."});
    item.found = same(name);
    if (!name.contains('.') || name.ends_with(".local") || name.ends_with(".localdomain")) {
        item.status = CheckStatus::warn;
        item.action = {"Set server.host_name to the full name that the PTR record of your address gives.",
                       "Ponga en server.host_name el nombre completo que da el registro PTR de su dirección."};
    }
    return item;
}

std::vector<CheckItem> check_ports(const Configuration& configuration) {
    const std::vector<std::string> own = own_addresses(configuration);
    std::vector<CheckItem> items;
    for (const ListenerSettings& listener : configuration.listeners)
        for (const Endpoint& endpoint : listener.address)
            items.push_back(
                check_port(listener.name, endpoint, own, {"Mail comes in here.", "Por aquí entra el correo."}));
    // A server does not start without them, so one that runs has them; it does not name them.
    if (!own.empty()) return items;
    for (const HttpSettings& http : configuration.http)
        for (const Endpoint& endpoint : http.address)
            items.push_back(check_port(
                "http", endpoint, own,
                {"Console, API and certificates need it.", "La consola, la API y los certificados lo necesitan."}));
    return items;
}

std::vector<CheckItem> check_source_addresses(const Configuration& configuration) {
    std::vector<CheckItem> items;
    const auto check = [&](const std::string& source, const std::vector<dns::IpAddress>& addresses) {
        for (const dns::IpAddress& address : addresses) {
            CheckItem item =
                make_item("machine.source-address", CheckGroup::machine, fmt::format("{} {}", source, address.text()),
                          {"Mail leaves from here.", "Desde aquí sale el correo."});
            if (const int problem = try_to_bind({address, 0}); problem == 0) {
                item.found = {"belongs to this machine", "es de esta máquina"};
            } else {
                item.status = CheckStatus::fail;
                item.found = same(std::strerror(problem));
                item.action = {
                    "Add the address to an interface, or correct the source: the server does not start "
                    "without it.",
                    "Añada la dirección a una interfaz, o corrija el origen: sin ella el servidor no "
                    "arranca."};
            }
            items.push_back(std::move(item));
        }
    };
    check("default", configuration.delivery.source_addresses);
    for (const SourceSettings& source : configuration.sources)
        if (source.proxy == SourceProxy::none) check(source.name, source.addresses);
    return items;
}

CheckItem check_data_folder(const std::string& folder) {
    CheckItem item = make_item("machine.data-folder", CheckGroup::machine, folder,
                               {"Mail is accepted only once it is safe on this disk.",
                                "Solo se acepta correo cuando ya está a salvo en este disco."});
    item.found = {"can be written and flushed to the disk", "se puede escribir y volcar al disco"};
    const auto failed = [&](std::string_view english, std::string_view spanish, Words action) {
        const std::string because = reason();
        item.status = CheckStatus::fail;
        item.found = {fmt::format("{}: {}", english, because), fmt::format("{}: {}", spanish, because)};
        item.action = std::move(action);
        return item;
    };
    std::error_code ignored;
    const auto permissions = std::filesystem::status(folder, ignored).permissions();
    const std::string probe = folder + "/.check-" + std::to_string(getpid());
    const int descriptor = open(probe.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return failed("cannot be written", "no se puede escribir",
                      {"Make it with `relevo setup`, or give it to the user that Relevo runs as.",
                       "Créela con `relevo setup`, o désela al usuario con el que corre Relevo."});
    const bool written = write(descriptor, "relevo", 6) == 6;
    const bool flushed = written && fdatasync(descriptor) == 0;
    const int saved = errno;
    close(descriptor);
    unlink(probe.c_str());
    errno = saved;
    if (!flushed)
        return failed("writing to the disk fails", "falla la escritura en disco",
                      {"Mail cannot be kept safe there: check the disk and its mount options.",
                       "Ahí el correo no está a salvo: revise el disco y sus opciones de montaje."});
    if ((permissions & std::filesystem::perms::others_all) != std::filesystem::perms::none) {
        item.status = CheckStatus::warn;
        item.found = {"open to other users", "accesible para otros usuarios"};
        item.action = {fmt::format("Run `chmod 700 {}`.", folder), fmt::format("Ejecute `chmod 700 {}`.", folder)};
    }
    return item;
}

CheckItem check_disk_space(const Configuration& configuration) {
    CheckItem item = make_item("machine.disk-space", CheckGroup::machine, configuration.server.data_dir,
                               {"With less than queue.disk_reserve new mail is refused with 452.",
                                "Con menos de queue.disk_reserve se rechaza el correo nuevo con 452."});
    struct statvfs facts{};
    if (statvfs(configuration.server.data_dir.c_str(), &facts) != 0) {
        item.status = CheckStatus::fail;
        item.found = same(reason());
        item.action = {"Make the folder with `relevo setup`.", "Cree la carpeta con `relevo setup`."};
        return item;
    }
    const auto free = static_cast<Octets>(facts.f_bavail) * facts.f_frsize;
    const Octets reserve = configuration.disk_reserve_on(static_cast<Octets>(facts.f_blocks) * facts.f_frsize);
    item.found = {fmt::format("{} MiB free, {} MiB are kept in reserve", free / mebibyte, reserve / mebibyte),
                  fmt::format("{} MiB libres, {} MiB se guardan en reserva", free / mebibyte, reserve / mebibyte)};
    if (free <= reserve) {
        item.status = CheckStatus::fail;
        item.action = {"Make room, or lower queue.disk_reserve.", "Haga sitio, o baje queue.disk_reserve."};
    } else if (free < 4 * reserve) {
        item.status = CheckStatus::warn;
        item.action = {"Make room before the queue grows.", "Haga sitio antes de que crezca la cola."};
    }
    if (facts.f_files > 0 && facts.f_favail < 1000) {
        item.status = CheckStatus::fail;
        item.found.english += fmt::format("; only {} more files can be made", facts.f_favail);
        item.found.spanish += fmt::format("; solo caben {} archivos más", facts.f_favail);
        item.action = {"Free inodes on that file system.", "Libere inodos en ese sistema de archivos."};
    }
    return item;
}

CheckItem check_descriptors(const Configuration& configuration) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    std::uint64_t needed = 200 + std::uint64_t{configuration.delivery.connections_total};
    for (const ListenerSettings& listener : configuration.listeners) needed += listener.max_connections;
    CheckItem item = make_item("machine.descriptors", CheckGroup::machine, "",
                               {"Each connection takes one.", "Cada conexión ocupa uno."});
    item.found = {fmt::format("{} allowed, {} needed at most", limit.rlim_max, needed),
                  fmt::format("{} permitidos, {} necesarios como mucho", limit.rlim_max, needed)};
    if (limit.rlim_max < needed) {
        item.status = CheckStatus::warn;
        item.action = {fmt::format("Set LimitNOFILE={} in the unit, or lower max_connections.", needed),
                       fmt::format("Ponga LimitNOFILE={} en la unidad, o baje max_connections.", needed)};
    }
    return item;
}

CheckItem check_clock() {
    CheckItem item = make_item("machine.clock", CheckGroup::machine, "",
                               {"Signatures, certificates and retries rely on the time.",
                                "Las firmas, los certificados y los reintentos dependen de la hora."});
    timex state{};
    const int result = adjtimex(&state);
    if (result < 0) {
        item.status = CheckStatus::skipped;
        item.found = {"the kernel does not say: " + reason(), "el núcleo no lo dice: " + reason()};
    } else if (result == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
        item.status = CheckStatus::warn;
        item.found = {"nothing keeps the clock of this machine right, as far as the kernel knows",
                      "que sepa el núcleo, nada mantiene en hora el reloj de esta máquina"};
        item.action = {
            "Run `timedatectl set-ntp true`, or install chrony; a container shows the clock of its host.",
            "Ejecute `timedatectl set-ntp true`, o instale chrony; un contenedor usa el reloj del anfitrión."};
    } else {
        item.found = {"kept right by a time service", "lo mantiene en hora un servicio de tiempo"};
    }
    return item;
}

std::vector<CheckItem> check_machine(const std::string& path, const Result<Configuration>& configuration) {
    std::vector<CheckItem> items;
    const CheckItem file = make_item("machine.configuration", CheckGroup::machine, path, {});
    if (!configuration) {
        for (const std::string_view line : split(configuration.error().detail, '\n')) {
            items.push_back(file);
            items.back().status = CheckStatus::fail;
            items.back().found = same(std::string(line));
            items.back().action = {"Correct the file, then check again.", "Corrija el archivo y vuelva a comprobar."};
        }
        return items;
    }
    items.push_back(file);
    items.back().found = {"valid", "válida"};
    items.push_back(check_host_name(*configuration));
    items.push_back(check_data_folder(configuration->server.data_dir));
    items.push_back(check_disk_space(*configuration));
    items.push_back(check_descriptors(*configuration));
    items.push_back(check_clock());
    for (CheckItem& item : check_ports(*configuration)) items.push_back(std::move(item));
    for (CheckItem& item : check_source_addresses(*configuration)) items.push_back(std::move(item));
    const TlsSettings& tls = configuration->tls;
    if (!tls.certificate.empty())
        items.push_back(check_certificate({tls.certificate, tls.key}, configuration->server.host_name));
    for (const CertificateSettings& pair : tls.more_certificates) items.push_back(check_certificate(pair, {}));
    const std::string own = fmt::format("{}/acme/{}", configuration->server.data_dir, configuration->server.host_name);
    if (tls.certificate.empty() && configuration->acme.enabled && std::filesystem::exists(own + ".pem")) {
        items.push_back(check_certificate({own + ".pem", own + ".key"}, configuration->server.host_name));
    } else if (tls.certificate.empty()) {
        items.push_back(make_item("tls.certificate", CheckGroup::tls, "",
                                  {"Mail programs warn of a certificate that nobody vouches for.",
                                   "Los programas de correo avisan de un certificado que nadie avala."}));
        items.back().status = CheckStatus::warn;
        items.back().found = {"self-signed", "autofirmado"};
        items.back().action = configuration->acme.enabled
                                  ? Words{"The authority has not given one yet: `relevo certificate list` says why.",
                                          "La autoridad aún no lo ha dado: `relevo certificate list` dice por qué."}
                                  : Words{
                                        "Set acme.enabled = true to get one without buying it, or tls.certificate and "
                                        "tls.key to one from "
                                        "a certificate authority.",
                                        "Ponga acme.enabled = true para obtener uno sin comprarlo, o indique en "
                                        "tls.certificate y tls.key "
                                        "uno de una autoridad de certificación."};
    }
    return items;
}

}  // namespace relevo::cli
