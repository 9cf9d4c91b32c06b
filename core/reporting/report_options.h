// What is set about reports.
#pragma once

#include "core/reporting/report_kind.h"
#include "lib/mail/address.h"

#include <chrono>
#include <string>
#include <vector>

namespace relevo {

struct ReportOptions {
    bool send = false;                     // aggregate reports are collected and sent
    bool send_tls = false;                 // TLS reports are
    mail::Address from;                    // sender and author of the reports
    std::string organization;              // who reports
    std::string contact;                   // where its people are reached; "" if not told
    std::string submitter;                 // our name in subjects and file names: a domain in A-labels
    std::vector<mail::Address> addresses;  // mail to these is read as reports about us
    std::chrono::seconds keep = std::chrono::days(90);
    bool allow_private_addresses = false;  // of pages that TLS reports are posted to (security row B5)

    [[nodiscard]] bool sends_any() const { return send || send_tls; }
    [[nodiscard]] bool sends(ReportKind kind) const { return kind == ReportKind::tls ? send_tls : send; }

    // Letter case does not matter, as most mailboxes have it.
    [[nodiscard]] bool is_report_address(const mail::Address& address) const;
};

}  // namespace relevo
