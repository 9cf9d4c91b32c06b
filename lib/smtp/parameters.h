// The arguments of MAIL and RCPT: a path and the parameters of the extensions that this session offers.
#pragma once

#include "lib/base/octets.h"
#include "lib/mail/envelope.h"
#include "lib/smtp/command.h"

#include <string>
#include <string_view>

namespace relevo::smtp {

// Which parameters may come. All false after HELO.
struct ParameterRules {
    bool size = false;         // RFC 1870
    bool body = false;         // RFC 6152
    bool binary = false;       // BODY=BINARYMIME (RFC 3030)
    bool dsn = false;          // RFC 3461
    bool smtputf8 = false;     // RFC 6531
    bool auth = false;         // RFC 4954 §5
    bool require_tls = false;  // RFC 8689
    Octets size_limit = 0;     // 0: none
};

struct MailArguments {
    mail::Envelope envelope;    // without recipients
    Octets announced_size = 0;  // 0: not announced
    std::string authorization;  // AUTH=, decoded; "<>" as it is
};

// Errors: 501 5.5.2 – not "FROM:<path>". 501 5.1.7 – not an address. 553 5.6.7 – it needs SMTPUTF8. 552 5.3.4 – SIZE=
// is over the limit. 501 5.5.4 – a bad value, or a parameter given twice. 555 5.5.4 – a parameter that is not offered.
[[nodiscard]] Parsed<MailArguments> parse_mail(std::string_view argument, const ParameterRules& rules);

// `utf8`: MAIL had SMTPUTF8. "<postmaster>" alone is the postmaster of `host_name` (RFC 5321 §4.5.1).
// Errors: as parse_mail, with 5.1.3 for the address.
[[nodiscard]] Parsed<mail::Recipient> parse_recipient(std::string_view argument, const ParameterRules& rules,
                                                      mail::Utf8 utf8, std::string_view host_name);

}  // namespace relevo::smtp
