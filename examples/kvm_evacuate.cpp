// kvm_evacuate - empties half of the memory below a running virtual machine, which does not notice.
// SPDX-License-Identifier: BSL-1.0
//
// A host wants whole blocks of its memory back: for huge pages, for another guest, to switch a module off. The guest's
// pages are scattered over all blocks and change all the time. Half of the blocks are sealed, their pages move one by
// one while the guest runs (machine.hpp), and the memory goes back to the system; then it comes back, and the other
// half goes. At the end each page must have been visited once in each sweep of the guest: no write was lost.
#include "kvm_evacuate/machine.hpp"
#include "support/command_line.hpp"

#include <cordon/cordon.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using cordon::frame;
using cordon::frame_count;
using cordon::status;
using demo::machine;

constexpr std::uint64_t mib = 1 << 20;
constexpr unsigned rounds = 10;

class host {
public:
    host(int kvm, frame_count frames, std::uint32_t pages)
        : ram_(frames), zone_(ram_.frames()), guest_(kvm, ram_.fd(), pages), page_of_(frames.raw()) {}

    // Effects: the guest gets frames all over the memory, and runs.
    bool start() {
        if (!ram_ || zone_.error() != status::ok || ram_.populate(ram_.frames()) != status::ok)
            return failed("memory", status::no_memory);
        std::vector<frame> spare;
        const std::uint64_t one_of = ram_.frames().count().raw() / guest_.pages();
        for (std::uint32_t page = 0; page != guest_.pages(); ++page) {
            for (std::uint64_t skipped = 1; skipped != one_of; ++skipped)
                spare.push_back(zone_.allocate().value());
            const frame f = zone_.allocate().value();
            guest_.map(page, f);
            page_of_[f.raw()] = page;
        }
        zone_.free_bulk(spare, cordon::order{0});
        guest_.switch_on();
        return true;
    }
    // Effects: the range is empty, offline, and the system's.
    bool evacuate(cordon::frame_range range) {
        auto sealed = zone_.isolate(range, {.deadline = 10s});
        if (!sealed) return failed("seal", sealed.error());
        const auto move_page = [&](const cordon::busy_frame& from, frame to) {
            const std::uint32_t page = page_of_[from.head().raw()];
            guest_.move(page, to,
                        [&] { std::memcpy(ram_.address(to), ram_.address(from.head()), demo::page_bytes); });
            page_of_[to.raw()] = page;
            return cordon::migrate_outcome::moved;
        };
        const cordon::migrate_report report = sealed->migrate(move_page);
        moved_ += report.moved.raw();
        if (report.outcome != status::ok) return failed("migrate", report.outcome);
        if (const status e = sealed->offline(); e != status::ok) return failed("offline", e);
        if (const status e = ram_.discard(range); e != status::ok) return failed("discard", e);
        return true;
    }
    bool bring_back(cordon::frame_range range) {
        const status e = zone_.online(range);
        return e == status::ok || failed("online", e);
    }
    // Returns: how many pages were not visited once in each sweep.
    std::uint32_t wrong_pages() {
        guest_.switch_off();
        std::uint32_t wrong = 0;
        for (std::uint32_t page = 1; page != guest_.pages(); ++page)
            wrong += guest_.read(page).visits != guest_.sweeps();
        return wrong;
    }
    // Returns: sweeps of the guest a second, over a tenth of one.
    double sweeps_per_second() {
        const std::uint32_t before = guest_.sweeps();
        std::this_thread::sleep_for(100ms);
        return (guest_.sweeps() - before) / 0.1;
    }
    [[nodiscard]] std::uint64_t moved() const { return moved_; }
    [[nodiscard]] const machine& guest() const { return guest_; }
    [[nodiscard]] std::uint64_t resident_mib() const { return ram_.resident_bytes() / mib; }
    [[nodiscard]] bool is_sound() { return bool{zone_.validate()}; }

private:
    static bool failed(const char* step, status why) {
        std::cout << "  " << step << ": " << why << '\n';
        return false;
    }

    cordon::arena ram_;
    cordon::zone zone_;
    machine guest_;
    std::uint64_t moved_ = 0;
    std::vector<std::uint32_t> page_of_; // of a frame that the guest has
};

int run(int kvm) {
    host h{kvm, frame_count{16384}, 4096};
    std::cout << "cordon: the memory of a running virtual machine moves   (KVM)\n\n"
              << "  guest     16 MiB, one processor: counts up in each page, and checks whose it is\n"
              << "  host      64 MiB of memfd, 32 pageblocks with 128 pages of the guest in each\n";
    if (!h.start()) return 1;
    const double before = h.sweeps_per_second();
    const std::uint64_t resident = h.resident_mib();
    const std::uint32_t swept = h.guest().sweeps();
    const auto start = std::chrono::steady_clock::now();
    for (unsigned round = 0; round != rounds; ++round) {
        const cordon::frame_range half{frame{round % 2 * 8192}, frame_count{8192}};
        if (!h.evacuate(half)) return 1;
        if (round == 0)
            std::cout << "  resident  " << resident << " MiB, " << h.resident_mib()
                      << " when one half is empty\n";
        if (!h.bring_back(half)) return 1;
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    const std::uint32_t meanwhile = h.guest().sweeps() - swept;
    std::cout << "  evacuate  " << rounds << " times one half: " << h.moved() << " pages moved, "
              << took.count() / static_cast<double>(h.moved()) << " us each\n";
    const double after = h.sweeps_per_second();
    const std::uint32_t wrong = h.wrong_pages();
    std::cout << "  guest     " << before << " sweeps a second before, " << after << " after; " << meanwhile
              << " meanwhile; " << h.guest().waits() << " writes waited for a page\n"
              << "  verified  " << h.guest().pages() - 1 << " pages, " << h.guest().sweeps()
              << " visits of each\n";
    if (h.guest().trouble() != nullptr) std::cout << "  trouble   " << h.guest().trouble() << '\n';
    const bool good = wrong == 0 && h.guest().trouble() == nullptr && h.is_sound();
    if (good)
        std::cout << "\nPASS: half of the memory emptied below the guest, again and again; none of its "
                     "writes was lost\n";
    else
        std::cout << "\nFAIL: " << wrong << " pages are not what the guest made of them\n";
    return good ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (const auto answer = demo::answer_without_options(
            argc, argv,
            "Empties half of the memory below a running virtual machine, again and again.\n"
            "Exit status: 0 no write of the guest was lost; 1 one was, or it failed; 2 bad options;\n"
            "77 there is no /dev/kvm.\n"))
        return *answer;
    const int kvm = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) {
        std::perror("skipped: /dev/kvm");
        return 77;
    }
    try {
        return run(demo::descriptor{kvm, "/dev/kvm"}.get());
    } catch (const std::exception& e) {
        std::cerr << "failed: " << e.what() << '\n';
        return 1;
    }
}
