// LAN mode: tokens, devices, and the report about devices, in the reader's language.
#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string render_token(const value& row) {
    return fmt::format(
        "Office:   {} (login {})\n"
        "Tenant:   {}\n"
        "Expires:  {}\n\n"
        "On the machine of the office, within that time and once:\n\n"
        "  relevo lan enroll --token {}\n\n"
        "The token is shown this once. Whoever has it can enrol as this office: send it as you would a password.\n{}",
        printable(text(row, "label")), printable(text(row, "login")), printable(text(row, "tenant")),
        time_text(row, "expires_at"), printable(text(row, "token"), 9000),
        text(row, "pinned") == "yes"
            ? ""
            : "The certificate cannot be read, so the token names none: the office will demand "
              "one that an authority vouches for.\n");
}

std::string render_offices(const value& result) {
    Table table({"ID", "OFFICE", "TENANT", "LOGIN", "STATE", "EXPIRES", "ENROLLED"});
    for (const value& row : elements(result, "offices"))
        table.add({text(row, "id"), text(row, "label"), text(row, "tenant"), text(row, "login"), text(row, "state"),
                   time_text(row, "expires_at"), time_text(row, "enrolled_at")});
    return table.empty() ? "No offices. Make a token with `relevo lan token create --tenant NAME --label OFFICE`.\n"
                         : table.text();
}

std::string render_device(const value& row) {
    std::string page = fmt::format("Device {}: ", printable(text(row, "name")));
    if (!member(row, "password").is_string())
        return page + fmt::format("known by {}\n", printable(text(row, "network")));
    return page + fmt::format("login {}\n\nPassword:  {}\nIt is shown this once: keep it now.\n",
                              printable(text(row, "login")), printable(text(row, "password")));
}

std::string render_devices(const value& result) {
    Table table({"DEVICE", "LOGIN", "NETWORK", "LAST LOGIN"});
    for (const value& row : elements(result, "devices"))
        table.add({text(row, "name"), text(row, "login"), text(row, "network"), time_text(row, "last_login_at")});
    return table.empty() ? "No devices. Add one with `relevo lan device add NAME --network ADDRESS`.\n" : table.text();
}

std::string render_report(const value& result) {
    const bool spanish = text(result, "language") == "es";
    Table table(spanish ? std::vector<std::string>{"OFICINA", "DISPOSITIVO", "ACEPTADOS", "ENTREGADOS", "EN ESPERA",
                                                   "RECHAZADOS", "NO ADMITIDOS", "ÚLTIMA VEZ"}
                        : std::vector<std::string>{"OFFICE", "DEVICE", "ACCEPTED", "DELIVERED", "WAITING", "REFUSED",
                                                   "NOT TAKEN", "LAST SEEN"});
    std::string problems;
    for (const value& row : elements(result, "devices")) {
        table.add({text(row, "office"), text(row, "device"), text(row, "messages"), text(row, "delivered"),
                   text(row, "waiting"), text(row, "refused"), text(row, "not_taken"), time_text(row, "last_seen")});
        const value& problem = member(row, "problem");
        if (!problem.is_object()) continue;
        problems += fmt::format("\n{} {}, {}: {}\n", printable(text(row, "office", "")), printable(text(row, "device")),
                                time_text(problem, "at"), printable(text(problem, "text")));
        if (member(problem, "meaning").is_string())
            problems += fmt::format("    {}\n", printable(text(problem, "meaning"), 1000));
    }
    if (table.empty()) return spanish ? "Ningún dispositivo ha enviado nada.\n" : "No device has sent anything.\n";
    std::string page = table.text();
    if (!problems.empty())
        page += (spanish ? "\nÚltimo problema de cada uno:\n" : "\nLast problem of each:\n") + problems;
    if (text(result, "cut") == "yes")
        page += spanish ? "\nHay más correo del que se examina: pida menos días con --days.\n"
                        : "\nThere is more mail than is looked through: ask for fewer days with --days.\n";
    return page;
}

}  // namespace

std::string render_lan(std::string_view request, const value& result) {
    if (request == "lan.token.create") return render_token(result);
    if (request == "lan.token.list") return render_offices(result);
    if (request == "lan.token.revoke")
        return fmt::format("Revoked: {} ({} before)\n", printable(text(result, "revoked")), text(result, "was"));
    if (request == "lan.device.add") return render_device(result);
    if (request == "lan.device.list") return render_devices(result);
    return render_report(result);
}

}  // namespace relevo::cli
