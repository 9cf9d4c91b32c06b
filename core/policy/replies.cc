#include "core/policy/replies.h"

#include <algorithm>
#include <array>

namespace relevo {

namespace {

// Of the envelope sender and of the From field alike.
constexpr std::string_view domain_not_proven_english =
    "The domain is registered for this customer, but nothing shows yet that it is theirs. Publish the TXT record, or "
    "one of the DKIM keys of the domain, and let the server look (relevo domain verify); it also looks by itself.";
constexpr std::string_view domain_not_proven_spanish =
    "El dominio está registrado para este cliente, pero nada demuestra todavía que sea suyo. Publique el registro TXT "
    "o una de las claves DKIM del dominio y haga que el servidor lo compruebe (relevo domain verify); también lo "
    "comprueba por sí mismo.";

// Codes: RFC 4954 §6 for AUTH (535 5.7.8, 454 4.7.0, 530 5.7.0, 504 5.5.4), RFC 5321 §4.2 and RFC 3463 for the rest. A
// right password on an account that may not send gets 525 5.7.13, "user account disabled", of the registry of RFC 5248:
// with 535 mail programs would ask for the password again and again.
constexpr auto entries = std::to_array<ReplyEntry>({
    {ReplyKey::network_not_allowed,
     "network_not_allowed",
     554,
     {5, 7, 1},
     "{address} may not connect to this port; ask the administrator to add it to the listener's "
     "allowed networks",
     "The listener takes connections only from the networks in its setting allowed_networks, and "
     "this address is in none of them. Add the network there, or connect to another port.",
     "Este puerto solo acepta conexiones desde las redes de su ajuste allowed_networks, y esta "
     "dirección no está en ninguna. Añada la red allí o conéctese a otro puerto."},
    {ReplyKey::tls_to_plain_port,
     "tls_to_plain_port",
     554,
     {5, 5, 1},
     "This port begins in plain text; choose STARTTLS in your program, or use the port for "
     "SSL/TLS, usually 465",
     "The program began with TLS at once, but this port expects plain text first and then "
     "STARTTLS. In the program set the encryption to STARTTLS, or set the port for implicit TLS "
     "(usually 465).",
     "El programa ha empezado directamente con TLS, pero este puerto espera primero texto y "
     "después STARTTLS. En el programa elija el cifrado STARTTLS, o bien el puerto de SSL/TLS "
     "(normalmente 465)."},
    {ReplyKey::plain_text_to_tls_port,
     "plain_text_to_tls_port",
     554,
     {5, 5, 1},
     "This port begins with TLS; choose SSL/TLS in your program, or use the port for STARTTLS, "
     "usually 587",
     "The program sent plain text, but this port expects TLS from the first octet. In the program "
     "set the encryption to SSL/TLS (not STARTTLS), or set the port for STARTTLS (usually 587).",
     "El programa ha enviado texto sin cifrar, pero este puerto espera TLS desde el principio. En "
     "el programa elija el cifrado SSL/TLS (no STARTTLS), o bien el puerto de STARTTLS "
     "(normalmente 587)."},
    {ReplyKey::authenticated,
     "authenticated",
     235,
     {2, 7, 0},
     "Authentication succeeded",
     "The login was right.",
     "El usuario y la contraseña son correctos."},
    {ReplyKey::encryption_required,
     "encryption_required",
     530,
     {5, 7, 0},
     "Encryption needed: turn on STARTTLS (or SSL/TLS) in your program before logging in or "
     "sending",
     "This port neither takes a password nor mail before the connection is encrypted. Turn on "
     "STARTTLS in the program, or use the port for SSL/TLS.",
     "Este puerto no acepta contraseñas ni correo sin cifrar. Active STARTTLS en el programa o "
     "use el puerto de SSL/TLS."},
    {ReplyKey::authentication_required,
     "authentication_required",
     530,
     {5, 7, 0},
     "Authentication needed: set the user name and password of your SMTP credential in your "
     "program",
     "This port takes mail only after a login. Turn on authentication in the program and enter "
     "the login and password of an SMTP credential.",
     "Este puerto solo acepta correo tras identificarse. Active la autenticación en el programa e "
     "introduzca el usuario y la contraseña de una credencial SMTP."},
    {ReplyKey::mechanism_unknown,
     "mechanism_unknown",
     504,
     {5, 5, 4},
     "Authentication mechanism {mechanism} is not offered; use one of: {offered}",
     "The program asked for a way of logging in that this port does not offer. Choose one that it "
     "lists after EHLO, or \"normal password\" over an encrypted connection.",
     "El programa ha pedido un método de autenticación que este puerto no ofrece. Elija uno de "
     "los que anuncia tras EHLO, o «contraseña normal» sobre una conexión cifrada."},
    {ReplyKey::credentials_wrong,
     "credentials_wrong",
     535,
     {5, 7, 8},
     "Authentication failed: check user name and password",
     "There is no such login, or the password is wrong; on purpose it is not said which. Check "
     "both; if the password is lost, make a new one (relevo credential rotate).",
     "El usuario no existe o la contraseña no es correcta; a propósito no se dice cuál de las dos "
     "cosas. Revise ambos; si ha perdido la contraseña, cree otra (relevo credential rotate)."},
    {ReplyKey::login_held_back,
     "login_held_back",
     454,
     {4, 7, 0},
     "Too many failed logins; try again in {seconds} s",
     "After repeated wrong passwords further tries have to wait, and each failure makes the wait "
     "longer. Stop the program that uses the old password, wait as long as the reply says, then "
     "log in with the right one. An address from which this account logged in within 30 days is "
     "not held back by failures elsewhere.",
     "Tras varias contraseñas erróneas hay que esperar, y cada fallo alarga la espera. Pare el "
     "programa que usa la contraseña antigua, espere lo que indica la respuesta y entre con la "
     "correcta. Una dirección desde la que esta cuenta entró en los últimos 30 días no sufre por "
     "los fallos de otras."},
    {ReplyKey::login_busy,
     "login_busy",
     454,
     {4, 7, 0},
     "Too many logins at this moment; try again in a minute",
     "The server is checking as many passwords as it can. Mail programs try again by themselves; "
     "keep connections open instead of logging in for every message.",
     "El servidor está comprobando todas las contraseñas que puede. Los programas lo reintentan "
     "solos; mantenga las conexiones abiertas en vez de entrar para cada mensaje."},
    {ReplyKey::smtp_not_enabled,
     "smtp_not_enabled",
     525,
     {5, 7, 13},
     "The password is right, but SMTP is not activated for the account {login}: activate it in "
     "the account's settings",
     "The login is known and the password right, but sending by SMTP is switched off for it. "
     "Switch it on (relevo credential enable) and log in again; the password stays the same.",
     "El usuario y la contraseña son correctos, pero el envío por SMTP no está activado. Actívelo "
     "(relevo credential enable) y vuelva a entrar; la contraseña no cambia."},
    {ReplyKey::credential_expired,
     "credential_expired",
     525,
     {5, 7, 13},
     "The password is right, but the account {login} expired at {time} UTC: ask for a new expiry "
     "date or a new credential",
     "The credential had an end date, which has passed. Give it a later one (relevo credential "
     "set) or make another credential.",
     "La credencial tenía una fecha de caducidad que ya ha pasado. Prorróguela (relevo credential "
     "set) o cree otra."},
    {ReplyKey::tenant_suspended,
     "tenant_suspended",
     525,
     {5, 7, 13},
     "Sending is suspended for this customer: ask the administrator",
     "All credentials and networks of this tenant are suspended. The administrator lifts it with "
     "relevo tenant resume.",
     "Todas las credenciales y redes de este cliente están suspendidas. El administrador lo "
     "levanta con relevo tenant resume."},
    {ReplyKey::source_network_not_allowed,
     "source_network_not_allowed",
     550,
     {5, 7, 1},
     "The password is right, but the account {login} may not log in from {address}: add this "
     "address to the credential's networks",
     "The credential is restricted to certain networks, and the connection comes from elsewhere. "
     "Add the address to its networks, or send from an allowed host.",
     "La credencial está limitada a ciertas redes y la conexión llega desde otra. Añada la "
     "dirección a sus redes o envíe desde un equipo permitido."},
    {ReplyKey::lan_token_used,
     "lan_token_used",
     535,
     {5, 7, 8},
     "This enrolment token was used already: make a new one with relevo lan token create on the "
     "central relay",
     "A token enrols one office, once. If that was not you, revoke it (relevo lan token revoke), "
     "which also disables the office that used it; then make a new one.",
     "Un token da de alta una sola oficina, una sola vez. Si no fue usted, revóquelo (relevo lan "
     "token revoke), lo que también desactiva la oficina que lo usó, y cree otro."},
    {ReplyKey::lan_token_expired,
     "lan_token_expired",
     535,
     {5, 7, 8},
     "This enrolment token has expired: make a new one with relevo lan token create on the "
     "central relay",
     "Tokens expire after the time given when they were made (--expires). Make a new one.",
     "Los tokens caducan al cabo del plazo indicado al crearlos (--expires). Cree otro."},
    {ReplyKey::lan_token_revoked,
     "lan_token_revoked",
     535,
     {5, 7, 8},
     "This enrolment token was revoked: ask whoever runs the central relay for a new one",
     "Somebody revoked this token (relevo lan token revoke). Ask for a new one.",
     "Alguien ha revocado este token (relevo lan token revoke). Pida otro."},
    {ReplyKey::sender_accepted,
     "sender_accepted",
     250,
     {2, 1, 0},
     "Sender accepted",
     "The sender may be used.",
     "El remitente se puede usar."},
    {ReplyKey::sender_is_literal,
     "sender_is_literal",
     550,
     {5, 7, 1},
     "Sender <{address}> has an IP address in place of a domain: use an address of your domain",
     "The envelope sender names a host by its IP address, which belongs to no tenant. Set a "
     "sender address of one of your domains in the program.",
     "El remitente del sobre usa una IP en lugar de un dominio. Ponga en el programa una "
     "dirección de uno de sus dominios."},
    {ReplyKey::sender_domain_not_allowed,
     "sender_domain_not_allowed",
     550,
     {5, 7, 1},
     "Sender <{address}> not allowed: {domain} is not a domain of this account; add it, or send "
     "from {allowed}",
     "The envelope sender (MAIL FROM, return path) must be an address of a domain that is "
     "registered for this customer. Register the domain (relevo domain add), or change the sender "
     "in the program.",
     "El remitente del sobre (MAIL FROM) debe ser una dirección de un dominio registrado para "
     "este cliente. Registre el dominio (relevo domain add) o cambie el remitente en el programa."},
    {ReplyKey::sender_domain_not_proven,
     "sender_domain_not_proven",
     550,
     {5, 7, 1},
     "Sender <{address}> not allowed: {domain} is not proven to be yours; publish TXT {host} \"{text}\", then run: "
     "relevo domain verify {domain}",
     domain_not_proven_english,
     domain_not_proven_spanish},
    {ReplyKey::sender_domain_not_of_credential,
     "sender_domain_not_of_credential",
     550,
     {5, 7, 1},
     "Sender <{address}> not allowed: this credential sends only from {allowed}; change the "
     "sender or the credential's domains",
     "The domain is the customer's, but this credential is restricted to others. Use the "
     "credential that belongs to the domain, or add the domain to this one.",
     "El dominio es del cliente, pero esta credencial está limitada a otros. Use la credencial de "
     "ese dominio o añádalo a esta."},
    {ReplyKey::sender_address_not_allowed,
     "sender_address_not_allowed",
     550,
     {5, 7, 1},
     "Sender <{address}> not allowed: only listed addresses of {domain} may send; add it to the "
     "list, or use one that is there",
     "The domain has a list of addresses that may send, and this one is not on it. Add it to the "
     "list of the domain, or use a listed address.",
     "El dominio tiene una lista de direcciones que pueden enviar y esta no está en ella. Añádala "
     "a la lista del dominio o use una de las que están."},
    {ReplyKey::access_withdrawn,
     "access_withdrawn",
     530,
     {5, 7, 0},
     "This account was removed or changed during the session: connect and log in again",
     "The credential or network grant was removed while the connection was open. Log in again "
     "with one that is valid.",
     "La credencial o la red autorizada se ha eliminado con la conexión abierta. Vuelva a entrar "
     "con una válida."},
    {ReplyKey::recipient_accepted,
     "recipient_accepted",
     250,
     {2, 1, 5},
     "Recipient accepted",
     "The recipient is accepted.",
     "El destinatario se acepta."},
    {ReplyKey::relaying_denied,
     "relaying_denied",
     550,
     {5, 7, 1},
     "Relaying to <{address}> denied: log in first (authentication in your program), or send to "
     "the server of {domain} directly",
     "Without a login this server takes mail only for its own domains. To send to others turn on "
     "authentication in the program; for a device that cannot log in, allow its network (relevo "
     "network add).",
     "Sin identificarse, este servidor solo acepta correo para sus propios dominios. Para enviar "
     "a otros active la autenticación en el programa; si un equipo no puede identificarse, "
     "autorice su red (relevo network add)."},
    {ReplyKey::recipient_routes_on,
     "recipient_routes_on",
     550,
     {5, 7, 1},
     "Relaying to <{address}> denied: %, ! and @ in the local part are not followed; write the "
     "final address",
     "The part before the last @ looks like a second address to which the mail should be passed "
     "on. That old way of routing is an open door for abuse and is not followed.",
     "La parte anterior a la última @ parece otra dirección a la que habría que reenviar. Esa "
     "forma antigua de encaminar permite abusos y no se admite."},
    {ReplyKey::recipient_domain_missing,
     "recipient_domain_missing",
     550,
     {5, 1, 2},
     "The domain {domain} does not exist{hint}",
     "The part after the @ is no domain that exists, so the mail would come back. Correct the "
     "address; submission.check_recipients = \"off\" ends this check.",
     "Lo que va detrás de la @ no es un dominio que exista, así que el correo volvería. Corrija la "
     "dirección; submission.check_recipients = \"off\" desactiva esta comprobación."},
    {ReplyKey::recipient_domain_takes_no_mail,
     "recipient_domain_takes_no_mail",
     556,
     {5, 1, 10},
     "The domain {domain} declares that it takes no mail{hint}",
     "The domain has a null MX record (RFC 7505): its owner says that no mail is taken there. "
     "Correct the address, or remove it.",
     "El dominio tiene un registro MX nulo (RFC 7505): su dueño declara que no recibe correo. "
     "Corrija la dirección o retírela."},
    {ReplyKey::recipient_suppressed,
     "recipient_suppressed",
     550,
     {5, 7, 1},
     "<{address}> is on the suppression list ({reason}): nothing is sent there; see relevo suppression show",
     "The recipient's address bounced for good, its owner complained or unsubscribed, or a person put it on the "
     "tenant's suppression list; suppression.smtp is \"refuse\". Remove it there if it is good again (relevo "
     "suppression remove).",
     "La dirección rebotó definitivamente, su dueño se quejó o se dio de baja, o alguien la puso en la lista de "
     "supresión del cliente; suppression.smtp es \"refuse\". Quítela de la lista si vuelve a ser buena (relevo "
     "suppression remove)."},
    {ReplyKey::return_path_unknown,
     "return_path_unknown",
     550,
     {5, 1, 1},
     "<{address}>: no message of ours has this return path",
     "The address has the form of a return path, but was not made by this server, or somebody changed it. Reports "
     "about mail are taken only at the exact address that the mail came with.",
     "La dirección tiene la forma de una dirección de rebotes, pero no la hizo este servidor, o alguien la cambió. "
     "Los informes sobre el correo solo se admiten en la dirección exacta con la que salió."},
    {ReplyKey::return_path_alone,
     "return_path_alone",
     452,
     {4, 5, 3},
     "A return path takes its mail alone: send to the other recipients in a transaction of their own",
     "Mail to the return path of a message is read here and goes nowhere, so it cannot share its transaction with "
     "other recipients. Servers send the rest again by themselves.",
     "El correo a la dirección de rebotes de un mensaje se lee aquí y no sigue a ninguna parte, así que no puede "
     "compartir la transacción con otros destinatarios. Los servidores envían el resto por sí mismos."},
    {ReplyKey::hourly_rate_reached,
     "hourly_rate_reached",
     450,
     {4, 7, 1},
     "Limit of {limit} messages per hour reached; try again at {time} UTC",
     "The credential or network has sent as many messages in the last hour as it may. Mail "
     "programs and servers try again by themselves; slow down, or ask for a higher limit.",
     "La credencial o la red ha enviado en la última hora todo lo que permite su límite. Los "
     "programas y servidores lo reintentan solos; envíe más despacio o pida un límite mayor."},
    {ReplyKey::daily_rate_reached,
     "daily_rate_reached",
     450,
     {4, 7, 1},
     "Limit of {limit} messages per day reached; try again at {time} UTC",
     "The credential or network has sent as many messages in the last 24 hours as it may. Mail "
     "servers try again by themselves; wait, or ask for a higher limit.",
     "La credencial o la red ha enviado en las últimas 24 horas todo lo que permite su límite. "
     "Los servidores lo reintentan solos; espere o pida un límite mayor."},
    {ReplyKey::quota_reached,
     "quota_reached",
     450,
     {4, 7, 1},
     "Quota of {limit} recipients per {period} of {whom} reached; there is room again at {time} UTC",
     "As many recipients as the quota allows were used in this minute, hour, day or month. Mail servers try again by "
     "themselves; wait, or ask for a larger quota.",
     "Ya se han usado los destinatarios que permite la cuota en este minuto, hora, día o mes. Los servidores lo "
     "reintentan solos; espere o pida una cuota mayor."},
    {ReplyKey::quota_too_small,
     "quota_too_small",
     550,
     {5, 7, 1},
     "The message has {count} recipients, the quota of {whom} is {limit} per {period}: send it in parts",
     "The message has more recipients than the quota ever allows at once: it would never be taken.",
     "El mensaje tiene más destinatarios de los que la cuota permite a la vez: nunca se aceptaría."},
    {ReplyKey::tenant_held,
     "tenant_held",
     450,
     {4, 7, 1},
     "New mail of {tenant} is not taken: {reason}; the operator has to release it",
     "Too much of the tenant's mail bounced or was complained about. Take the addresses that do not exist, and people "
     "who did not ask for the mail, off the list; then ask the operator, who lets it go on with `relevo tenant "
     "release`.",
     "Demasiado correo del cliente rebotó o recibió quejas. Quite de la lista las direcciones que no existen y a quien "
     "no pidió el correo; después hable con el operador, que lo reanuda con `relevo tenant release`."},
    {ReplyKey::message_too_large,
     "message_too_large",
     552,
     {5, 3, 4},
     "Message too large: {size} octets, the limit is {limit}; attachments grow by a third in mail",
     "The message is larger than this server takes. Send large files as a link, or ask the "
     "administrator to raise the limit of the listener.",
     "El mensaje supera el tamaño que acepta este servidor. Envíe los archivos grandes con un "
     "enlace o pida al administrador que suba el límite."},
    {ReplyKey::content_accepted,
     "content_accepted",
     250,
     {2, 0, 0},
     "Content accepted",
     "The header fields are in order.",
     "Los campos de la cabecera son correctos."},
    {ReplyKey::from_missing,
     "from_missing",
     550,
     {5, 6, 0},
     "The message has no From field: add one with your address",
     "Every message names its author in a From field. The program that made the message must "
     "write one.",
     "Todo mensaje debe indicar su autor en el campo From. El programa que lo crea debe "
     "escribirlo."},
    {ReplyKey::from_repeated,
     "from_repeated",
     550,
     {5, 7, 1},
     "The message has {count} {field} fields: send exactly one",
     "Two From fields let one reader see one author and another reader another. The program that "
     "made the message must write one.",
     "Con dos campos From unos lectores verían un autor y otros, otro distinto. El programa que "
     "crea el mensaje debe escribir solo uno."},
    {ReplyKey::sender_repeated,
     "sender_repeated",
     550,
     {5, 7, 1},
     "The message has {count} Sender fields: send at most one",
     "A message has at most one Sender field. The program that made the message must write only "
     "one.",
     "Un mensaje tiene como mucho un campo Sender. El programa que lo crea debe escribir solo uno."},
    {ReplyKey::from_not_readable,
     "from_not_readable",
     550,
     {5, 6, 0},
     "The {field} field cannot be read: {reason}",
     "The addresses in this field do not follow RFC 5322, or could be read in two ways. Quote "
     "display names with commas or @, and write one address in angle brackets.",
     "Las direcciones de este campo no siguen la RFC 5322 o se podrían leer de dos maneras. Ponga "
     "entre comillas los nombres con comas o @, y la dirección entre < y >."},
    {ReplyKey::from_without_address,
     "from_without_address",
     550,
     {5, 6, 0},
     "The {field} field names no address: write yours",
     "The field is empty or holds only a group name, so nobody could be held to be the author.",
     "El campo está vacío o solo contiene un nombre de grupo, y no se puede saber quién es el "
     "autor."},
    {ReplyKey::from_domain_not_allowed,
     "from_domain_not_allowed",
     550,
     {5, 7, 1},
     "{field} <{address}> not allowed: {domain} is not a domain of this account; add it, or write "
     "from {allowed}",
     "The author that readers see must be an address of a domain that is registered for this "
     "customer. Register the domain (relevo domain add), or change the address in the program.",
     "El autor que ven los lectores debe ser una dirección de un dominio registrado para este "
     "cliente. Registre el dominio (relevo domain add) o cambie la dirección en el programa."},
    {ReplyKey::from_domain_not_proven,
     "from_domain_not_proven",
     550,
     {5, 7, 1},
     "{field} <{address}> not allowed: {domain} is not proven to be yours; publish TXT {host} \"{text}\", then run: "
     "relevo domain verify {domain}",
     domain_not_proven_english,
     domain_not_proven_spanish},
    {ReplyKey::from_domain_not_of_credential,
     "from_domain_not_of_credential",
     550,
     {5, 7, 1},
     "{field} <{address}> not allowed: this credential sends only from {allowed}; change the "
     "address or the credential's domains",
     "The domain is the customer's, but this credential is restricted to others. Use the "
     "credential that belongs to the domain, or add the domain to this one.",
     "El dominio es del cliente, pero esta credencial está limitada a otros. Use la credencial de "
     "ese dominio o añádalo a esta."},
    {ReplyKey::from_address_not_allowed,
     "from_address_not_allowed",
     550,
     {5, 7, 1},
     "{field} <{address}> not allowed: only listed addresses of {domain} may send; add it to the "
     "list, or use one that is there",
     "The domain has a list of addresses that may send, and this one is not on it. Add it to the "
     "list of the domain, or use a listed address.",
     "El dominio tiene una lista de direcciones que pueden enviar y esta no está en ella. Añádala "
     "a la lista del dominio o use una de las que están."},
    {ReplyKey::header_malformed,
     "header_malformed",
     550,
     {5, 6, 0},
     "The header section is broken at \"{line}\": end each line with CRLF, and put an empty line before the text",
     "A line in the header is no field, or is not ended by CRLF, so readers would disagree what the fields are. The "
     "program "
     "that made the message must write fields as Name: value, then an empty line, then the text.",
     "Una línea de la cabecera no es un campo o no acaba en CRLF, así que no todos los lectores verían los mismos "
     "campos. El "
     "programa debe escribir los campos como Nombre: valor, después una línea vacía y después el texto."},
    // RFC 7372 §3.2 and §3.3 for the codes of the next two; the registry of RFC 5248 has no word for DMARC alone.
    {ReplyKey::stream_unknown,
     "stream_unknown",
     550,
     {5, 6, 0},
     "X-Relevo-Stream is \"{value}\": write transactional or bulk",
     "The field chooses the kind of mail; only these two values mean something.",
     "El campo elige el tipo de correo; solo estos dos valores significan algo."},
    {ReplyKey::pool_unknown,
     "pool_unknown",
     550,
     {5, 6, 0},
     "X-Relevo-Pool is \"{value}\": {allowed}",
     "The field asks for a pool of egress sources; only pools that are there on request, and open to the sender, may "
     "be asked for.",
     "El campo pide un grupo de orígenes de salida; solo se pueden pedir los grupos a petición que están abiertos al "
     "remitente."},
    {ReplyKey::track_unknown,
     "track_unknown",
     550,
     {5, 6, 0},
     "X-Relevo-Track is \"{value}\": write opens, clicks, opens,clicks or none",
     "The field chooses what is noticed of the message after delivery; only these values mean something.",
     "El campo elige qué se registra del mensaje tras la entrega; solo estos valores significan algo."},
    {ReplyKey::send_at_unusable,
     "send_at_unusable",
     550,
     {5, 6, 0},
     "The time to send at: {problem}",
     "The message says when it is to be delivered, in X-Relevo-Send-At, X-SMTPAPI or send_at: a time that cannot be "
     "read, or one that lies too far ahead.",
     "El mensaje dice cuándo debe entregarse, en X-Relevo-Send-At, X-SMTPAPI o send_at: una hora que no se entiende o "
     "que queda demasiado lejos."},
    {ReplyKey::control_field_repeated,
     "control_field_repeated",
     550,
     {5, 6, 0},
     "{field} is there more than once: leave one",
     "Two fields that say different things cannot both be followed.",
     "No se pueden seguir dos campos que dicen cosas distintas."},
    {ReplyKey::labels_unusable,
     "labels_unusable",
     550,
     {5, 6, 0},
     "{field}: {problem}",
     "The field gives the message tags or metadata, by which it is counted and found; it cannot be read as it is.",
     "El campo da al mensaje etiquetas o metadatos, por los que se cuenta y se busca; así no se puede leer."},
    {ReplyKey::spf_failed,
     "spf_failed",
     550,
     {5, 7, 23},
     "SPF of {domain} does not allow this server to send: {reason}; add its address to the record, or send through a "
     "server that is in it",
     "The SPF record of the envelope sender's domain says that mail from the connecting server's address must not be "
     "believed. Whoever owns the domain must add the server to the record; who sends for it must use a listed server.",
     "El registro SPF del dominio del remitente indica que no se debe creer el correo que llega desde la dirección de "
     "este servidor. El dueño del dominio debe añadir el servidor al registro; quien envíe en su nombre debe usar un "
     "servidor incluido."},
    {ReplyKey::dmarc_failed,
     "dmarc_failed",
     550,
     {5, 7, 26},
     "Not authenticated as {domain}, whose DMARC policy (at {policy_domain}) says reject: sign with DKIM for {domain}, "
     "or send through servers in its SPF record",
     "Neither SPF nor DKIM shows that the message comes from the domain in its From field, and that domain asks to "
     "refuse such mail. The sender must sign with a DKIM key of that domain, or use an envelope sender of the domain "
     "and a server that its SPF record lists.",
     "Ni SPF ni DKIM demuestran que el mensaje venga del dominio de su campo From, y ese dominio pide rechazar tales "
     "mensajes. El remitente debe firmar con una clave DKIM de ese dominio, o usar un remitente de sobre del dominio y "
     "un servidor incluido en su registro SPF."},
    {ReplyKey::author_not_readable,
     "author_not_readable",
     550,
     {5, 7, 1},
     "From is not one address of one domain: {reason}; correct the From field",
     "Nobody can say who wrote the message: its From field is missing, repeated, not readable or names several "
     "domains. "
     "The program that made it must write exactly one From with an address.",
     "No se puede saber quién escribió el mensaje: su campo From falta, se repite, no se puede leer o nombra varios "
     "dominios. El programa que lo creó debe escribir un único From con una dirección."},
});

constexpr bool is_in_order_of_keys() {
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (static_cast<std::size_t>(entries[i].key) != i) return false;
    return true;
}
static_assert(is_in_order_of_keys());

}  // namespace

std::span<const ReplyEntry> reply_entries() { return entries; }

const ReplyEntry& reply_entry(ReplyKey key) { return entries.at(static_cast<std::size_t>(key)); }

std::optional<ReplyKey> reply_key(std::string_view name) {
    const auto found = std::ranges::find(entries, name, &ReplyEntry::name);
    if (found == entries.end()) return std::nullopt;
    return found->key;
}

}  // namespace relevo
