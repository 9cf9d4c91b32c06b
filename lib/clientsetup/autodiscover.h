// How Outlook asks a server for its settings: "plain old XML" (MS-OXDSCLI), and JSON that leads there.
#pragma once

#include "lib/base/result.h"
#include "lib/clientsetup/mailboxes.h"
#include "lib/clientsetup/offer.h"
#include "lib/mail/address.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace relevo::clientsetup {

// MS-OXDSCLI §2.2.4.1.1.3.
enum class AutodiscoverError : std::uint16_t {
    unknown_address = 500,
    invalid_request = 600,
    other_schema = 601,  // not Outlook's, such as that of phones that look for Exchange
};

struct AutodiscoverRequest {
    std::string address;  // as it stood there, trimmed; not looked at
    bool wants_outlook_settings = true;
};

// At most 16 KiB. Errors: invalid, refused, limit – as xml::walk_xml(); invalid – no address.
[[nodiscard]] Result<AutodiscoverRequest> parse_autodiscover_request(std::string_view text);

// The account of `address`, which is also its login. One port: the schema has room for no more. Of `mailboxes` the
// first of each protocol. "": no port of the offer may be told to programs.
[[nodiscard]] std::string autodiscover_document(const Offer& offer, const mail::Address& address,
                                                std::span<const MailboxServer> mailboxes);

// `time`: of the day, UTC.
[[nodiscard]] std::string autodiscover_error_document(AutodiscoverError error, std::chrono::milliseconds time);

// {"Protocol":"AutodiscoverV1","Url":"https://…/autodiscover/autodiscover.xml"}
[[nodiscard]] std::string autodiscover_redirection(const Offer& offer);
// {"ErrorCode":…,"ErrorMessage":…}
[[nodiscard]] std::string autodiscover_json_error(std::string_view code, std::string_view message);

}  // namespace relevo::clientsetup
