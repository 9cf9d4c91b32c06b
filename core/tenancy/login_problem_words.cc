// What failed logins mean to people, and what they change.
#include "core/tenancy/failed_logins.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr auto table = std::to_array<LoginProblemWords>({
    {LoginProblem::tls_at_plain_port,
     "tls_at_plain_port",
     {"The program began with TLS at once, but port {port} begins in plain text and then switches with STARTTLS.",
      "El programa empezó con TLS desde el principio, pero el puerto {port} empieza en claro y después cambia con "
      "STARTTLS."},
     {"In the program choose STARTTLS for port {port}, or keep SSL/TLS and use port {tls_ports}.",
      "En el programa elija STARTTLS para el puerto {port}, o deje SSL/TLS y use el puerto {tls_ports}."}},
    {LoginProblem::plain_text_at_tls_port,
     "plain_text_at_tls_port",
     {"The program spoke in plain text (STARTTLS or no encryption), but port {port} expects TLS from the start.",
      "El programa habló en claro (STARTTLS o sin cifrado), pero el puerto {port} espera TLS desde el principio."},
     {"In the program choose SSL/TLS for port {port}, or keep STARTTLS and use port {starttls_ports}.",
      "En el programa elija SSL/TLS para el puerto {port}, o deje STARTTLS y use el puerto {starttls_ports}."}},
    {LoginProblem::tls_version_old,
     "tls_version_old",
     {"The program only knows versions of TLS that are not safe any more (older than 1.2).",
      "El programa solo conoce versiones de TLS que ya no son seguras (anteriores a la 1.2)."},
     {"Update the program or the device. An old printer or scanner that cannot be updated can send through an office "
      "smarthost instead.",
      "Actualice el programa o el dispositivo. Una impresora o un escáner antiguos que no se puedan actualizar pueden "
      "enviar a través de un servidor de la oficina."}},
    {LoginProblem::certificate_refused,
     "certificate_refused",
     {"The program does not trust this server's certificate and hung up.",
      "El programa no confía en el certificado de este servidor y colgó."},
     {"Enter the server's full name as the console shows it, not its address or another name. If the name is right, "
      "see on the page Check whether the certificate is valid.",
      "Escriba el nombre completo del servidor tal como lo muestra la consola, no su dirección ni otro nombre. Si el "
      "nombre es correcto, mire en la página Comprobación si el certificado es válido."}},
    {LoginProblem::tls_failed,
     "tls_failed",
     {"The encryption could not be set up: the program hung up, or offers nothing that this server accepts.",
      "No se pudo establecer el cifrado: el programa colgó o no ofrece nada que este servidor acepte."},
     {"Most often the certificate does not suit the program: enter the server's full name. Else update the program.",
      "Casi siempre el certificado no le vale al programa: escriba el nombre completo del servidor. Si no, actualice "
      "el programa."}},
    {LoginProblem::login_without_tls,
     "login_without_tls",
     {"The program did not switch encryption on, and without it no login is taken here: anybody on the way could read "
      "the password.",
      "El programa no activó el cifrado, y sin él aquí no se admite ningún inicio de sesión: cualquiera por el camino "
      "podría leer la contraseña."},
     {"Switch encryption on in the program: STARTTLS with port {starttls_ports}, or SSL/TLS with port {tls_ports}.",
      "Active el cifrado en el programa: STARTTLS con el puerto {starttls_ports}, o SSL/TLS con el puerto "
      "{tls_ports}."}},
    {LoginProblem::mechanism_not_offered,
     "mechanism_not_offered",
     {"The program wanted to log in by a method that is not offered here, such as CRAM-MD5, NTLM or OAuth.",
      "El programa quiso iniciar sesión con un método que aquí no se ofrece, como CRAM-MD5, NTLM u OAuth."},
     {"In the program choose \"normal password\" (PLAIN or LOGIN). Offered are: {mechanisms}.",
      "En el programa elija \"contraseña normal\" (PLAIN o LOGIN). Se ofrecen: {mechanisms}."}},
    {LoginProblem::exchange_broken,
     "exchange_broken",
     {"The program did not keep to the rules of its login method.",
      "El programa no respetó las reglas de su método de inicio de sesión."},
     {"Choose \"normal password\" in the program, or update it. A proxy or an antivirus in between can be the cause.",
      "Elija \"contraseña normal\" en el programa, o actualícelo. Un proxy o un antivirus por medio puede ser la "
      "causa."}},
    {LoginProblem::login_unknown,
     "login_unknown",
     {"There is no credential with the login \"{login}\".", "No hay ninguna credencial con el usuario «{login}»."},
     {"Copy the login from the credential's page; it is not the e-mail address of the sender, unless it was chosen so.",
      "Copie el usuario de la página de la credencial; no es la dirección de correo del remitente, salvo que se haya "
      "elegido así."}},
    {LoginProblem::password_wrong,
     "password_wrong",
     {"The login {login} is right, the password is not.", "El usuario {login} es correcto, la contraseña no."},
     {"Enter the password again, without spaces around it. If it is lost, make a new one on the credential's page and "
      "enter it in every program that uses it.",
      "Vuelva a escribir la contraseña, sin espacios alrededor. Si se ha perdido, genere una nueva en la página de la "
      "credencial y póngala en todos los programas que la usan."}},
    {LoginProblem::smtp_off,
     "smtp_off",
     {"Login and password are right, but sending by SMTP is not activated for {login}.",
      "El usuario y la contraseña son correctos, pero el envío por SMTP no está activado para {login}."},
     {"Activate it on the credential's page.", "Actívelo en la página de la credencial."}},
    {LoginProblem::credential_expired,
     "credential_expired",
     {"Login and password are right, but the credential {login} has expired.",
      "El usuario y la contraseña son correctos, pero la credencial {login} ha caducado."},
     {"Give it another expiry, or make a new credential.", "Póngale otra caducidad o cree una credencial nueva."}},
    {LoginProblem::tenant_suspended,
     "tenant_suspended",
     {"Login and password are right, but the organisation may not send at present.",
      "El usuario y la contraseña son correctos, pero la organización no puede enviar por ahora."},
     {"Ask whoever runs this server.", "Pregunte a quien administra este servidor."}},
    {LoginProblem::network_not_of_credential,
     "network_not_of_credential",
     {"Login and password are right, but {login} may not be used from {address}.",
      "El usuario y la contraseña son correctos, pero {login} no se puede usar desde {address}."},
     {"Add {address} to the networks of the credential, or send from one of them.",
      "Añada {address} a las redes de la credencial, o envíe desde una de ellas."}},
    {LoginProblem::network_not_allowed,
     "network_not_allowed",
     {"Port {port} takes no connections from {address}.", "El puerto {port} no admite conexiones desde {address}."},
     {"Use another port, or ask whoever runs this server to allow the network there.",
      "Use otro puerto, o pida a quien administra este servidor que permita esa red."}},
    {LoginProblem::held_back,
     "held_back",
     {"After too many wrong passwords, attempts from {address} are put off for some minutes.",
      "Tras demasiadas contraseñas erróneas, los intentos desde {address} se aplazan unos minutos."},
     {"Find the program that keeps trying with an old password and correct it there; then wait a quarter of an hour.",
      "Busque el programa que sigue probando con una contraseña antigua y corríjala allí; después espere un cuarto de "
      "hora."}},
    {LoginProblem::no_login,
     "no_login",
     {"The program wanted to send without logging in.", "El programa quiso enviar sin iniciar sesión."},
     {"Switch on authentication in the program (\"my outgoing server requires authentication\") and enter login and "
      "password of a credential.",
      "Active la autenticación en el programa («mi servidor de salida requiere autenticación») y escriba usuario y "
      "contraseña de una credencial."}},
});

}  // namespace

std::span<const LoginProblemWords> login_problem_words() { return table; }

// A number that a later release wrote is told like any failure of TLS.
const LoginProblemWords& words_of(LoginProblem problem) {
    const auto found = std::ranges::find(table, problem, &LoginProblemWords::problem);
    return found != table.end() ? *found
                                : *std::ranges::find(table, LoginProblem::tls_failed, &LoginProblemWords::problem);
}

}  // namespace relevo
