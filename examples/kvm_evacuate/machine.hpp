// kvm_evacuate/machine.hpp - machine: a virtual machine of one processor, whose pages lie in frames of an arena.
// SPDX-License-Identifier: BSL-1.0
//
// The guest's memory is a window of the host's address space, and each page of the window is a mapping of one frame of
// the memfd. What KVM gives the guest is what the window shows, so a page is moved by mapping another frame in its
// place. Meanwhile the guest may read the page but not write it. If it does, KVM_RUN fails with EFAULT before the
// instruction had any effect, and is called again; or, where KVM emulates the instruction, it leaves the write to us as
// if the page were a device.
//
// The guest runs this program (32 bits, no paging) until it is switched off:
//
//     for (sweep = 0;; out(0x10, ++sweep))
//         for (page = 0x1000; page != end; page += 0x1000)
//             ++page->visits, page->address == page || out(0x11, page)
#pragma once

#include <cordon/cordon.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/kvm.h>
#include <mutex>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace demo {

constexpr std::size_t page_bytes = 4096;

// What a system call returned, unless that is an error.
template <class T>
T checked(T returned, const char* call) {
    if (returned == T(-1)) throw std::system_error{errno, std::generic_category(), call};
    return returned;
}

class descriptor {
public:
    descriptor(int fd, const char* call) : fd_(checked(fd, call)) {}
    ~descriptor() { ::close(fd_); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

class mapping {
public:
    mapping(std::size_t bytes, int protection, int flags, int fd)
        : at_(checked(::mmap(nullptr, bytes, protection, flags, fd, 0), "mmap")), bytes_(bytes) {}
    ~mapping() { ::munmap(at_, bytes_); }
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    [[nodiscard]] std::byte* get() const { return static_cast<std::byte*>(at_); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    void* at_;
    std::size_t bytes_;
};

// What the guest's program keeps in each of its pages.
struct guest_page {
    std::uint32_t visits;
    std::uint32_t address;
};

class machine {
public:
    // Requires: `kvm` is an open /dev/kvm. Throws: std::system_error.
    machine(int kvm, int memory, std::uint32_t pages)
        : memory_(memory),
          window_(pages * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1),
          vm_(::ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM"),
          processor_(::ioctl(vm_.get(), KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU"),
          state_(static_cast<std::size_t>(
                     checked(::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE")),
                 PROT_READ | PROT_WRITE, MAP_SHARED, processor_.get()) {}
    ~machine() { switch_off(); }

    // ---- memory ----

    [[nodiscard]] std::uint32_t pages() const {
        return static_cast<std::uint32_t>(window_.bytes() / page_bytes);
    }
    // Effects: the page is this frame from now on.
    void map(std::uint32_t page, cordon::frame f) {
        checked(::mmap(address(page), page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory_,
                       static_cast<off_t>(f.raw() * page_bytes)),
                "mmap");
    }
    // Effects: the page is the frame `to` from now on; copy() fills it meanwhile, and the guest's writes to it wait.
    template <class Copy>
    void move(std::uint32_t page, cordon::frame to, Copy copy) {
        const std::lock_guard section{moving_};
        checked(::mprotect(address(page), page_bytes, PROT_READ), "mprotect");
        copy();
        map(page, to);
    }
    [[nodiscard]] guest_page read(std::uint32_t page) const {
        guest_page copy;
        std::memcpy(&copy, address(page), sizeof copy);
        return copy;
    }

    // ---- processor ----

    // Requires: all pages are mapped. Throws: std::system_error.
    void switch_on() {
        load_program();
        kvm_userspace_memory_region memory{};
        memory.memory_size = window_.bytes();
        memory.userspace_addr = reinterpret_cast<std::uintptr_t>(window_.get());
        checked(::ioctl(vm_.get(), KVM_SET_USER_MEMORY_REGION, &memory), "KVM_SET_USER_MEMORY_REGION");
        start_in_protected_mode();
        thread_ = std::thread{[this] { run(); }};
    }
    // Effects: the guest stops at the end of a sweep.
    void switch_off() {
        off_.store(true, std::memory_order_relaxed);
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] std::uint32_t sweeps() const { return sweeps_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t waits() const { return waits_.load(std::memory_order_relaxed); }
    // Returns: what went wrong inside; null if nothing did.
    [[nodiscard]] const char* trouble() const { return trouble_.load(std::memory_order_relaxed); }

private:
    static constexpr std::uint16_t port_sweep = 0x10;

    [[nodiscard]] std::byte* address(std::uint32_t page) const { return window_.get() + page * page_bytes; }

    void load_program() {
        unsigned char code[] = {
            0x31, 0xdb,                               //        xor ebx, ebx
            0xbf, 0x00,       0x10, 0x00, 0x00,       // sweep: mov edi, 0x1000
            0xff, 0x07,                               // page:  inc dword [edi]
            0x39, 0x7f,       0x04,                   //        cmp [edi + 4], edi
            0x75, 0x15,                               //        jne wrong
            0x81, 0xc7,       0x00, 0x10, 0x00, 0x00, //        add edi, 0x1000
            0x81, 0xff,       0x00, 0x00, 0x00, 0x00, //        cmp edi, end
            0x72, 0xeb,                               //        jb page
            0x43,                                     //        inc ebx
            0x89, 0xd8,                               //        mov eax, ebx
            0xe7, port_sweep,                         //        out 0x10, eax
            0xeb, 0xdf,                               //        jmp sweep
            0x89, 0xf8,                               // wrong: mov eax, edi
            0xe7, 0x11,                               //        out 0x11, eax
        };
        constexpr std::size_t end_operand = 22;
        const std::uint32_t end = pages() * page_bytes;
        std::memcpy(code + end_operand, &end, sizeof end);
        std::memcpy(address(0), code, sizeof code);
        for (std::uint32_t page = 1; page != pages(); ++page) {
            const guest_page fresh{0, static_cast<std::uint32_t>(page * page_bytes)};
            std::memcpy(address(page), &fresh, sizeof fresh);
        }
    }
    // Effects: the processor is where a boot loader leaves it: flat segments of 4 GiB, at address 0.
    void start_in_protected_mode() {
        kvm_sregs special;
        checked(::ioctl(processor_.get(), KVM_GET_SREGS, &special), "KVM_GET_SREGS");
        kvm_segment flat{};
        flat.limit = 0xffff'ffff;
        flat.present = flat.s = flat.db = flat.g = 1;
        flat.selector = 8;
        flat.type = 11; // code
        special.cs = flat;
        flat.selector = 16;
        flat.type = 3; // data
        special.ds = special.es = special.fs = special.gs = special.ss = flat;
        special.cr0 |= 1; // protection
        checked(::ioctl(processor_.get(), KVM_SET_SREGS, &special), "KVM_SET_SREGS");
        kvm_regs general{};
        general.rflags = 2;
        checked(::ioctl(processor_.get(), KVM_SET_REGS, &general), "KVM_SET_REGS");
    }
    void run() {
        auto& state = *reinterpret_cast<kvm_run*>(state_.get());
        while (!off_.load(std::memory_order_relaxed) || sweeps() == 0) {
            if (::ioctl(processor_.get(), KVM_RUN, 0) < 0) {
                if (errno == EFAULT)
                    wait_for_move([] {});
                else if (errno != EINTR)
                    return stop("KVM_RUN failed");
            } else if (state.exit_reason == KVM_EXIT_MMIO) {
                wait_for_move([&] { access(state.mmio); });
            } else if (state.exit_reason != KVM_EXIT_IO) {
                return stop("the guest stopped by itself");
            } else if (state.io.port != port_sweep) {
                return stop("the guest read another page than its own");
            } else {
                sweeps_.fetch_add(1, std::memory_order_relaxed);
            }
        }
    }
    template <class Then>
    void wait_for_move(Then then) {
        waits_.fetch_add(1, std::memory_order_relaxed);
        const std::lock_guard section{moving_};
        then();
    }
    template <class Mmio>
    void access(Mmio& m) const {
        if (m.phys_addr + m.len > window_.bytes())
            return; // there is no memory: nothing is written, zeros are read
        std::byte* const at = window_.get() + m.phys_addr;
        if (m.is_write)
            std::memcpy(at, m.data, m.len);
        else
            std::memcpy(m.data, at, m.len);
    }
    void stop(const char* why) { trouble_.store(why, std::memory_order_relaxed); }

    int memory_;
    mapping window_;
    descriptor vm_;
    descriptor processor_;
    mapping state_;
    std::mutex moving_;
    std::atomic<bool> off_{false};
    std::atomic<std::uint32_t> sweeps_{0};
    std::atomic<std::uint64_t> waits_{0};
    std::atomic<const char*> trouble_{nullptr};
    std::thread thread_;
};

} // namespace demo
