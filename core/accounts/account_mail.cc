#include "core/accounts/account_mail.h"

#include "lib/mail/message.h"
#include "lib/mime/composition.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {
namespace {

// To the minute, in the one time that needs no knowledge of where the reader is.
std::string moment(WallClock::time_point time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(WallClock::to_time_t(time)));
}

std::string subject_of(const AccountMail& mail) {
    const bool is_invitation = mail.purpose == OneTimePurpose::invitation;
    if (mail.language == mail::Language::spanish)
        return fmt::format(fmt::runtime(is_invitation ? "Su acceso a Relevo en {}" : "Nueva contraseña para {}"),
                           mail.host_name);
    return fmt::format(fmt::runtime(is_invitation ? "Your access to Relevo on {}" : "A new password for {}"),
                       mail.host_name);
}

std::string english(const AccountMail& mail) {
    std::string text = fmt::format("Hello{}{},\n\n", mail.name.empty() ? "" : " ", mail.name);
    if (mail.purpose == OneTimePurpose::invitation) {
        text += mail.invited_by.empty() ? "You have been invited" : fmt::format("{} invites you", mail.invited_by);
        text += fmt::format(" to the console of the mail server {}.\n\nChoose your password here:\n", mail.host_name);
    } else {
        text += fmt::format("somebody asked for a new password for your access to {}.\n\nChoose it here:\n",
                            mail.host_name);
    }
    text += fmt::format("\n{}\n\nThe link works once, until {}. You log in as {}.\n\n", mail.link,
                        moment(mail.expires_at), mail.login);
    text += mail.purpose == OneTimePurpose::invitation
                ? "If you do not know what this is about, leave this mail alone: nothing\nhappens without the link.\n"
                : "If it was not you, leave this mail alone: your password stays as it is.\nWhoever gets this link "
                  "can choose your password, so do not pass it on.\n";
    return text;
}

std::string spanish(const AccountMail& mail) {
    std::string text = fmt::format("Hola{}{}:\n\n", mail.name.empty() ? "" : ", ", mail.name);
    if (mail.purpose == OneTimePurpose::invitation) {
        text += mail.invited_by.empty() ? "Ha recibido una invitación" : fmt::format("{} le invita", mail.invited_by);
        text += fmt::format(" a la consola del servidor de correo {}.\n\nElija aquí su contraseña:\n", mail.host_name);
    } else {
        text += fmt::format("alguien ha pedido una nueva contraseña para su acceso a {}.\n\nElíjala aquí:\n",
                            mail.host_name);
    }
    text += fmt::format("\n{}\n\nEl enlace funciona una sola vez, hasta {}. Su usuario es {}.\n\n", mail.link,
                        moment(mail.expires_at), mail.login);
    text += mail.purpose == OneTimePurpose::invitation
                ? "Si no sabe de qué se trata, no haga nada: sin el enlace no ocurre nada.\n"
                : "Si no ha sido usted, no haga nada: su contraseña sigue igual.\nQuien tenga este enlace puede elegir "
                  "su contraseña: no lo reenvíe.\n";
    return text;
}

}  // namespace

Result<std::string> compose_account_mail(const AccountMail& mail, std::string_view message_id,
                                         WallClock::time_point now) {
    const auto composed =
        mime::compose({.from = {.name = "Relevo", .address = mail.from},
                       .to = {{.name = mail.name, .address = mail.to}},
                       .subject = subject_of(mail),
                       .text = mail.language == mail::Language::spanish ? spanish(mail) : english(mail),
                       .fields = {{"Auto-Submitted", "auto-generated"}}});
    if (!composed.has_value())
        return failure(ErrorKind::invalid, composed.error().part + ": " + composed.error().detail);
    return fmt::format("Date: {}\r\nMessage-ID: <{}>\r\n{}", mail::format_date(now), message_id, *composed);
}

}  // namespace relevo
