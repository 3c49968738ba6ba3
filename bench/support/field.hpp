// support/field.hpp - contestants of a question about frames: cordon, the floors, the peers, all with one pattern.
// SPDX-License-Identifier: BSL-1.0
//
// A pattern is called as pattern(lane, worker) by each worker's thread and returns an array of readings. What it keeps
// from lap to lap it keeps in static thread_local variables: each contestant has threads of its own. Frames that it keeps
// it frees in pattern.end(lane), which each worker calls when the contestant goes.
#pragma once

#include "support/contestants.hpp"
#include "support/crew.hpp"
#include "support/patterns.hpp"
#include "support/peer.hpp"
#include "support/suite.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct size_of_field {
    std::uint32_t frames = 0;
    unsigned threads = 1;
};

template <class Frames, class Pattern>
class entrant {
public:
    template <class... Arguments>
    entrant(unsigned threads, Pattern pattern, Arguments&&... arguments)
        : frames_(std::forward<Arguments>(arguments)...),
          pattern_(pattern),
          workers_(threads),
          threads_(threads) {}
    ~entrant() {
        if constexpr (requires(Frames & frames) { pattern_.end(frames.enter(0)); })
            workers_.run(threads_, [&](unsigned worker) { pattern_.end(frames_.enter(worker)); });
    }
    entrant(const entrant&) = delete;
    entrant& operator=(const entrant&) = delete;
    std::vector<reading> lap() {
        return workers_.measure(threads_,
                                [&](unsigned worker) { return pattern_(frames_.enter(worker), worker); });
    }

private:
    Frames frames_;
    Pattern pattern_;
    crew workers_;
    unsigned threads_;
};

// Returns: a contestant that lets Frames do the pattern.
template <class Frames, class Pattern>
contestant with(std::string name, size_of_field size, Pattern pattern) {
    return {std::move(name), [=] {
                auto made = std::make_shared<entrant<Frames, Pattern>>(size.threads, pattern, size.frames,
                                                                       size.threads);
                return [made] { return made->lap(); };
            }};
}
template <class Pattern>
contestant with_peer(const peer& api, size_of_field size, Pattern pattern) {
    return {api.name, [=] {
                auto made = std::make_shared<entrant<peer_frames, Pattern>>(size.threads, pattern, api,
                                                                            size.frames, size.threads);
                return [made] { return made->lap(); };
            }};
}

template <class Pattern>
std::vector<contestant> cordon_and_floors(size_of_field size, Pattern pattern) {
    return {with<cordon_zone>("cordon", size, pattern),
            with<zone_frames<cordon::default_policy, thread_slot::with_slot>>("cordon_slot", size, pattern),
            with<stack_floor<gate_guard>>("gate", size, pattern),
            with<stack_floor<no_guard>>("stack", size, pattern),
            with<stack_floor<lock_guard>>("lock", size, pattern)};
}
// The peers that have runs of the largest order that the pattern asks for.
template <class Pattern>
std::vector<contestant> whole_field(size_of_field size, Pattern pattern, const std::vector<peer>& peers,
                                    unsigned largest_order = 0) {
    std::vector<contestant> all = cordon_and_floors(size, pattern);
    for (const peer& p : peers)
        if (serves(p, largest_order)) all.push_back(with_peer(p, size, pattern));
    return all;
}

} // namespace bench
