// Settings of providers of accounts.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<OidcSettings>> settings_of() {
    using S = OidcSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::name>("name", {"Name in addresses, the redirect URI among them: lower-case letters, digits and \"-\".",
                               "Nombre en las direcciones, también en la URI de redirección: minúsculas, cifras y "
                               "\"-\"."}),
        row<&S::title>(
            "title",
            {"What the button of the sign-in page calls it.", "Cómo lo llama el botón de la página de entrada."},
            with_default({"the name", "el nombre"})),
        row<&S::issuer>("issuer", {"The provider's issuer, exactly as it writes it; its description is found below it.",
                                   "El emisor (issuer) del proveedor, tal como lo escribe; bajo él se busca su "
                                   "descripción."}),
        row<&S::client_id>("client_id",
                           {"What the provider calls this server.", "Cómo llama el proveedor a este servidor."}),
        row<&S::client_secret_file>(
            "client_secret_file",
            {"File whose first line is the secret of the client. Without it, it is a public client.",
             "Archivo cuya primera línea es el secreto del cliente. Sin él, es un cliente público."},
            {.names_file = true}),
        row<&S::scopes>("scopes", {"What is asked of the provider; openid comes along anyway.",
                                   "Qué se pide al proveedor; openid va siempre."}),
        row<&S::email_domains>(
            "email_domains",
            {"Domains whose addresses the provider may speak for. Without any: all, and no new users.",
             "Dominios por cuyas direcciones puede hablar el proveedor. Sin ninguno: todos, y sin usuarios nuevos."}),
        row<&S::trust_email>(
            "trust_email",
            {"Take addresses that the provider does not call verified. Only for one that gives out none but addresses "
             "that it manages itself; needs email_domains.",
             "Aceptar direcciones que el proveedor no da por verificadas. Solo si no da más que direcciones que "
             "administra él mismo; requiere email_domains."}),
        row<&S::new_users>(
            "new_users",
            {"Role of whom the provider knows and the console does not; none: they do not come in. An admin is made "
             "here alone.",
             "Rol de quien conoce el proveedor y no la consola; none: no entra. Un administrador solo se crea aquí."}),
        row<&S::new_users_tenant>("new_users_tenant",
                                  {"Tenant of these new users.", "Inquilino de esos usuarios nuevos."},
                                  with_default({"none: they are of the whole server, whose mail they all see",
                                                "ninguno: son de todo el servidor y ven todo su correo"})),
        row<&S::trust_file>(
            "trust_file",
            {"PEM file with the certificates to trust when the provider is asked: for one of your own.",
             "Archivo PEM con los certificados en los que confiar al llamar al proveedor, si es propio."},
            {.default_words = {"the system's", "los del sistema"}, .names_file = true}),
    };
    return settings;
}

}  // namespace relevo::configuration
