// cordon/lru/replacement.hpp - replacement_policy: what decides which frame is evicted next.
// SPDX-License-Identifier: BSL-1.0
//
// A policy is a set of FIFO lists and a few decisions. The LRU links and unlinks, claims and locks; it asks the policy
// where an added frame goes, from which list the next victim comes, and, for the oldest frame of that list, whether to
// evict it or to which list's newest end it moves. All of these run under the lock of the frame's group. A touch runs
// under no lock: it writes the age byte, and the policy only says which value.
//
// Policies are values: their members are parameters, the same for all groups. What changes is in group_state, one for
// each group, which starts as zero bytes. A policy inherits replacement_base and overrides what it needs.
#pragma once

#include "cordon/core/config.hpp"
#include "cordon/frames/geometry.hpp"
#include "cordon/lru/token.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cordon::inline v0 {

enum class list_kind : std::uint8_t {
    linked, // 8 bytes a frame; a frame leaves a list at once; up to 32 lists
    ring,   // 7.1 bytes a frame; isolating is one compare-exchange; scans are sequential; up to 4 lists
    hand, // no byte a frame; the same; a scan goes over the frames of all groups in order of number; one list
};
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(list_kind value) {
    switch (value) {
    case list_kind::linked: return "linked";
    case list_kind::ring: return "ring";
    case list_kind::hand: return "hand";
    }
    return "unknown list_kind";
}
enum class list_end : std::uint8_t { newest, oldest };
// Returns: the enumerator's name.
[[nodiscard]] constexpr std::string_view name(list_end value) {
    switch (value) {
    case list_end::newest: return "newest";
    case list_end::oldest: return "oldest";
    }
    return "unknown list_end";
}

struct list_place {
    unsigned list = 0;
    list_end end = list_end::newest;
};

// A frame that is added.
struct arrival {
    bool known = false;        // it comes with a token that this group gave
    std::uint32_t payload = 0; // of that token
    std::uint64_t key = 0;     // the embedder's name for the content, if the policy wants_keys
};

// What becomes of the oldest frame of a list.
class decision {
public:
    [[nodiscard]] static constexpr decision evict() { return decision{evicts}; }
    // To the newest end of that list; of its own one, too.
    [[nodiscard]] static constexpr decision keep(unsigned list) { return decision{list}; }
    [[nodiscard]] constexpr bool is_evict() const { return list_ == evicts; }
    [[nodiscard]] constexpr unsigned list() const { return list_; }

private:
    static constexpr unsigned evicts = ~0u;
    explicit constexpr decision(unsigned list) : list_(list) {}
    unsigned list_;
};

// What a policy sees of a group, under its lock:
//   state()          its group_state
//   size(list), total()   frames on one list, on all
//   age(i), set_age(i, byte)   the age byte
//   list_of(i)       the list that the frame is on, or was on when it was claimed; 0 if it never was on one
//   clock()          the group's clock, 8 bits; advance() ticks it
//   evictions()      of the group so far; payload() puts it into a token, distance(payload) is how long ago that was
//   frames()         that the LRU can track in all
//   holds(i)         whether the frame is in the group
//   extra()          extra_bytes() bytes for the group, zero when it is made
template <class V>
concept group_view = requires(V& v, const V& c, unsigned list, frame_index i, std::uint8_t byte,
                              std::uint32_t payload) {
    v.state();
    { c.size(list) } -> std::same_as<std::uint32_t>;
    { c.total() } -> std::same_as<std::uint32_t>;
    { c.age(i) } -> std::same_as<std::uint8_t>;
    {v.set_age(i, byte)};
    { c.list_of(i) } -> std::same_as<unsigned>;
    { c.clock() } -> std::same_as<std::uint8_t>;
    {v.advance()};
    { c.evictions() } -> std::same_as<std::uint32_t>;
    { c.payload() } -> std::same_as<std::uint32_t>;
    { c.distance(payload) } -> std::same_as<std::uint64_t>;
    { c.frames() } -> std::same_as<std::uint32_t>;
    { c.holds(i) } -> std::same_as<bool>;
    { c.extra() } -> std::same_as<std::span<std::byte>>;
};

// The usual answers: one FIFO list, a bit for "touched", tokens that hold the refault distance.
struct replacement_base {
    static constexpr list_kind kind = list_kind::ring;
    static constexpr unsigned lists = 1;
    static constexpr bool uses_clock = false; // touched() looks at the clock
    // coldness() is the number of ticks since the last touch, and the same for byte + n and clock + n: so a byte is set by
    // another group's clock.
    static constexpr bool ages_in_ticks = false;
    static constexpr bool wants_keys = false;
    // A touch may move the frame to the newest end of its list (relink below).
    static constexpr bool relinks = false;
    static constexpr unsigned passes = 4; // a scan gives up when it has looked at each frame so often
    struct group_state {};

    // Returns: bytes of extra() of each group, when the LRU can track so many frames.
    static constexpr std::size_t extra_bytes(std::uint64_t) { return 0; }

    // The clock of a group starts at 0. Returns: what it is a tick later.
    static constexpr std::uint8_t next_tick(std::uint8_t clock) {
        return static_cast<std::uint8_t>(clock + 1);
    }
    // The age byte: of a frame that is added, of one that is touched; and how cold a byte is (0: just used).
    static constexpr std::uint8_t fresh(std::uint8_t) { return 0; }
    static constexpr std::uint8_t touched(std::uint8_t, std::uint8_t) { return 1; }
    static constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t) { return age == 0 ? 1 : 0; }
    // The byte of a frame that is as cold as can be.
    static constexpr std::uint8_t cold(std::uint8_t) { return 0; }
    // relinks only. Returns: whether a touch moves the frame, from its byte before the touch.
    static constexpr bool relink(std::uint8_t, std::uint8_t) { return false; }

    template <class V>
    list_place insert(V&, frame_index, const arrival&) const {
        return {};
    }
    // Returns: the list whose oldest frame is looked at next; `lists` when there is nothing to evict.
    template <class V>
    unsigned next(V& v) const {
        return v.size(0) != 0 ? 0 : lists;
    }
    template <class V>
    decision examine(V&, frame_index, unsigned) const {
        return decision::evict();
    }
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        return {v.list_of(i), at == putback_at::tail ? list_end::oldest : list_end::newest};
    }
    // Effects: notes that the claimed frame leaves. Returns: the payload of its token.
    template <class V>
    std::uint32_t evicted(V& v, frame_index) const {
        return v.payload();
    }
    // wants_keys only. Effects: notes that frame `to` holds what `from` held.
    template <class V>
    void moved(V&, frame_index, frame_index) const {}
    template <class V>
    refault_info refault(const V& v, std::uint32_t payload) const {
        const std::uint64_t distance = v.distance(payload);
        return {distance <= v.total(), distance};
    }
    // Effects: the embedder ages the group: age().
    template <class V>
    void tick(V& v) const {
        v.advance();
    }
};

// Something with the members of a view, to check policies with.
template <class State>
struct view_archetype {
    State& state();
    std::uint32_t size(unsigned) const;
    std::uint32_t total() const;
    std::uint8_t age(frame_index) const;
    void set_age(frame_index, std::uint8_t);
    unsigned list_of(frame_index) const;
    std::uint8_t clock() const;
    void advance();
    std::uint32_t evictions() const;
    std::uint32_t payload() const;
    std::uint64_t distance(std::uint32_t) const;
    std::uint32_t frames() const;
    bool holds(frame_index) const;
    std::span<std::byte> extra() const;
};
static_assert(group_view<view_archetype<int>>);

template <class R>
concept replacement_policy = std::default_initializable<R> && std::copy_constructible<R> &&
    requires(const R& r, view_archetype<typename R::group_state>& v, frame_index i, const arrival& a,
             std::uint8_t byte, unsigned list, putback_at at, std::uint32_t payload, std::uint64_t frames) {
    { R::kind } -> std::convertible_to<list_kind>;
    { R::lists } -> std::convertible_to<unsigned>;
    { R::uses_clock } -> std::convertible_to<bool>;
    { R::ages_in_ticks } -> std::convertible_to<bool>;
    { R::wants_keys } -> std::convertible_to<bool>;
    { R::relinks } -> std::convertible_to<bool>;
    { R::passes } -> std::convertible_to<unsigned>;
    { r.extra_bytes(frames) } -> std::same_as<std::size_t>;
    { r.next_tick(byte) } -> std::same_as<std::uint8_t>;
    { r.fresh(byte) } -> std::same_as<std::uint8_t>;
    { r.touched(byte, byte) } -> std::same_as<std::uint8_t>;
    { r.coldness(byte, byte) } -> std::same_as<std::uint8_t>;
    { r.cold(byte) } -> std::same_as<std::uint8_t>;
    { r.relink(byte, byte) } -> std::same_as<bool>;
    { r.insert(v, i, a) } -> std::same_as<list_place>;
    { r.next(v) } -> std::same_as<unsigned>;
    { r.examine(v, i, list) } -> std::same_as<decision>;
    { r.putback(v, i, at) } -> std::same_as<list_place>;
    { r.evicted(v, i) } -> std::same_as<std::uint32_t>;
    {r.moved(v, i, i)};
    { r.refault(v, payload) } -> std::same_as<refault_info>;
    {r.tick(v)};
};

} // namespace cordon::inline v0
