// When a certificate is renewed, and when a failed order is made again. Pure.
#pragma once

#include "core/certificates/records.h"
#include "lib/acme/issuance.h"

#include <optional>

namespace relevo {

// At two thirds of the life, or `before` (if not 0) the end, but never before half of the life; earlier by up to a
// thirtieth of the life, by the serial number, so that certificates of one day are not renewed at one moment.
[[nodiscard]] WallClock::time_point renewal_time(const acme::ChainFacts& facts, std::chrono::seconds before);

// The same where the authority suggests a time for this certificate (RFC 9773): the moment chosen of it, but at least
// six hours after the last order that was made for such a reason (an authority that wants every certificate replaced at
// once gets no more than that), and not in the last tenth of the life. If a person has set `before`, the earlier of
// both.
[[nodiscard]] WallClock::time_point renewal_time(const acme::ChainFacts& facts, std::chrono::seconds before,
                                                 const CertificateRecord& record);

// After the n-th failure in a row (n from 1): 10 min, 20 min … 24 h, and up to a tenth more by `chance` (0..1).
[[nodiscard]] std::chrono::seconds pause_after_failure(std::uint32_t failures, double chance);
// How long the authority must be left alone after this refusal: what it asks, at least an hour if a limit of its was
// reached; else 0.
[[nodiscard]] std::chrono::seconds pause_asked_for(const acme::Refusal& refusal);

// Nothing: one more order may be made now. Else when. Forgets orders that are older than an hour.
[[nodiscard]] std::optional<WallClock::time_point> next_order_time(std::vector<WallClock::time_point>& orders,
                                                                   std::uint32_t orders_per_hour,
                                                                   WallClock::time_point now);

}  // namespace relevo
