#include "lib/clientsetup/client_texts.h"

namespace relevo::clientsetup {
namespace {

constexpr ClientText texts[] = {
    {"outlook", "Outlook", "Outlook",
     "Open File › Account Settings › Server Settings of your account (on a Mac: Tools › Accounts).\n"
     "Outgoing mail (SMTP): server {host}, port {port}, encryption {security}.\n"
     "Tick that the outgoing server asks for authentication, choose a user name and password of its own, and type "
     "those "
     "that you were given.\n"
     "Leave \"Secure Password Authentication\" off.",
     "Abra Archivo › Configuración de la cuenta › Configuración del servidor (en Mac: Herramientas › Cuentas).\n"
     "Correo saliente (SMTP): servidor {host}, puerto {port}, cifrado {security}.\n"
     "Marque que el servidor de salida requiere autenticación, elija usuario y contraseña propios y escriba los que le "
     "han dado.\n"
     "Deje sin marcar «Autenticación de contraseña segura».",
     "", ""},
    {"thunderbird", "Thunderbird", "Thunderbird",
     "Open Account Settings › Outgoing Server (SMTP) › Add.\n"
     "Server name {host}, port {port}, connection security {security}, authentication method \"Normal password\", and "
     "your "
     "user name.\n"
     "In the settings of your account choose this outgoing server. The password is asked for with the first message.",
     "Abra Configuración de la cuenta › Servidor de salida (SMTP) › Añadir.\n"
     "Nombre del servidor {host}, puerto {port}, seguridad de la conexión {security}, método de autenticación "
     "«Contraseña "
     "normal» y su usuario.\n"
     "En la configuración de su cuenta elija este servidor de salida. La contraseña se pide con el primer mensaje.",
     "", ""},
    {"apple-mail", "Mail on a Mac", "Mail en un Mac",
     "Open Mail › Settings › Accounts › Server Settings; under Outgoing Mail Account choose Edit SMTP Server List, "
     "then +.\n"
     "Server {host}, with your user name and password.\n"
     "Switch off \"Automatically manage connection settings\"; port {port}, \"Use TLS/SSL\" on, authentication "
     "Password.",
     "Abra Mail › Ajustes › Cuentas › Ajustes del servidor; en Cuenta de correo saliente elija Editar la lista de "
     "servidores "
     "SMTP y luego +.\n"
     "Servidor {host}, con su usuario y contraseña.\n"
     "Desactive «Gestionar automáticamente los ajustes de conexión»; puerto {port}, «Usar TLS/SSL» activado, "
     "autenticación "
     "Contraseña.",
     "", ""},
    {"iphone", "iPhone and iPad", "iPhone y iPad",
     "Open Settings › Apps › Mail › Mail Accounts, your account, then SMTP.\n"
     "Under Other SMTP Servers choose Add Server: host name {host}, your user name and password.\n"
     "Open the new server again: Use SSL on, authentication Password, port {port}. Make it the primary one.",
     "Abra Ajustes › Apps › Mail › Cuentas de Mail, su cuenta y luego SMTP.\n"
     "En Otros servidores SMTP elija Añadir servidor: nombre de host {host}, su usuario y contraseña.\n"
     "Vuelva a abrir el servidor nuevo: Usar SSL activado, autenticación Contraseña, puerto {port}. Póngalo como "
     "principal.",
     "", ""},
    {"android", "Android", "Android",
     "In your mail app open the settings of the account, then Outgoing settings (or Sending mail, SMTP).\n"
     "Server {host}, port {port}, security {security}, \"Require sign-in\" on, with your user name and password.",
     "En su aplicación de correo abra los ajustes de la cuenta y luego Ajustes de salida (o Envío de correo, SMTP).\n"
     "Servidor {host}, puerto {port}, seguridad {security}, «Requerir inicio de sesión» activado, con su usuario y "
     "contraseña.",
     "", ""},
    {"printer", "Printers and scanners", "Impresoras y escáneres",
     "Open the device's web page and look for E-mail, SMTP or Scan to e-mail.\n"
     "SMTP server {host}, port {port}, encryption {security}, SMTP authentication on (LOGIN or PLAIN), with the user "
     "name and "
     "password of the device.\n"
     "As sender, type an address of your domain that the device may use.\n"
     "An old device that knows no encryption needs a relay in the office: ask whoever runs this server.",
     "Abra la página web del equipo y busque Correo electrónico, SMTP o Escanear a correo.\n"
     "Servidor SMTP {host}, puerto {port}, cifrado {security}, autenticación SMTP activada (LOGIN o PLAIN), con el "
     "usuario y la "
     "contraseña del equipo.\n"
     "Como remitente, escriba una dirección de su dominio que el equipo pueda usar.\n"
     "Un equipo antiguo que no conozca el cifrado necesita un relé en la oficina: pregunte a quien administra este "
     "servidor.",
     "", ""},
    {"wordpress", "WordPress", "WordPress",
     "Install a plugin that sends by SMTP and choose \"Other SMTP\" as its mailer.\n"
     "SMTP host {host}, port {port}, encryption {security}, authentication on, with your user name and password. If it "
     "offers "
     "\"Auto TLS\", leave it on.\n"
     "As From address, type one of your domain and let the plugin force it. Then send its test message.",
     "Instale un complemento que envíe por SMTP y elija «Otro SMTP» como forma de envío.\n"
     "Servidor SMTP {host}, puerto {port}, cifrado {security}, autenticación activada, con su usuario y contraseña. Si "
     "ofrece "
     "«TLS automático», déjelo activado.\n"
     "Como dirección From, escriba una de su dominio y haga que el complemento la imponga. Después envíe su mensaje de "
     "prueba.",
     "", ""},
    {"postfix", "Postfix as a smarthost client", "Postfix hacia este servidor",
     "Add the lines to main.cf, and user and password to /etc/postfix/relevo: [{host}]:{port} USER:PASSWORD\n"
     "Then: chmod 600 /etc/postfix/relevo && postmap /etc/postfix/relevo && postfix reload",
     "Añada las líneas a main.cf, y usuario y contraseña a /etc/postfix/relevo: [{host}]:{port} USUARIO:CONTRASEÑA\n"
     "Después: chmod 600 /etc/postfix/relevo && postmap /etc/postfix/relevo && postfix reload",
     "relayhost = [{host}]:{port}\n"
     "smtp_sasl_auth_enable = yes\n"
     "smtp_sasl_security_options = noanonymous\n"
     "smtp_sasl_password_maps = hash:/etc/postfix/relevo\n"
     "{postfix_tls}",
     "/etc/postfix/main.cf"},
    {"exim", "Exim as a smarthost client", "Exim hacia este servidor",
     "Put each part into the section that its comment names, then restart Exim. A ^ in the password is written ^^.",
     "Ponga cada parte en la sección que nombra su comentario y reinicie Exim. Un ^ de la contraseña se escribe ^^.",
     "# routers\n"
     "relevo:\n"
     "  driver = manualroute\n"
     "  domains = ! +local_domains\n"
     "  transport = relevo_smtp\n"
     "  route_list = * {host}::{port}\n\n"
     "# transports\n"
     "relevo_smtp:\n"
     "  driver = smtp\n"
     "  hosts_require_auth = *\n"
     "{exim_tls}\n"
     "# authenticators\n"
     "relevo_login:\n"
     "  driver = plaintext\n"
     "  public_name = PLAIN\n"
     "  client_send = ^USER^PASSWORD\n",
     "/etc/exim4/exim4.conf"},
    {"msmtp", "msmtp", "msmtp",
     "If the domain publishes its SRV records, msmtp --configure ADDRESS writes all but user and password.\n"
     "Then: chmod 600 ~/.msmtprc",
     "Si el dominio publica sus registros SRV, msmtp --configure DIRECCIÓN lo escribe todo menos usuario y "
     "contraseña.\n"
     "Después: chmod 600 ~/.msmtprc",
     "account relevo\n"
     "host {host}\n"
     "port {port}\n"
     "{msmtp_tls}"
     "auth on\n"
     "user USER\n"
     "password PASSWORD\n"
     "from you@example.com\n\n"
     "account default : relevo\n",
     "~/.msmtprc"},
    {"phpmailer", "PHP (PHPMailer)", "PHP (PHPMailer)", "Use these lines in your program.",
     "Use estas líneas en su programa.",
     "$mail = new PHPMailer(true);\n"
     "$mail->isSMTP();\n"
     "$mail->Host = '{host}';\n"
     "$mail->Port = {port};\n"
     "$mail->SMTPSecure = {phpmailer_tls};\n"
     "$mail->SMTPAuth = true;\n"
     "$mail->Username = 'USER';\n"
     "$mail->Password = 'PASSWORD';\n",
     ""},
    {"nodemailer", "Node.js (nodemailer)", "Node.js (nodemailer)", "Use these lines in your program.",
     "Use estas líneas en su programa.",
     "const transport = nodemailer.createTransport({{\n"
     "  host: '{host}',\n"
     "  port: {port},\n"
     "  secure: {nodemailer_secure},\n"
     "  requireTLS: {nodemailer_require},\n"
     "  auth: {{ user: 'USER', pass: 'PASSWORD' }},\n"
     "}});\n",
     ""},
};

}  // namespace

std::span<const ClientText> client_texts() { return texts; }

}  // namespace relevo::clientsetup
