// A first-in-first-out list whose memory follows its size: one block, nothing while it is empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace relevo::shaping {

template <class Item>
class FifoList {
 public:
    void push_back(Item item) { items_.push_back(std::move(item)); }
    [[nodiscard]] bool empty() const { return begin_ == items_.size(); }
    [[nodiscard]] std::size_t size() const { return items_.size() - begin_; }
    [[nodiscard]] const Item& front() const { return items_[begin_]; }
    Item pop_front() {
        Item item = std::move(items_[begin_++]);
        // Moving the rest down costs no more than what was taken before: constant for each item.
        if (begin_ == items_.size() || (begin_ >= 32 && begin_ * 2 >= items_.size())) compact();
        return item;
    }
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t place = begin_; place < items_.size(); ++place) visit(items_[place]);
    }
    // Keeps the order of the others. Returns how many went.
    template <class Chosen>
    std::size_t remove_if(Chosen chosen) {
        const auto kept_end = std::remove_if(first(), items_.end(), chosen);
        const auto removed = static_cast<std::size_t>(items_.end() - kept_end);
        items_.erase(kept_end, items_.end());
        if (removed > 0) compact();
        return removed;
    }
    [[nodiscard]] std::size_t capacity() const { return items_.capacity(); }

 private:
    [[nodiscard]] auto first() { return items_.begin() + static_cast<std::ptrdiff_t>(begin_); }
    void compact() {
        items_.erase(items_.begin(), first());
        begin_ = 0;
        if (items_.empty())
            items_ = std::vector<Item>();
        else if (items_.capacity() > 64 && items_.capacity() / 4 > items_.size())
            items_.shrink_to_fit();
    }
    std::vector<Item> items_;
    std::size_t begin_ = 0;
};

}  // namespace relevo::shaping
