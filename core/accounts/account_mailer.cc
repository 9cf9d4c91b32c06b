#include "core/accounts/account_mailer.h"

#include "lib/base/json_writer.h"

#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::string_view origin = "account";

}  // namespace

bool is_account_mail(std::string_view accepted_detail) {
    return accepted_detail.starts_with(fmt::format(R"({{"from":"{}")", origin));
}

Result<mail::Address> AccountMailer::address_of(std::string_view login) const {
    RELEVO_CHECK(ports_.from());
    auto address = mail::Address::parse(login, mail::Utf8::allowed);
    if (!address.has_value() || address->has_address_literal())
        return failure(ErrorKind::invalid, "the login is no mail address, so there is nowhere to write to");
    return *std::move(address);
}

Task<Result<MessageId>> AccountMailer::send(Letter letter, Also also) {
    RELEVO_CO_TRY(const mail::Address from, ports_.from());
    RELEVO_CO_TRY(const mail::Address to, address_of(letter.login));
    const WallClock::time_point now = ports_.now();
    Submission submission;
    submission.id = ports_.ids.next(now, 1);
    submission.accepted_at = now;
    submission.envelope.reverse_path = mail::ReversePath(from);
    submission.envelope.smtputf8 = to.needs_smtputf8();
    // What became of it is seen where it was asked for; a report would bring the link to another mailbox.
    submission.envelope.dsn_return = mail::DsnReturn::headers;
    submission.envelope.recipients.push_back(
        {.address = to, .notify = {mail::DsnNotify::never}, .original_recipient = {}});
    const std::string host_name = ports_.host_name();
    RELEVO_CO_TRY(std::string content,
                  compose_account_mail({.purpose = letter.purpose,
                                        .language = letter.language,
                                        .from = from,
                                        .to = to,
                                        .name = letter.name,
                                        .login = letter.login,
                                        .invited_by = letter.invited_by,
                                        .host_name = host_name,
                                        .link = letter.link,
                                        .expires_at = letter.expires_at},
                                       fmt::format("{}@{}", submission.id.text(), host_name), now));
    if (ports_.sign) content = ports_.sign(std::move(content), from.domain());
    submission.content = std::make_shared<const std::string>(std::move(content));
    submission.origin = JsonWriter()
                            .field("from", origin)
                            .field("about", name_of(letter.purpose))
                            .raw("tags", fmt::format(R"(["{}"])", account_mail_tag))
                            .finish();
    submission.also = [id = submission.id, also = std::move(also)](Transaction& transaction) {
        return also(transaction, id);
    };
    RELEVO_CO_TRY(std::shared_ptr<const Message> message, co_await ports_.spool.accept(std::move(submission)));
    const MessageId id = message->id;
    ports_.log.info("accounts.link_sent", {{"message", id.text()}, {"purpose", name_of(letter.purpose)}});
    ports_.accepted(std::move(message));
    co_return id;
}

}  // namespace relevo
