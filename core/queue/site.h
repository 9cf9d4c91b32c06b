// One site: the mail servers that destinations share, and what goes to them from each egress source.
#pragma once

#include "core/queue/destination.h"
#include "core/queue/ready_queue.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// What goes to one site from one source: ready recipients, connections, back-off. Belongs to its site.
class Lane {
 public:
    Lane(Site& site, std::uint32_t source) : site_(site), source_(source) {}
    [[nodiscard]] Site& site() const { return site_; }
    [[nodiscard]] std::uint32_t source() const { return source_; }
    [[nodiscard]] std::size_t ready_count() const { return ready_.size(); }

    // What the delivery engine keeps here.
    std::uint32_t connections = 0;  // open or being opened
    std::uint32_t answering = 0;    // of them, those that the server accepted
    BackOff back_off;

 private:
    friend class DeliveryQueue;
    Site& site_;
    std::uint32_t source_;
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
    [[nodiscard]] Lane& lane(std::uint32_t source);
    [[nodiscard]] std::uint32_t connections() const;

    // What the delivery engine keeps here.
    std::uint32_t connection_limit = 1;  // of each lane
    bool suspended = false;

 private:
    friend class DeliveryQueue;
    std::string key_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::uint32_t destinations_ = 0;  // that lead here
};

}  // namespace relevo
