// explorer/memory.hpp - memory: the locations of a scenario, what they are called, what was learnt about them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer/clock.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::explorer {

// A word that goes through the atomics policy. A location is quiet until two threads are seen to touch it with
// neither access before the other (by release and acquire): only contended ones need the scheduler, and only
// they can be in a store buffer, since nobody can tell where a quiet one is. What is learnt stays from run to
// run, and the search starts anew with it.
struct location {
    std::uint32_t offset = 0;
    std::uint16_t number = 0; // among the locations that were touched
    std::uint8_t size = 0;
    bool contended = false;
    std::uint8_t writers = 0; // threads that were seen to write it
    bool is_lock = false;
    bool relaxed_loads = false; // a mutant: orders are dropped
    bool relaxed_stores = false;
    // Of this run:
    std::uint64_t run = 0;
    vector_clock released; // what an acquire of the present value brings
    footprint touched;
};

// Names for failures and schedules: "busy[1]".
class names {
public:
    template <class T>
    void add(const T& object, std::string label) {
        add(&object, sizeof(T), 1, std::move(label));
    }
    void add(const void* first, std::size_t stride, std::size_t count, std::string label) {
        named_.push_back({static_cast<const std::byte*>(first), stride, count, std::move(label)});
    }
    // Returns: an empty string if it has none. A word inside of an object is "lock+4".
    [[nodiscard]] std::string of(const std::byte* at) const {
        for (const entry& e : named_)
            if (at >= e.first && at < e.first + e.stride * e.count) {
                const auto distance = static_cast<std::size_t>(at - e.first);
                std::string name = e.label;
                if (e.count != 1) name += '[' + std::to_string(distance / e.stride) + ']';
                if (distance % e.stride != 0) name += '+' + std::to_string(distance % e.stride);
                return name;
            }
        return {};
    }
    // Returns: null if there is none.
    [[nodiscard]] const std::byte* find(std::string_view name) const {
        for (const entry& e : named_)
            if (name.starts_with(e.label))
                for (std::size_t i = 0; i != e.stride * e.count; ++i)
                    if (name == of(e.first + i)) return e.first + i;
        return nullptr;
    }

private:
    struct entry {
        const std::byte* first;
        std::size_t stride;
        std::size_t count;
        std::string label;
    };
    std::vector<entry> named_;
};

class memory {
public:
    explicit memory(std::span<std::byte> world) : world_(world), index_(world.size()) {
        table_.reserve(world.size()); // they stay where they are
    }

    names& labels() { return labels_; }
    void begin_run() { ++run_; }

    // Returns: the location, as it is in this run; null for memory that is not of the scenario (a fibre's stack).
    [[nodiscard]] location* find(const void* at, unsigned size) {
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(at) - world_.data());
        if (offset >= world_.size()) return nullptr;
        if (index_[offset] == 0) make(offset, size);
        location& x = table_[index_[offset] - 1u];
        if (x.run != run_) {
            x.run = run_;
            x.released = {};
            x.touched = {};
        }
        return &x;
    }
    [[nodiscard]] std::uint64_t read(const location& x) const {
        return get(world_.data() + x.offset, x.size);
    }
    void write(const location& x, std::uint64_t value) { put(world_.data() + x.offset, x.size, value); }
    [[nodiscard]] static std::uint64_t get(const void* at, unsigned size) {
        switch (size) {
        case 1: return get<std::uint8_t>(at);
        case 2: return get<std::uint16_t>(at);
        case 4: return get<std::uint32_t>(at);
        default: return get<std::uint64_t>(at);
        }
    }
    static void put(void* at, unsigned size, std::uint64_t value) {
        switch (size) {
        case 1: return put(at, static_cast<std::uint8_t>(value));
        case 2: return put(at, static_cast<std::uint16_t>(value));
        case 4: return put(at, static_cast<std::uint32_t>(value));
        default: return put(at, value);
        }
    }

    [[nodiscard]] std::string name_of(const location& x) const {
        std::string name = labels_.of(world_.data() + x.offset);
        if (!name.empty()) return name;
        char digits[9] = {};
        *std::to_chars(digits, digits + 8, x.offset, 16).ptr = 0;
        return std::string{"+"} + digits;
    }
    // Returns: what was learnt, as text: "busy[0]/1,claimed[0]/2".
    [[nodiscard]] std::string learnt() const {
        std::string text;
        for (const location& x : table_)
            if (x.contended) {
                if (!text.empty()) text += ',';
                text += name_of(x) + '/' + std::to_string(x.size) + '/' + std::to_string(x.writers);
            }
        return text;
    }
    // Effects: the opposite. Returns: false for a name that there is none of.
    bool learn(std::string_view text) {
        while (!text.empty()) {
            const std::string_view item = text.substr(0, text.find(','));
            text.remove_prefix(std::min(item.size() + 1, text.size()));
            const std::size_t writers = item.rfind('/');
            const std::size_t size = item.rfind('/', writers - 1);
            if (writers == item.npos || size == item.npos) return false;
            location* const x = find(address_of(item.substr(0, size)), number(item.substr(size + 1), 10));
            if (x == nullptr) return false;
            x->contended = true;
            x->writers = static_cast<std::uint8_t>(number(item.substr(writers + 1), 10));
        }
        return true;
    }
    void forget() {
        for (location& x : table_) {
            x.contended = false;
            x.writers = 0;
        }
    }
    // Effects: orders of the accesses to locations with names that start like this are dropped.
    void weaken(std::string_view name, bool loads, bool stores) {
        weak_name_ = name;
        weak_loads_ = loads;
        weak_stores_ = stores;
    }

private:
    template <class T>
    [[nodiscard]] static T get(const void* at) {
        T value;
        std::memcpy(&value, at, sizeof(T));
        return value;
    }
    template <class T>
    static void put(void* at, T value) {
        std::memcpy(at, &value, sizeof(T));
    }
    void make(std::size_t offset, unsigned size) {
        location x;
        x.offset = static_cast<std::uint32_t>(offset);
        x.size = static_cast<std::uint8_t>(size);
        if (!weak_name_.empty() && name_of(x).starts_with(weak_name_)) {
            x.relaxed_loads = weak_loads_;
            x.relaxed_stores = weak_stores_;
        }
        x.number = static_cast<std::uint16_t>(table_.size());
        table_.push_back(x);
        index_[offset] = static_cast<std::uint16_t>(table_.size());
    }
    [[nodiscard]] const std::byte* address_of(std::string_view name) const {
        return name.starts_with('+') ? world_.data() + number(name.substr(1), 16) : labels_.find(name);
    }
    [[nodiscard]] static unsigned number(std::string_view digits, int base) {
        unsigned value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
        return value;
    }

    std::span<std::byte> world_;
    std::vector<std::uint16_t> index_; // by offset: number in the table plus 1
    std::vector<location> table_;
    names labels_;
    std::uint64_t run_ = 1;
    std::string weak_name_;
    bool weak_loads_ = false;
    bool weak_stores_ = false;
};

} // namespace cordon::explorer
