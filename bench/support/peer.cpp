// support/peer.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/peer.hpp"

#include "support/patterns.hpp"
#include "support/watched_child.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <iterator>
#include <unistd.h>

namespace bench {

namespace {

template <class Function>
void find(void* library, const char* name, Function& out) {
    out = reinterpret_cast<Function>(dlsym(library, name));
}

peer load_here(const std::string& path, std::string& problem) {
    // A name without a slash would be looked for elsewhere. Each peer finds its own symbols first: several bring
    // a malloc.
    std::error_code none; // an empty name has no path: dlopen would give this program
    const std::string file = std::filesystem::absolute(path, none).string();
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == nullptr) {
        problem = dlerror();
        return {};
    }
    peer out;
    std::string missing;
    const auto require = [&](const char* symbol, auto& function) {
        find(library, symbol, function);
        if (function == nullptr) missing += std::string(" ") + symbol;
    };
    decltype(&peer_name) name = nullptr;
    require("peer_name", name);
    require("peer_create", out.create);
    require("peer_destroy", out.destroy);
    require("peer_allocate", out.allocate);
    require("peer_free", out.free);
    find(library, "peer_drain", out.drain);
    find(library, "peer_offline", out.offline);
    find(library, "peer_address", out.address);
    if (!missing.empty()) {
        problem = path + ": it lacks" + missing + " of bench/peer.h";
        return {};
    }
    out.name = name();
    constexpr const char* fit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
    if (out.name.empty() || out.name.find_first_not_of(fit) != std::string::npos) {
        problem = path + ": its name has to be of letters, digits and _ . + -";
        return {};
    }
    return out;
}

// Returns: whether it has a run of some order.
bool works(const peer& api) {
    bool some = false;
    for (unsigned order = 0; order != 11; ++order)
        some |= serves(api, order);
    return some;
}

} // namespace

void make_room_for_peers(char** argv) {
    constexpr const char* name = "GLIBC_TUNABLES";
    if (std::getenv(name) != nullptr) return; // the user's own, or ours
    setenv(name, "glibc.rtld.optional_static_tls=65536", 0);
    execv("/proc/self/exe", argv); // returns if it fails: then some peers are left out
}

peer load_peer(const std::string& path, std::string& problem, std::chrono::milliseconds patience) {
    const auto told = in_watched_child(patience, [&](child_voice& voice) {
        std::string told_later;
        const peer tried = load_here(path, told_later);
        if (!told_later.empty()) return;
        voice.say("is loaded");
        voice.say(works(tried) ? "works" : "hands out no frames");
    });
    if (told.empty() || told.back() == "works") return load_here(path, problem);
    problem = path + (told.size() == 1 ? ": when it is loaded it " : ": when it is tried it ") + told.back();
    return {};
}

peer_frames::peer_frames(const peer& api, std::uint64_t frames, unsigned threads)
    : api_(api), self_(api.create(frames, threads), api.destroy) {
    if (self_ != nullptr) return;
    const std::string size = std::to_string(frames) + " frames and " + std::to_string(threads) + " threads";
    give_up((api.name + " cannot be made for " + size).c_str());
}

bool serves(const peer& api, unsigned order) {
    void* const self = api.create(4096, 1);
    if (self == nullptr) return false;
    const std::uint64_t run = api.allocate(self, 0, order);
    if (run != peer_no_frame) api.free(self, 0, run, order);
    api.destroy(self);
    return run != peer_no_frame;
}

bool is_bounded(const peer& api) {
    constexpr std::uint64_t frames = 512;
    void* const self = api.create(frames, 1);
    if (self == nullptr) return false;
    std::vector<std::uint64_t> held;
    for (std::uint64_t f = 0; held.size() <= frames && f != peer_no_frame;) {
        f = api.allocate(self, 0, 0);
        if (f != peer_no_frame) held.push_back(f);
    }
    for (const std::uint64_t f : held)
        api.free(self, 0, f, 0);
    api.destroy(self);
    return held.size() <= frames;
}

std::vector<peer> others(const std::vector<peer>& all) {
    std::vector<peer> out;
    std::copy_if(all.begin(), all.end(), std::back_inserter(out),
                 [](const peer& p) { return p.name != "cordon_as_peer"; });
    return out;
}

std::vector<std::string> installed_peers() {
    std::vector<std::string> out;
    std::error_code none;
    const auto here = std::filesystem::read_symlink("/proc/self/exe", none).parent_path() / "peers";
    for (const auto& entry : std::filesystem::directory_iterator(here, none))
        if (entry.path().extension() == ".so") out.push_back(entry.path().string());
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace bench
