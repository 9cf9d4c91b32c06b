// One site: the mail servers that destinations share, and what goes to them from each egress source.
#pragma once

#include "core/queue/destination.h"
#include "core/queue/ready_queue.h"
#include "core/routing/egress.h"
#include "core/shaping/throttle.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// What goes to one site from one source: ready recipients, connections, back-off. Belongs to its site.
class Lane {
 public:
    Lane(Site& site, std::shared_ptr<const EgressSource> source) : site_(site), source_(std::move(source)) {}
    [[nodiscard]] Site& site() const { return site_; }
    [[nodiscard]] const std::string& source_name() const { return source_->name; }
    [[nodiscard]] const std::shared_ptr<const EgressSource>& source() const { return source_; }
    // The same source, with other settings.
    void set_source(std::shared_ptr<const EgressSource> source) { source_ = std::move(source); }
    [[nodiscard]] std::size_t ready_count() const { return ready_.size(); }
    // visit(priority, tenant, entry); those of one tenant and priority in the order that they go.
    template <class Visit>
    void for_each_ready(Visit visit) const {
        ready_.for_each(visit);
    }

    // What the delivery engine keeps here.
    std::shared_ptr<shaping::Throttle> throttle;  // shared with the other sites of the provider
    std::uint32_t connections = 0;                // open or being opened
    std::uint32_t answering = 0;                  // of them, those that the server accepted
    BackOff back_off;
    Deadline closed_until = Deadline::min();   // what other sources can take goes to them
    bool waits_for_share = false;              // until a connection of its tenants ends
    Deadline probe_set_for = Deadline::min();  // somebody will look at it then

 private:
    friend class DeliveryQueue;
    Site& site_;
    std::shared_ptr<const EgressSource> source_;
    ReadyQueue ready_;
};

// Belongs to its queue.
class Site {
 public:
    explicit Site(std::string key) : key_(std::move(key)) {}
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const { return lanes_; }
    [[nodiscard]] std::uint32_t destinations() const { return destinations_; }
    // The lane of a source, made if there is none.
    [[nodiscard]] Lane& lane(const std::shared_ptr<const EgressSource>& source);
    [[nodiscard]] Lane* find_lane(std::string_view source) const;
    [[nodiscard]] std::uint32_t connections() const;

    // What the delivery engine keeps here.
    std::string shaping_key;             // what its throttles are kept for: "provider:google"
    std::string provider;                // empty: nobody's that we know
    std::string domain;                  // of one of its destinations
    std::uint32_t connection_limit = 1;  // of each lane
    bool suspended = false;
    bool is_leaving = false;  // somebody will look whether it can be forgotten

 private:
    friend class DeliveryQueue;
    std::string key_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::uint32_t destinations_ = 0;  // that lead here
};

}  // namespace relevo
