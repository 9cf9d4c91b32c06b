// The plan held against the DNS.
#pragma once

#include "core/setup/dns_view.h"
#include "core/setup/plan.h"

namespace relevo::setup {

// Looks into the DNS, makes the plan with what is there, and notes the status of each record. `view` must have found
// the zone. At most three dozen questions, several at a time.
Task<DnsPlan> plan_against_dns(DnsView& view, DomainFacts facts);

// Pure: `record` with its status, what was found and what to do, as `seen` says.
void judge_record(PlannedRecord& record, const Observation& seen);

}  // namespace relevo::setup
