#include "app/lookups/dkim_signing.h"

#include "app/lookups/domain_lookups.h"
#include "app/lookups/message_file.h"
#include "lib/mail/message.h"
#include "lib/mailauth/dkim_signer.h"

#include <fmt/format.h>

#include <array>

namespace relevo::lookups {
namespace {

constexpr std::size_t key_limit_octets = 64UL * 1024;

std::string with_line_feeds(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') result += text[i];
    return result;
}

}  // namespace

Result<Report> sign_file(const cli::LookupOptions& options, std::chrono::system_clock::time_point now) {
    RELEVO_TRY(std::string domain, domain_from(options.domain));
    RELEVO_TRY(std::string selector, domain_from(options.selector));
    RELEVO_TRY(const std::string pem, read_file(options.key_file, key_limit_octets));
    auto key = mailauth::SigningKey::from_pem(pem);
    if (!key) return failure(key.error().kind, fmt::format("{}: {}", options.key_file, key.error().detail));
    RELEVO_TRY(std::string text, read_file(options.file, message_limit_octets));
    const MessageFile file = message_from(std::move(text));
    RELEVO_TRY(const mail::Header header, mail::Header::parse(file.content));
    const std::array identities{
        mailauth::DkimIdentity{.domain = std::move(domain), .selector = std::move(selector), .key = *std::move(key)}};
    mailauth::DkimSigner signer;
    signer.update(std::string_view(file.content).substr(header.body_offset()));
    RELEVO_TRY(const std::string field, signer.sign(header.fields(), identities, now));
    Report report;
    report.text = field + file.content;
    if (file.had_bare_line_feeds) report.text = with_line_feeds(report.text);
    report.json = {{"field", plain(field)},
                   {"record_name", fmt::format("{}._domainkey.{}", identities[0].selector, identities[0].domain)},
                   {"record", identities[0].key.record()}};
    return report;
}

}  // namespace relevo::lookups
