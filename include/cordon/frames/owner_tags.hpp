// cordon/frames/owner_tags.hpp - owner_tags: who holds a frame, in the embedder's own words.
// SPDX-License-Identifier: BSL-1.0
//
// Four bytes a frame that answer "what blocks this unplug?" (Linux: page_owner). Off by default; the null form
// has no memory and no code.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/frames/geometry.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cordon::inline v0 {

// Zero is nobody.
enum class owner_tag : std::uint32_t { none = 0 };

template <class Atomics>
class owner_tags {
public:
    using cell = typename Atomics::template atomic<std::uint32_t>;
    static constexpr bool enabled = true;
    static constexpr std::size_t cells(std::uint32_t span) { return span; }

    constexpr owner_tags() = default;
    explicit constexpr owner_tags(cell* cells) : cells_(cells) {}
    void set(frame_index i, owner_tag tag) {
        cells_[i.raw()].store(static_cast<std::uint32_t>(tag), std::memory_order_relaxed);
    }
    [[nodiscard]] owner_tag of(frame_index i) const {
        return static_cast<owner_tag>(cells_[i.raw()].load(std::memory_order_relaxed));
    }

private:
    cell* cells_ = nullptr;
};

template <class Atomics>
class null_owner_tags {
public:
    using cell = std::uint32_t;
    static constexpr bool enabled = false;
    static constexpr std::size_t cells(std::uint32_t) { return 0; }

    constexpr null_owner_tags() = default;
    explicit constexpr null_owner_tags(cell*) {}
    static constexpr void set(frame_index, owner_tag) {}
    [[nodiscard]] static constexpr owner_tag of(frame_index) { return owner_tag::none; }
};

} // namespace cordon::inline v0
