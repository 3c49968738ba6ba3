// cordon/cache/magazine.hpp - magazine_bins: which (order, migrate type) pairs a cache keeps; cache_slot: one cache.
// SPDX-License-Identifier: BSL-1.0
//
//     cache_slot   line 0   the gate (busy, claimed) and the magazines of order 0: all that a hit touches
//                  then     the magazines of the other orders
//                  then     the entries of all magazines, 4 bytes a run, each magazine a LIFO stack
//
// A slot belongs to one thread at a time; what is in it changes hands only through the gate.
#pragma once

#include "cordon/cache/tuning.hpp"
#include "cordon/core/config.hpp"
#include "cordon/core/types.hpp"
#include "cordon/frames/migrate_type.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

// One row of the policy's table of cached orders; an order that has none is not cached. Rows above the pageblock's order
// count for nothing, since a run of several blocks would need the traits of each: one table serves every geometry.
struct cached_order {
    unsigned order;
    std::uint16_t capacity; // runs a magazine can hold
};

template <class P>
constexpr bool cached_orders_hold_at_least_one_run = [] {
    for (const cached_order& row : P::cached_orders)
        if (row.capacity == 0) return false;
    return true;
}();
template <class P>
constexpr unsigned rows_within_a_pageblock = [] {
    unsigned rows = 0;
    for (const cached_order& row : P::cached_orders)
        rows += row.order <= P::pageblock_order;
    return rows;
}();
template <class P>
constexpr bool cached_orders_have_one_within_a_pageblock = rows_within_a_pageblock<P> != 0;
template <class P>
constexpr bool cached_orders_are_listed_once = [] {
    for (const cached_order& row : P::cached_orders)
        for (const cached_order& other : P::cached_orders)
            if (&row != &other && row.order == other.order) return false;
    return true;
}();

template <class P>
concept lists_cached_orders = requires {
    { P::pageblock_order } -> std::convertible_to<unsigned>;
    { P::cached_orders[0] } -> std::convertible_to<const cached_order&>;
};
template <class P>
concept caching_policy = lists_cached_orders<P> && cached_orders_hold_at_least_one_run<P> &&
    cached_orders_have_one_within_a_pageblock<P> && cached_orders_are_listed_once<P>;

// The policy's table, as constants.
template <caching_policy Policy>
class magazine_bins {
public:
    static constexpr unsigned orders = rows_within_a_pageblock<Policy>;
    static constexpr unsigned count = orders * migrate_types;
    static constexpr unsigned none = count;

    // Returns: the bin, or none if the order is not cached.
    [[nodiscard]] CORDON_ALWAYS_INLINE static constexpr unsigned of(order k, migrate_type t) {
        const unsigned row = row_of[k.raw() <= Policy::max_order ? k.raw() : Policy::max_order + 1];
        return row == orders ? none : row * migrate_types + static_cast<unsigned>(t);
    }
    [[nodiscard]] static constexpr order order_of(unsigned bin) {
        return order{table.row[bin / migrate_types].order};
    }
    [[nodiscard]] static constexpr migrate_type type_of(unsigned bin) {
        return static_cast<migrate_type>(bin % migrate_types);
    }
    [[nodiscard]] static constexpr std::uint16_t capacity(unsigned bin) {
        return table.row[bin / migrate_types].capacity;
    }
    // Returns: where the entries of the bin start. With a constant order this is arithmetic, without a load.
    [[nodiscard]] CORDON_ALWAYS_INLINE static constexpr std::uint32_t offset(unsigned bin) {
        return row_start[bin / migrate_types] + bin % migrate_types * capacity(bin);
    }
    [[nodiscard]] static constexpr std::uint32_t total() { return row_start[orders]; }

private:
    struct cached_rows {
        cached_order row[orders];
    };
    static constexpr cached_rows table = [] {
        cached_rows r{};
        unsigned n = 0;
        for (const cached_order& row : Policy::cached_orders)
            if (row.order <= Policy::pageblock_order) r.row[n++] = row;
        return r;
    }();
    struct starts {
        std::uint32_t at[orders + 1];
        constexpr std::uint32_t operator[](unsigned row) const { return at[row]; }
    };
    struct rows {
        std::uint8_t at[Policy::max_order + 2]; // the last one: every order above the largest
        constexpr unsigned operator[](unsigned k) const { return at[k]; }
    };
    static constexpr starts row_start = [] {
        starts r{};
        for (unsigned row = 0; row != orders; ++row)
            r.at[row + 1] = r.at[row] + table.row[row].capacity * migrate_types;
        return r;
    }();
    static constexpr rows row_of = [] {
        rows r{};
        for (std::uint8_t& row : r.at)
            row = orders;
        for (unsigned i = 0; i != orders; ++i)
            r.at[table.row[i].order] = static_cast<std::uint8_t>(i);
        return r;
    }();
};

// The count is readable by anybody (statistics); the rest is the owner's, or the drainer's while it has a claim.
template <class Atomics>
struct magazine {
    typename Atomics::template atomic<std::uint32_t> count;
    typename Atomics::template plain<std::uint32_t> mark; // tuning.hpp
};

template <class Policy>
struct alignas(cache_line_bytes) cache_slot_parts {
    using atomics = typename Policy::atomics;
    using bins = magazine_bins<Policy>;
    using entry = typename atomics::template plain<std::uint32_t>; // a frame_index

    typename Policy::gate::slot gate;
    magazine<atomics> magazines[bins::count];
    entry entries[bins::total()];
};

// A power of two in size: a hit finds its slot with a shift where a multiplication took it 10 % longer. The padding
// is never written.
template <class Policy>
struct cache_slot : cache_slot_parts<Policy> {
    static constexpr std::size_t size = std::bit_ceil(sizeof(cache_slot_parts<Policy>) + 1);
    std::byte padding[size - sizeof(cache_slot_parts<Policy>)];
};

} // namespace cordon::inline v0
