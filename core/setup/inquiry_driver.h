// Runs the computations of lib/mailauth, which only ask, with answers from a view of the DNS.
#pragma once

#include "core/setup/dns_view.h"
#include "lib/dns/inquiry.h"

#include <utility>

namespace relevo::setup {

// What the zone's owner published, where its servers can be asked.
template <class T>
Task<T> answer_all(DnsView& view, dns::Inquiry<T> inquiry) {
    while (const dns::Question* question = inquiry.next()) {
        Observation seen = co_await view.see(question->name, question->type);
        inquiry.answer(std::move(seen.published));
    }
    co_return std::move(inquiry).take();
}

}  // namespace relevo::setup
