// Reads the machine-readable part of a delivery status notification, message/delivery-status (RFC 3464 §2) and
// message/global-delivery-status (RFC 6533 §3), as servers really write it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

struct StatusOfRecipient {
    std::string recipient;           // Final-Recipient, its type and angle brackets taken off
    std::string original_recipient;  // Original-Recipient likewise, xtext decoded (RFC 3461 §4.2)
    std::string action;              // "failed", "delayed", …; lower case; empty if there is none
    std::string status;              // "5.1.1"; empty if there is none
    std::string remote_mta;          // without "dns;"
    std::string diagnostic;          // Diagnostic-Code without "smtp;", on one line
};

struct ReadDeliveryStatus {
    std::string envelope_id;  // Original-Envelope-Id, xtext decoded
    std::string reporting_mta;
    std::vector<StatusOfRecipient> recipients;  // at most `recipient_limit`
};

// Takes what it can: unknown fields and broken lines are passed over, values cut to 2,000 octets.
[[nodiscard]] ReadDeliveryStatus read_delivery_status(std::string_view body, std::size_t recipient_limit);

// "rfc822; <a@b.example>" to "a@b.example".
[[nodiscard]] std::string address_of_field(std::string_view value);

}  // namespace relevo::bounces
