#include "app/relevo/account_sender.h"

#include "app/relevo/signing.h"
#include "core/tenancy/administration.h"

namespace relevo {

Result<mail::Address> account_mail_from(const Configuration& configuration, const MessageSigner& signer) {
    if (!configuration.accounts.mail_from.empty())
        return mail::Address::parse(configuration.accounts.mail_from, mail::Utf8::refused);
    const std::string service = service_domain(configuration.signing);
    if (service.empty())
        return failure(ErrorKind::unsupported,
                       "the server has no address to write from: set accounts.mail_from in its configuration to an "
                       "address of a domain that is set up here");
    if (!signer.signs_for_service())
        return failure(ErrorKind::unsupported, "mail from " + service +
                                                   " is not signed yet: publish the records that `relevo domain dns " +
                                                   service + "` shows");
    return mail::Address::parse("no-reply@" + service, mail::Utf8::refused);
}

std::string signed_account_mail(MessageSigner& signer, const Directory& directory, std::string content,
                                std::string_view domain, WallClock::time_point now) {
    const auto name = comparable_domain(domain);
    const Domain* row = name.has_value() ? directory.domain_for(*name) : nullptr;
    if (row == nullptr || !signer.signs(row->id)) return signer.sign_report(content, now).fields + content;
    const auto header = mail::Header::parse(content);
    if (!header.has_value()) return content;
    mailauth::DkimSigner hash;
    hash.update(std::string_view(content).substr(header->body_offset()));
    const Identity owner{.tenant = row->tenant, .credential = {}, .grant = {}};
    return signer.sign_submission(directory, owner, header->fields(), std::move(hash), now).fields + content;
}

}  // namespace relevo
