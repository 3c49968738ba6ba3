// cordon/lru/policies/any_policy.hpp - replacement::any_policy: one of several policies, chosen when the program runs.
// SPDX-License-Identifier: BSL-1.0
//
// For programs that compare policies or let their users choose. It costs a branch for each decision, touch included, and
// the metadata of the dearest of the alternatives.
#pragma once

#include "cordon/lru/replacement.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>

namespace cordon::inline v0 {
namespace replacement {

template <replacement_policy... Policies>
class any_policy {
    template <auto First, auto... Others>
    static constexpr auto largest = [] {
        auto most = First;
        for (const auto value : {First, Others...})
            if (value > most) most = value;
        return most;
    }();

public:
    static constexpr list_kind kind =
        (... && (Policies::kind != list_kind::linked)) ? list_kind::ring : list_kind::linked;
    static constexpr unsigned lists = largest<unsigned{Policies::lists}...>;
    static constexpr bool uses_clock = (... || Policies::uses_clock);
    static constexpr bool ages_in_ticks =
        (... || Policies::ages_in_ticks) && (... && (Policies::ages_in_ticks || !Policies::uses_clock));
    static constexpr bool wants_keys = (... || Policies::wants_keys);
    static constexpr bool relinks = (... || Policies::relinks);
    static constexpr unsigned passes = largest<unsigned{Policies::passes}...>;
    // The state of the policy chosen, in bytes: zero bytes are the start of each.
    struct group_state {
        alignas(typename Policies::group_state...)
            std::byte bytes[largest<sizeof(typename Policies::group_state)...>];
    };

    // The first one.
    constexpr any_policy() = default;
    // One of them, with its parameters.
    template <class Policy>
    requires(... || std::is_same_v<Policy, Policies>) constexpr any_policy(const Policy& policy)
        : all_(), chosen_(number_of<Policy>) {
        std::get<Policy>(all_) = policy;
    }
    // The one with this number, in their order. Requires: number < sizeof...(Policies).
    [[nodiscard]] static constexpr any_policy at(unsigned number) {
        any_policy made;
        made.chosen_ = number;
        return made;
    }
    [[nodiscard]] constexpr unsigned number() const { return chosen_; }

    constexpr std::size_t extra_bytes(std::uint64_t frames) const {
        return visit([=](const auto& p) { return p.extra_bytes(frames); });
    }
    // The clock of a policy that does not use it stands still: so its bytes are the same in every group.
    constexpr std::uint8_t next_tick(std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.uses_clock ? p.next_tick(clock) : clock; });
    }
    constexpr std::uint8_t fresh(std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.fresh(clock); });
    }
    constexpr std::uint8_t touched(std::uint8_t age, std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.touched(age, clock); });
    }
    constexpr std::uint8_t coldness(std::uint8_t age, std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.coldness(age, clock); });
    }
    constexpr std::uint8_t cold(std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.cold(clock); });
    }
    constexpr bool relink(std::uint8_t age, std::uint8_t clock) const {
        return visit([=](const auto& p) { return p.relink(age, clock); });
    }
    template <class V>
    list_place insert(V& v, frame_index i, const arrival& a) const {
        return visit([&](const auto& p) { return p.insert(*inside(p, v), i, a); });
    }
    template <class V>
    unsigned next(V& v) const {
        return visit([&](const auto& p) {
            const unsigned list = p.next(*inside(p, v));
            return list == std::decay_t<decltype(p)>::lists ? lists : list;
        });
    }
    template <class V>
    decision examine(V& v, frame_index i, unsigned list) const {
        return visit([&](const auto& p) { return p.examine(*inside(p, v), i, list); });
    }
    template <class V>
    list_place putback(V& v, frame_index i, putback_at at) const {
        return visit([&](const auto& p) { return p.putback(*inside(p, v), i, at); });
    }
    template <class V>
    std::uint32_t evicted(V& v, frame_index i) const {
        return visit([&](const auto& p) { return p.evicted(*inside(p, v), i); });
    }
    template <class V>
    void moved(V& v, frame_index from, frame_index to) const {
        visit([&](const auto& p) { p.moved(*inside(p, v), from, to); });
    }
    template <class V>
    refault_info refault(const V& v, std::uint32_t payload) const {
        return visit([&](const auto& p) { return p.refault(*inside(p, v), payload); });
    }
    template <class V>
    void tick(V& v) const {
        visit([&](const auto& p) { p.tick(*inside(p, v)); });
    }

private:
    template <class Policy>
    static constexpr unsigned number_of = [] {
        unsigned n = 0;
        bool found = false;
        const auto look_at = [&](bool same) {
            found = found || same;
            n += !found;
        };
        (look_at(std::is_same_v<Policy, Policies>), ...);
        return n;
    }();

    // The view with the state of the policy that looks.
    template <class Policy, class V>
    class inner_view {
    public:
        explicit inner_view(V& v) : outer_(v) {}
        inner_view* operator->() { return this; }
        inner_view& operator*() { return *this; }
        [[nodiscard]] auto& state() const {
            using state_type = std::conditional_t<std::is_const_v<V>, const typename Policy::group_state,
                                                  typename Policy::group_state>;
            return *reinterpret_cast<state_type*>(outer_.state().bytes);
        }
        [[nodiscard]] std::uint32_t size(unsigned list) const { return outer_.size(list); }
        [[nodiscard]] std::uint32_t total() const { return outer_.total(); }
        [[nodiscard]] std::uint8_t age(frame_index i) const { return outer_.age(i); }
        void set_age(frame_index i, std::uint8_t byte) { outer_.set_age(i, byte); }
        [[nodiscard]] unsigned list_of(frame_index i) const { return outer_.list_of(i); }
        [[nodiscard]] std::uint8_t clock() const { return outer_.clock(); }
        void advance() { outer_.advance(); }
        [[nodiscard]] std::uint32_t evictions() const { return outer_.evictions(); }
        [[nodiscard]] std::uint32_t payload() const { return outer_.payload(); }
        [[nodiscard]] std::uint64_t distance(std::uint32_t payload) const { return outer_.distance(payload); }
        [[nodiscard]] std::uint32_t frames() const { return outer_.frames(); }
        [[nodiscard]] bool holds(frame_index i) const { return outer_.holds(i); }
        [[nodiscard]] std::span<std::byte> extra() const { return outer_.extra(); }

    private:
        V& outer_;
    };
    template <class Policy, class V>
    static inner_view<Policy, V> inside(const Policy&, V& v) {
        return inner_view<Policy, V>{v};
    }

    // Returns: f(the policy chosen).
    template <unsigned I = 0, class F>
    constexpr auto visit(F f) const {
        if constexpr (I + 1 < sizeof...(Policies))
            if (chosen_ != I) return visit<I + 1>(f);
        return f(std::get<I>(all_));
    }

    std::tuple<Policies...> all_;
    unsigned chosen_ = 0;
};
static_assert(replacement_policy<any_policy<replacement_base, replacement_base>>);

} // namespace replacement
} // namespace cordon::inline v0
