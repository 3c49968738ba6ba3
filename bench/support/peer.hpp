// support/peer.hpp - peer: another allocator, found at run time (peer.h).
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "peer.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

// The functions of peer.h; those that are optional may be null.
struct peer {
    std::string name{};
    decltype(&peer_create) create = nullptr;
    decltype(&peer_destroy) destroy = nullptr;
    decltype(&peer_allocate) allocate = nullptr;
    decltype(&peer_free) free = nullptr;
    decltype(&peer_drain) drain = nullptr;
    decltype(&peer_offline) offline = nullptr;
    decltype(&peer_address) address = nullptr;
};

// Effects: starts the program anew if the loader has not kept enough room for the thread-local variables of libraries
// that are loaded later (jemalloc's are large); no allocator could be loaded as a peer otherwise.
void make_room_for_peers(char** argv);
// Returns: the library's peer, which stays loaded; without a name if `problem` says what is wrong with it. What a library
// does when it is loaded and when each of its functions is called once it does in a child first: one that crashes or
// hangs there ends nothing here.
peer load_peer(const std::string& path, std::string& problem,
               std::chrono::milliseconds patience = std::chrono::seconds{10});
// Returns: whether it has runs of that order; not each allocator has.
bool serves(const peer& api, unsigned order);
// Returns: whether it is at an end some time; a malloc is not.
bool is_bounded(const peer& api);
// Returns: the peers but cordon itself (peers/cordon.cpp).
std::vector<peer> others(const std::vector<peer>& all);
// Returns: the peers that were built with this program.
std::vector<std::string> installed_peers();

// A peer as a lane whose orders are known at run time (tenants.hpp).
class peer_lane {
public:
    using frame = std::uint64_t;
    static constexpr frame none = UINT64_MAX;

    peer_lane(const peer& api, void* self) : api_(&api), self_(self) {}
    frame get(unsigned order) const { return api_->allocate(self_, 0, order); }
    void put(frame f, unsigned order) const { api_->free(self_, 0, f, order); }

private:
    const peer* api_;
    void* self_;
};

// An allocator of a peer, as a contestant (contestants.hpp).
class peer_frames {
public:
    class lane {
    public:
        using frame = std::uint64_t;
        static constexpr frame none = UINT64_MAX;

        lane(const peer& api, void* self, unsigned thread) : api_(api), self_(self), thread_(thread) {}
        frame get(unsigned order) { return api_.allocate(self_, thread_, order); }
        void put(frame f, unsigned order) { api_.free(self_, thread_, f, order); }

    private:
        const peer& api_;
        void* self_;
        unsigned thread_;
    };

    // Effects: ends the program if the peer cannot be made so large.
    peer_frames(const peer& api, std::uint64_t frames, unsigned threads);
    // Effects: what it kept behind free frames goes back: a malloc outlives its contestant.
    ~peer_frames() { drain(); }
    peer_frames(const peer_frames&) = delete;
    peer_frames& operator=(const peer_frames&) = delete;
    [[nodiscard]] lane enter(unsigned thread) { return {api_, self_.get(), thread}; }
    [[nodiscard]] peer_lane enter() const { return {api_, self_.get()}; }
    [[nodiscard]] void* address(std::uint64_t frame) const { return api_.address(self_.get(), frame); }
    void drain() const {
        if (api_.drain != nullptr) api_.drain(self_.get());
    }

private:
    peer api_;
    std::unique_ptr<void, decltype(&peer_destroy)> self_;
};

} // namespace bench
