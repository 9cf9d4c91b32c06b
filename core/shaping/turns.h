// Who goes next, fairly: transactional mail before bulk, inside each the tenants by turns (deficit round robin, with
// weights), and for each tenant in the order of arrival. Nobody starves: of ten turns one is bulk's while both wait.
//
// Threads: whoever owns it. Memory: that of a tenant is released with its last item; an empty one holds none.
// Cost: constant for each item, whatever waits.
#pragma once

#include "core/shaping/fifo_list.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace relevo::shaping {

enum class Priority : std::uint8_t { transactional, bulk };
inline constexpr std::array priorities = {Priority::transactional, Priority::bulk};

// `Tenant`: a key with std::hash and ==, such as TenantId. `Item`: movable.
template <class Tenant, class Item>
class Turns {
 public:
    // The first items of so many tenants of a class are looked at for one that may go.
    static constexpr std::size_t scan_limit = 64;
    static constexpr std::uint32_t largest_weight = 1000;
    // While both wait, bulk gets one of so many turns.
    static constexpr std::uint32_t bulk_period = 10;

    Turns() = default;
    // Lanes point to each other.
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    void push(Priority priority, const Tenant& tenant, Item item) {
        Class& its_class = of(priority);
        const auto [place, is_new] = its_class.lanes.try_emplace(tenant);
        Lane& lane = place->second;
        if (is_new) {
            lane.tenant = &place->first;
            link(its_class, lane);
        }
        lane.items.push_back(std::move(item));
        ++its_class.size;
    }

    // The item whose turn it is among those that `allowed(priority, tenant, item)` lets go; nullptr if it finds none:
    // then the next call goes on behind those that were looked at. A tenant whose first item may not go loses its turn.
    // `weight(tenant)`: turns in a round, 1 to 1000. The pointer is good until anything else is called.
    template <class Allowed, class Weight>
    [[nodiscard]] const Item* peek(Allowed allowed, Weight weight) {
        followed_ = nullptr;
        const bool is_bulks_turn = of(Priority::bulk).size > 0 && turns_without_bulk_ + 1 >= bulk_period;
        for (const Priority priority : {is_bulks_turn ? Priority::bulk : Priority::transactional,
                                        is_bulks_turn ? Priority::transactional : Priority::bulk}) {
            Class& its_class = of(priority);
            if (!settle_turn(its_class, priority, allowed, weight)) continue;
            chosen_ = priority;
            return &its_class.current->items.front();
        }
        return nullptr;
    }
    // All tenants alike.
    template <class Allowed>
    [[nodiscard]] const Item* peek(Allowed allowed) {
        return peek(std::move(allowed), [](const Tenant&) { return 1U; });
    }
    // What peek() has found, until pop() takes it.
    [[nodiscard]] Priority priority() const { return chosen_; }
    [[nodiscard]] const Tenant& tenant() const { return *of(chosen_).current->tenant; }
    // It costs its tenant one turn, and its class.
    Item pop() {
        Class& its_class = of(chosen_);
        Lane& lane = *its_class.current;
        turns_without_bulk_ = chosen_ == Priority::bulk || of(Priority::bulk).size == 0 ? 0 : turns_without_bulk_ + 1;
        Item item = take(its_class, lane);
        if (lane.items.empty())
            release(its_class, lane);
        else if (followed_ = &lane; lane.deficit == 0)
            its_class.current = lane.next;
        return item;
    }
    // Behind what pop() took, for what goes together: the next item of its tenant and class; nullptr if there is none.
    // Taking it costs the tenant a turn too, if need be one of its next rounds.
    [[nodiscard]] const Item* following() const { return followed_ != nullptr ? &followed_->items.front() : nullptr; }
    Item pop_following() {
        Class& its_class = of(chosen_);
        Lane& lane = *followed_;
        Item item = take(its_class, lane);
        if (lane.items.empty()) {
            followed_ = nullptr;
            release(its_class, lane);
        } else if (lane.deficit == 0 && its_class.current == &lane) {
            its_class.current = lane.next;
        }
        return item;
    }

    [[nodiscard]] std::size_t size() const { return classes_[0].size + classes_[1].size; }
    [[nodiscard]] std::size_t size(Priority priority) const { return of(priority).size; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    // With something waiting.
    [[nodiscard]] std::size_t tenant_count(Priority priority) const { return of(priority).lanes.size(); }

    // visit(priority, tenant, item); in no order but each tenant's own.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const Priority priority : priorities)
            for (const auto& [tenant, lane] : of(priority).lanes)
                lane.items.for_each([&](const Item& item) { visit(priority, tenant, item); });
    }
    // Those that chosen(priority, tenant, item) picks. Returns how many went.
    template <class Chosen>
    std::size_t remove_if(Chosen chosen) {
        followed_ = nullptr;
        std::size_t removed = 0;
        for (const Priority priority : priorities) {
            Class& its_class = of(priority);
            for (auto place = its_class.lanes.begin(); place != its_class.lanes.end();) {
                Lane& lane = place->second;
                const std::size_t gone =
                    lane.items.remove_if([&](const Item& item) { return chosen(priority, *lane.tenant, item); });
                its_class.size -= gone;
                removed += gone;
                if (lane.items.empty()) {
                    unlink(its_class, lane);
                    place = its_class.lanes.erase(place);
                } else {
                    ++place;
                }
            }
            if (its_class.lanes.empty()) its_class.lanes = Lanes();
        }
        return removed;
    }

 private:
    // What waits of one tenant in one class, in a ring of those that have something.
    struct Lane {
        const Tenant* tenant = nullptr;  // the key in the map
        Lane* next = nullptr;
        Lane* before = nullptr;
        FifoList<Item> items;
        std::uint32_t deficit = 0;  // turns left of this round
        std::uint32_t debt = 0;     // turns used ahead of their round
    };
    using Lanes = std::unordered_map<Tenant, Lane>;
    struct Class {
        Lanes lanes;
        Lane* current = nullptr;
        std::size_t size = 0;
    };

    [[nodiscard]] Class& of(Priority priority) { return classes_[static_cast<std::size_t>(priority)]; }
    [[nodiscard]] const Class& of(Priority priority) const { return classes_[static_cast<std::size_t>(priority)]; }

    // Makes the lane whose turn it is the current one.
    template <class Allowed, class Weight>
    bool settle_turn(Class& its_class, Priority priority, Allowed& allowed, Weight& weight) {
        Lane* lane = its_class.current;
        Lane* least_indebted = nullptr;
        const std::size_t scan = std::min(scan_limit, its_class.lanes.size());
        for (std::size_t looked_at = 0; looked_at < scan; ++looked_at, lane = lane->next) {
            if (lane->deficit == 0) begin_round(*lane, weight(*lane->tenant));
            if (!allowed(priority, *lane->tenant, std::as_const(lane->items).front())) {
                // What may not go saves nothing up: it would crowd out the others later.
                lane->deficit = 0;
            } else if (lane->deficit > 0) {
                its_class.current = lane;
                return true;
            } else if (least_indebted == nullptr || lane->debt < least_indebted->debt) {
                least_indebted = lane;
            }
        }
        // Nobody waits for those who went ahead: they go on.
        its_class.current = least_indebted != nullptr ? least_indebted : lane;
        return least_indebted != nullptr;
    }
    static void begin_round(Lane& lane, std::uint32_t weight) {
        weight = std::clamp(weight, 1U, largest_weight);
        const std::uint32_t paid = std::min(lane.debt, weight);
        lane.debt -= paid;
        lane.deficit = weight - paid;
    }

    static Item take(Class& its_class, Lane& lane) {
        if (lane.deficit > 0)
            --lane.deficit;
        else
            ++lane.debt;
        --its_class.size;
        return lane.items.pop_front();
    }

    // The end of the ring is before the current one.
    static void link(Class& its_class, Lane& lane) {
        if (its_class.current == nullptr) {
            its_class.current = lane.next = lane.before = &lane;
            return;
        }
        lane.next = its_class.current;
        lane.before = its_class.current->before;
        lane.before->next = lane.next->before = &lane;
    }
    static void unlink(Class& its_class, Lane& lane) {
        lane.before->next = lane.next;
        lane.next->before = lane.before;
        if (its_class.current == &lane) its_class.current = lane.next == &lane ? nullptr : lane.next;
    }
    static void release(Class& its_class, Lane& lane) {
        unlink(its_class, lane);
        its_class.lanes.erase(its_class.lanes.find(*lane.tenant));
        if (its_class.lanes.empty()) its_class.lanes = Lanes();
    }

    std::array<Class, 2> classes_;
    Lane* followed_ = nullptr;
    Priority chosen_ = Priority::transactional;
    std::uint32_t turns_without_bulk_ = 0;
};

}  // namespace relevo::shaping
