// One destination: a recipients' domain, or a route. What waits for it, and how it is reached.
#pragma once

#include "core/queue/entry.h"
#include "core/routing/host_finder.h"
#include "core/routing/route.h"
#include "core/transport/tls_session.h"
#include "lib/tlspolicy/mta_sts.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

class Site;

// How a destination is reached, as the DNS said.
struct Bearings {
    MailHosts hosts;
    std::shared_ptr<const tlspolicy::MtaStsPolicy> mta_sts;  // null: none
    std::optional<StsFailure> mta_sts_failure;               // one is announced, but it is not known
    Deadline asked_at;
};

// Its waiting and due recipients and what is known of it. Belongs to its queue.
class Destination {
 public:
    Destination(std::string key, std::shared_ptr<const Route> route)
        : key_(std::move(key)), route_(std::move(route)), wish_(tls_wish_of(key_)) {}

    [[nodiscard]] const std::string& key() const { return key_; }
    // The recipients' domain, for MX routes.
    [[nodiscard]] std::string_view domain() const { return std::string_view(key_).substr(0, key_.find('#')); }
    [[nodiscard]] const Route& route() const { return *route_; }
    // What is asked of TLS for all mail that waits here.
    [[nodiscard]] mail::TlsWish wish() const { return wish_; }
    // For what must outlive a change of routes.
    [[nodiscard]] const std::shared_ptr<const Route>& shared_route() const { return route_; }
    void set_route(std::shared_ptr<const Route> route) {
        if (route == route_) return;
        route_ = std::move(route);
        bearings.reset();
    }
    [[nodiscard]] std::size_t due_count() const { return due_.size() - due_begin_; }
    [[nodiscard]] std::size_t ready_count() const { return ready_; }
    [[nodiscard]] std::size_t waiting_count() const { return waiting_.size(); }
    [[nodiscard]] std::size_t leased_count() const { return leased_; }
    // Of what is due and in no lane; nullopt if nothing is.
    [[nodiscard]] std::optional<std::uint32_t> first_due_flow() const {
        return due_count() > 0 ? std::optional(due_[due_begin_].flow) : std::nullopt;
    }
    // visit(entry, is_waiting): what waits for its time, and what is due and in no lane.
    template <class Visit>
    void for_each_entry(Visit visit) const {
        for (std::size_t place = due_begin_; place < due_.size(); ++place) visit(due_[place], false);
        for (const Waiting& waiting : waiting_) visit(waiting.entry, true);
    }
    [[nodiscard]] bool is_empty() const { return due_count() == 0 && ready_ == 0 && waiting_.empty() && leased_ == 0; }

    // After look-ups that failed, and connections that did not meet its demands; made when it is needed.
    BackOff& back_off() {
        if (!back_off_) back_off_ = std::make_unique<BackOff>();
        return *back_off_;
    }
    void end_back_off() { back_off_.reset(); }
    // nullptr: all is well.
    [[nodiscard]] const BackOff* trouble() const { return back_off_.get(); }
    [[nodiscard]] bool may_be_tried(Deadline now) const { return !back_off_ || back_off_->is_over(now); }

    // What the delivery engine keeps here.
    std::shared_ptr<const Bearings> bearings;  // null: the DNS was not asked yet
    Site* site = nullptr;                      // where its bearings lead
    bool suspended = false;
    bool is_sought = false;   // a look-up is under way or waits for its turn
    bool is_slow = false;     // its look-up took long
    bool is_kept = false;     // somebody will look whether it can be forgotten
    bool is_leaving = false;  // at once: as soon as nobody is at work on it
    std::uint32_t users = 0;  // coroutines that work on it

 private:
    friend class DeliveryQueue;
    struct Waiting {
        std::int64_t due;  // milliseconds of the wall clock since 1970
        QueueEntry entry;
    };
    struct Later {
        bool operator()(const Waiting& a, const Waiting& b) const;
    };
    void drop_taken();

    std::string key_;
    std::shared_ptr<const Route> route_;
    mail::TlsWish wish_;
    std::unique_ptr<BackOff> back_off_;
    std::vector<QueueEntry> due_;  // in no lane yet, from due_begin_ on
    std::uint32_t due_begin_ = 0;
    std::vector<Waiting> waiting_;        // a heap, earliest first
    std::int64_t armed_due_ = INT64_MAX;  // the time that the queue's index knows of
    std::uint32_t ready_ = 0;             // in the lanes of its site
    std::uint32_t leased_ = 0;
    std::uint32_t index_entries_ = 0;  // places of the index that point here, outdated ones included
};

}  // namespace relevo
