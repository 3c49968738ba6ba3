// tests/model/exhaustive_test.cpp - each state that 16 frames can be in, times each call, against the model.
// SPDX-License-Identifier: BSL-1.0
//
// A run of order k is free, one allocation, or two runs of order k - 1 in any of their states, all free being
// the same as free: f(0) = 2, f(k) = 1 + f(k-1)^2, f(4) = 458,330 states. Nothing is cached, so the metadata is
// a function of the state: a refused call must leave each byte of it alone, a call undone must restore it. At a
// smaller scale each state is still visited, and one of every few tried.
#include "cordon/zone.hpp"

#include "support/catch.hpp"
#include "support/reference_model.hpp"
#include "support/scale.hpp"
#include "support/seed.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace {

using namespace cordon;
using testing::reference_model;
using testing::scale;
using testing::seed;

struct uncached_policy : single_threaded_policy {
    static constexpr unsigned pageblock_order = 6;
    static constexpr unsigned max_order = 6;
    static constexpr cached_order cached_orders[] = {{0, 1}};
    using thread_slots = explicit_slots<1>; // and the calls name none: never cached
};
using zone_type = basic_zone<uncached_policy>;

constexpr order largest{4};
constexpr unsigned orders_tried = 6;
constexpr frame_range all{frame{32}, largest.frames()}; // holes before and behind, in the same pageblock

constexpr std::uint64_t states_of(unsigned k) {
    return k == 0 ? 2 : 1 + states_of(k - 1) * states_of(k - 1);
}
static_assert(states_of(4) == 458'330);

class machine {
public:
    machine() {
        const std::span<const std::byte> metadata = zone_.internals().metadata_memory();
        // Behind the counts of refills and spills, which are of calls, not of state.
        const auto* const counts = reinterpret_cast<const std::byte*>(&zone_.internals().parts().head->count);
        state_ = metadata.subspan(static_cast<std::size_t>(counts - metadata.data()));
        before_.resize(state_.size());
    }

    void run() { visit({{all.first(), largest}}); }
    [[nodiscard]] std::uint64_t visited() const { return visited_; }
    [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

private:
    using pending = std::vector<std::pair<frame, order>>;

    // Effects: brings the pending runs into each of their states, and tries all calls in each.
    void visit(pending left) {
        if (left.empty()) return try_all();
        const auto [first, k] = left.back();
        left.pop_back();
        expect(zone_.allocate_exact(first, k) == status::ok);
        model_.allocate(first, k);
        visit(left);
        expect(zone_.try_free(first, k) == status::ok);
        model_.free(first, k);
        if (k.raw() == 0) return visit(left);
        const order half{k.raw() - 1};
        left.emplace_back(first, half);
        left.emplace_back(first + half.frames(), half);
        visit(left);
    }

    void try_all() {
        if (visited_++ % every_ != seed() % every_) return;
        std::memcpy(before_.data(), state_.data(), state_.size());
        expect(agrees());
        for (unsigned k = 0; k != orders_tried; ++k) {
            try_allocate(order{k});
            for (const frame f : all) {
                try_exact(f, order{k});
                try_free(f, order{k});
            }
            for (const frame f :
                 {frame{0}, frame{31}, frame{48}, frame{63}, frame{64}, frame{UINT32_MAX - 1}})
                expect(zone_.try_free(f, order{k}) == status::foreign_frame);
        }
        for (const unsigned k : {7u, 63u, 128u, 132u, 255u}) {
            expect(zone_.try_free(all.first(), order{k}) == status::invalid_order);
            expect(zone_.allocate_exact(all.first(), order{k}) == status::invalid_order);
            expect(zone_.allocate(order{k}).error() == status::invalid_order);
        }
        expect(unchanged());
    }
    void try_allocate(order k) {
        const result<frame> got = zone_.allocate(k);
        bool possible = false;
        for (std::uint32_t at = 0; at < all.count().raw(); at += static_cast<std::uint32_t>(k.frames().raw()))
            possible = possible || model_.is_free(all.first() + frame_count{at}, k);
        expect(got.has_value() == possible);
        if (!got) return refused(got.error(), status::no_memory);
        expect(model_.is_free(*got, k));
        done_and_undone(*got, k);
    }
    void try_exact(frame f, order k) {
        const status expected = model_.exact_status(f, k);
        const status got = zone_.allocate_exact(f, k);
        if (got != status::ok || expected != status::ok) return refused(got, expected);
        done_and_undone(f, k);
    }
    void try_free(frame f, order k) {
        const status expected = model_.free_status(f, k);
        const status got = zone_.try_free(f, k);
        if (got != status::ok || expected != status::ok) return refused(got, expected);
        model_.free(f, k);
        expect(agrees());
        expect(zone_.allocate_exact(f, k) == status::ok);
        model_.allocate(f, k);
        expect(unchanged());
    }
    void done_and_undone(frame f, order k) {
        model_.allocate(f, k);
        expect(agrees());
        expect(zone_.try_free(f, k) == status::ok);
        model_.free(f, k);
        expect(unchanged());
    }
    void refused(status got, status expected) {
        expect(got == expected);
        expect(unchanged());
    }

    [[nodiscard]] bool unchanged() const {
        return std::memcmp(before_.data(), state_.data(), state_.size()) == 0;
    }
    [[nodiscard]] bool agrees() const {
        for (const frame f : all) {
            const frame_info info = zone_.state_of(f);
            const reference_model::cell& cell = model_.at(f);
            if (info.state != cell.state) return false;
            if (cell.state != frame_state::free && (info.head != cell.head || info.size != cell.size))
                return false;
        }
        const zone_stats now = zone_.stats();
        return now.allocated.raw() == model_.allocated() &&
               now.free == all.count() - frame_count{model_.allocated()} && now.managed == all.count();
    }
    // Some hundred million checks: a comparison each, and an assertion of the framework only when one fails.
    void expect(bool holds) {
        if (holds) [[likely]]
            return;
        ++wrong_;
        CHECK(holds);
        if (wrong_ == 10) FAIL("and so on, in state " << visited_);
    }

    zone_type zone_{zone_options{.frames = all, .max_poisoned = 1}};
    reference_model model_{all, order{uncached_policy::pageblock_order}, order{uncached_policy::max_order}};
    std::span<const std::byte> state_;
    std::vector<std::byte> before_;
    std::uint64_t every_ = scale() < 1 ? static_cast<std::uint64_t>(1 / scale()) : 1;
    std::uint64_t visited_ = 0;
    std::uint64_t wrong_ = 0;
};

} // namespace

TEST_CASE("in each of the 458,330 states of 16 frames every call does what the model says", "[model]") {
    machine all_states;
    all_states.run();
    CHECK(all_states.wrong() == 0);
    REQUIRE(all_states.visited() == states_of(4));
}
