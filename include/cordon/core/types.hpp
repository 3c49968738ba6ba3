// cordon/core/types.hpp - frame, order, frame_count, frame_range, block_index, slot_index.
// SPDX-License-Identifier: BSL-1.0
//
// Mixing a frame number with a block number is the commonest silent bug of this domain, so each number has a
// type of its own: explicit in, `.raw()` out, and a print form that names its unit ("frame 42", "order 3").
// Arithmetic exists only where it means something: frame + count, frame - frame, order -> count.
// The idea is tcmalloc's Length and PageId (tcmalloc/pages.h) and llfree's newtypes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view> // declares std::hash, without the weight of <functional>
#include <type_traits>

namespace cordon::inline v0 {

// A number of frames. Wide enough that no sum or product with a frame size overflows.
class frame_count {
public:
    constexpr frame_count() = default;
    explicit constexpr frame_count(std::uint64_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint64_t raw() const { return raw_; }
    // Returns: bytes, for frames of `frame_bytes` bytes each.
    [[nodiscard]] constexpr std::uint64_t bytes(std::uint64_t frame_bytes) const {
        return raw_ * frame_bytes;
    }

    constexpr auto operator<=>(const frame_count&) const = default;
    constexpr frame_count& operator+=(frame_count n) {
        raw_ += n.raw_;
        return *this;
    }
    constexpr frame_count& operator-=(frame_count n) {
        raw_ -= n.raw_;
        return *this;
    }
    friend constexpr frame_count operator+(frame_count a, frame_count b) { return a += b; }
    friend constexpr frame_count operator-(frame_count a, frame_count b) { return a -= b; }

private:
    std::uint64_t raw_ = 0;
};

// A power of two of frames: order 0 is one frame, order 9 is 512.
class order {
public:
    constexpr order() = default;
    // 255 and more are one order, which is above every policy's.
    explicit constexpr order(unsigned raw) : raw_(static_cast<std::uint8_t>(raw < 255 ? raw : 255)) {}
    [[nodiscard]] constexpr unsigned raw() const { return raw_; }
    // Returns: 2^order frames. Requires: order below 64.
    [[nodiscard]] constexpr frame_count frames() const {
        return frame_count{std::uint64_t{1} << (raw_ & 63u)};
    }

    constexpr auto operator<=>(const order&) const = default;

private:
    std::uint8_t raw_ = 0;
};

// The number of a page frame, in the embedder's own numbering. The default value is no frame.
class frame {
public:
    constexpr frame() = default;
    explicit constexpr frame(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    [[nodiscard]] static constexpr frame none() { return frame{}; }
    [[nodiscard]] constexpr bool is_none() const { return raw_ == UINT32_MAX; }
    [[nodiscard]] constexpr bool is_aligned(order k) const { return (raw_ & (k.frames().raw() - 1)) == 0; }

    constexpr auto operator<=>(const frame&) const = default;
    friend constexpr frame operator+(frame f, frame_count n) {
        return frame{static_cast<std::uint32_t>(f.raw_ + n.raw())};
    }
    // Requires: a is not below b.
    friend constexpr frame_count operator-(frame a, frame b) {
        return frame_count{std::uint64_t{a.raw_} - b.raw_};
    }
    constexpr frame& operator++() {
        ++raw_;
        return *this;
    }

private:
    std::uint32_t raw_ = UINT32_MAX;
};

// Consecutive frames: first, first + 1, ..., end() - 1. A forward range of frames.
class frame_range {
public:
    class iterator {
    public:
        using value_type = frame;
        using difference_type = std::ptrdiff_t;
        constexpr iterator() = default;
        explicit constexpr iterator(frame at) : at_(at) {}
        constexpr frame operator*() const { return at_; }
        constexpr iterator& operator++() {
            ++at_;
            return *this;
        }
        constexpr iterator operator++(int) {
            const iterator before = *this;
            ++at_;
            return before;
        }
        constexpr bool operator==(const iterator&) const = default;

    private:
        frame at_;
    };

    constexpr frame_range() = default;
    constexpr frame_range(frame first, frame_count count) : first_(first), count_(count) {}
    [[nodiscard]] constexpr frame first() const { return first_; }
    [[nodiscard]] constexpr frame_count count() const { return count_; }
    [[nodiscard]] constexpr bool empty() const { return count_.raw() == 0; }
    // Returns: the frame behind the last one, as a raw number that cannot wrap.
    [[nodiscard]] constexpr std::uint64_t end_raw() const {
        return count_.raw() > UINT64_MAX - first_.raw() ? UINT64_MAX : first_.raw() + count_.raw();
    }
    // Returns: whether it has frames, and a number names each of them: the last one is no frame.
    [[nodiscard]] constexpr bool is_valid() const { return !empty() && end_raw() <= UINT32_MAX; }
    [[nodiscard]] constexpr bool contains(frame f) const { return f >= first_ && f.raw() < end_raw(); }
    [[nodiscard]] constexpr bool contains(frame_range r) const {
        return r.first_ >= first_ && r.end_raw() <= end_raw();
    }
    // Returns: the frames that they have in common: an empty range has none with any.
    [[nodiscard]] constexpr frame_range intersection(frame_range r) const {
        const frame later = first_ > r.first_ ? first_ : r.first_;
        const std::uint64_t end = end_raw() < r.end_raw() ? end_raw() : r.end_raw();
        return {later, frame_count{end > later.raw() ? end - later.raw() : 0}};
    }
    [[nodiscard]] constexpr bool overlaps(frame_range r) const { return !intersection(r).empty(); }
    [[nodiscard]] constexpr iterator begin() const { return iterator{first_}; }
    [[nodiscard]] constexpr iterator end() const { return iterator{first_ + count_}; }
    constexpr bool operator==(const frame_range&) const = default;

private:
    frame first_{0};
    frame_count count_;
};

// The number of a pageblock within its zone: the frame's zone index / frames a block.
class block_index {
public:
    constexpr block_index() = default;
    explicit constexpr block_index(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    constexpr auto operator<=>(const block_index&) const = default;
    constexpr block_index& operator++() {
        ++raw_;
        return *this;
    }

private:
    std::uint32_t raw_ = 0;
};

// The number of a thread cache within its zone. The default value is no slot: the caller works uncached.
class slot_index {
public:
    constexpr slot_index() = default;
    explicit constexpr slot_index(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    [[nodiscard]] static constexpr slot_index none() { return slot_index{}; }
    [[nodiscard]] constexpr bool is_none() const { return raw_ == UINT32_MAX; }
    constexpr auto operator<=>(const slot_index&) const = default;

private:
    std::uint32_t raw_ = UINT32_MAX;
};

static_assert(sizeof(frame) == 4 && sizeof(order) == 1 && sizeof(block_index) == 4);
static_assert(std::is_trivially_copyable_v<frame> && std::is_trivially_copyable_v<frame_range>);

// Numbers as keys of unordered containers.
template <class Number>
struct hash_of_number {
    [[nodiscard]] std::size_t operator()(Number n) const noexcept { return n.raw(); }
};

} // namespace cordon::inline v0

template <>
struct std::hash<cordon::frame> : cordon::hash_of_number<cordon::frame> {};
template <>
struct std::hash<cordon::block_index> : cordon::hash_of_number<cordon::block_index> {};
template <>
struct std::hash<cordon::slot_index> : cordon::hash_of_number<cordon::slot_index> {};
