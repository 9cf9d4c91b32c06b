// Counts open connections by listener and by client address, over all shards.
#pragma once

#include "lib/dns/record.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace relevo {

// Memory is that of the open connections. Threads: any; the lock is held for one look-up, when a connection begins and
// ends.
class ConnectionLedger {
 public:
    // One counted connection; ends with its life.
    class Entry {
     public:
        Entry() = default;
        Entry(Entry&& other) noexcept
            : ledger_(std::exchange(other.ledger_, nullptr)),
              listener_(std::move(other.listener_)),
              address_(other.address_) {}
        Entry& operator=(Entry&& other) noexcept {
            std::swap(ledger_, other.ledger_);
            std::swap(listener_, other.listener_);
            std::swap(address_, other.address_);
            return *this;
        }
        ~Entry() {
            if (ledger_ != nullptr) ledger_->remove(listener_, address_);
        }
        explicit operator bool() const { return ledger_ != nullptr; }

     private:
        friend class ConnectionLedger;
        Entry(ConnectionLedger& ledger, std::string listener, dns::IpAddress address)
            : ledger_(&ledger), listener_(std::move(listener)), address_(address) {}
        ConnectionLedger* ledger_ = nullptr;
        std::string listener_;
        dns::IpAddress address_;
    };

    enum class Refusal : std::uint8_t { none, listener_full, address_full };
    // Empty if a limit is reached; `refusal` says which.
    Entry add(const std::string& listener, const dns::IpAddress& address, std::uint32_t listener_limit,
              std::uint32_t address_limit, Refusal& refusal) {
        const std::lock_guard lock(mutex_);
        std::uint32_t& of_listener = listeners_[listener];
        if (of_listener >= listener_limit) {
            refusal = Refusal::listener_full;
            return {};
        }
        std::uint32_t& of_address = addresses_[{listener, address}];
        if (of_address >= address_limit) {
            refusal = Refusal::address_full;
            return {};
        }
        ++of_listener;
        ++of_address;
        refusal = Refusal::none;
        return Entry(*this, listener, address);
    }

 private:
    void remove(const std::string& listener, const dns::IpAddress& address) {
        const std::lock_guard lock(mutex_);
        --listeners_[listener];
        const auto found = addresses_.find({listener, address});
        if (--found->second == 0) addresses_.erase(found);
    }
    std::mutex mutex_;
    std::map<std::string, std::uint32_t> listeners_;
    std::map<std::pair<std::string, dns::IpAddress>, std::uint32_t> addresses_;
};

}  // namespace relevo
