// The rows of the table of settings about where mail leaves from.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {

template <>
std::span<const Setting<SourceSettings>> settings_of() {
    using S = SourceSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::name>("name", {"A name for pools, logs and `source` commands; required.",
                               "Un nombre para grupos, registros y órdenes `source`; obligatorio."}),
        row<&S::addresses>("addresses",
                           {"Addresses of this machine to send from, one of each family; nothing is sent in a family "
                            "that is left out. "
                            "Behind a proxy: those that the proxy sends from.",
                            "Direcciones de esta máquina desde las que enviar, una de cada familia; no se envía nada "
                            "en la familia que "
                            "falte. Con proxy: aquellas desde las que envía el proxy."},
                           with_default({"the system's choice", "las que elija el sistema"})),
        row<&S::public_addresses>("public_addresses",
                                  {"Addresses that others see, where NAT makes them differ; for checks.",
                                   "Direcciones que se ven desde fuera, si NAT las cambia; para comprobaciones."},
                                  with_default({"addresses", "addresses"})),
        row<&S::ehlo_name>("ehlo_name",
                           {"Name given in EHLO; it should be the one that the PTR record of the address gives.",
                            "Nombre que se da en EHLO; debería ser el que da el registro PTR de la dirección."},
                           with_default({"server.host_name", "server.host_name"})),
        row<&S::proxy>("proxy",
                       {"Through what to connect: `socks5` (RFC 1928), or `haproxy`, which is told by a PROXY v2 "
                        "header what to send from and where to.",
                        "A través de qué conectar: `socks5` (RFC 1928), o `haproxy`, al que una cabecera PROXY v2 "
                        "dice desde dónde y hacia dónde enviar."}),
        row<&S::proxy_address>("proxy_address", {"Its address and port.", "Su dirección y puerto."}),
        row<&S::proxy_user>("proxy_user",
                            {"Login at a SOCKS5 proxy (RFC 1929).", "Usuario en un proxy SOCKS5 (RFC 1929)."}),
        row<&S::proxy_password>("proxy_password",
                                {"Its password; better in a file.", "Su contraseña; mejor en un archivo."}),
        row<&S::proxy_password_file>("proxy_password_file",
                                     {"File whose first line is the password; `$CREDENTIALS_DIRECTORY/` reaches those "
                                      "of systemd.",
                                      "Archivo cuya primera línea es la contraseña; `$CREDENTIALS_DIRECTORY/` llega a "
                                      "los de systemd."},
                                     {.names_file = true}),
        row<&S::drained>("drained",
                         {"Takes no new mail; the others of its pools share what it would have sent.",
                          "No toma correo nuevo; los demás de sus grupos se reparten lo que habría enviado."}),
    };
    return settings;
}

template <>
std::span<const Setting<PoolSettings>> settings_of() {
    using S = PoolSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::name>("name", {"A name for `delivery.pool`, `route.pool` and commands; required.",
                               "Un nombre para `delivery.pool`, `route.pool` y órdenes; obligatorio."}),
        row<&S::sources>(
            "sources", {"Names of its sources, each with its weight from 1 to 10000 after a colon where that is not 1; "
                        "required. A message keeps its source for all its attempts.",
                        "Nombres de sus orígenes, cada uno con su peso de 1 a 10000 tras dos puntos si no es 1; "
                        "obligatorio. Un mensaje conserva su origen en todos sus intentos."}),
        row<&S::tenants>("tenants",
                         {"Names of the tenants whose mail takes it.", "Nombres de los inquilinos cuyo correo lo usa."},
                         with_default({"every tenant", "todos los inquilinos"})),
        row<&S::routes>("routes",
                        {"Names of the routes whose mail takes it.", "Nombres de las rutas cuyo correo lo usa."},
                        with_default({"every route", "todas las rutas"})),
        row<&S::domains>("domains",
                         {"Recipient domains, written as those of routes.",
                          "Dominios de destinatarios, escritos como los de las rutas."},
                         with_default({"every domain", "todos los dominios"})),
        row<&S::streams>("streams", {"Kinds of mail that take it.", "Clases de correo que lo usan."},
                         with_default({"all", "todas"})),
        row<&S::on_request>(
            "on_request",
            {"A message may ask for it by name, in a field `X-Relevo-Pool`; where `tenants` are named, "
             "only one of theirs.",
             "Un mensaje puede pedirlo por su nombre, en un campo `X-Relevo-Pool`; si hay `tenants`, solo "
             "uno de ellos."}),
    };
    return settings;
}

}  // namespace relevo::configuration
