// cordon/platform/windows/system.hpp - host_system: what the parts of this layer ask of Windows.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/config.hpp"

#include <cstddef>
#include <cstdint>

struct _RTL_SRWLOCK;
union _LARGE_INTEGER;
CORDON_WINDOWS_FUNCTION(void, AcquireSRWLockExclusive)(_RTL_SRWLOCK*);
CORDON_WINDOWS_FUNCTION(void, ReleaseSRWLockExclusive)(_RTL_SRWLOCK*);
CORDON_WINDOWS_FUNCTION(unsigned long, FlsAlloc)(void(CORDON_WINDOWS_CALL*)(void*));
CORDON_WINDOWS_FUNCTION(int, FlsSetValue)(unsigned long, void*);
CORDON_WINDOWS_FUNCTION(int, QueryPerformanceCounter)(_LARGE_INTEGER*);
CORDON_WINDOWS_FUNCTION(int, QueryPerformanceFrequency)(_LARGE_INTEGER*);
CORDON_WINDOWS_FUNCTION(void, Sleep)(unsigned long);
CORDON_WINDOWS_FUNCTION(void*, VirtualAlloc)(void*, std::size_t, unsigned long, unsigned long);
CORDON_WINDOWS_FUNCTION(int, VirtualFree)(void*, std::size_t, unsigned long);

namespace cordon::inline v0 {

struct host_system {
    class mutex {
    public:
        void lock() noexcept { ::AcquireSRWLockExclusive(handle()); }
        void unlock() noexcept { ::ReleaseSRWLockExclusive(handle()); }

    private:
        _RTL_SRWLOCK* handle() { return reinterpret_cast<_RTL_SRWLOCK*>(&word_); }

        void* word_ = nullptr; // SRWLOCK_INIT
    };

    // A process of Windows does not fork.
    template <void (*)(), void (*)(), void (*)()>
    static void at_fork() noexcept {}

    // By fibre-local storage: what mingw has for thread_local is freed before its destructors run.
    template <void (*Leave)(std::uint32_t) noexcept>
    static bool at_thread_exit(std::uint32_t value) noexcept {
        static const unsigned long key = ::FlsAlloc(&call_leave<Leave>);
        void* const told = reinterpret_cast<void*>(std::uintptr_t{value} + 1); // null would not be
        return ::FlsSetValue(key, told) != 0;
    }

    // Both queries succeed on every Windows since XP.
    static std::uint64_t now() noexcept {
        constexpr std::uint64_t second = 1'000'000'000;
        static const std::uint64_t frequency = value_of(::QueryPerformanceFrequency);
        const std::uint64_t ticks = value_of(::QueryPerformanceCounter);
        return ticks / frequency * second + ticks % frequency * second / frequency;
    }

    static void sleep_shortly() noexcept { ::Sleep(1); }

    // There must be room for all pages now; they come when they are first written.
    static void* map(std::size_t bytes) noexcept {
        constexpr unsigned long reserve_and_commit = 0x3000, read_and_write = 4;
        return ::VirtualAlloc(nullptr, bytes, reserve_and_commit, read_and_write);
    }
    static void unmap(void* memory, std::size_t) noexcept {
        constexpr unsigned long release = 0x8000;
        ::VirtualFree(memory, 0, release);
    }

private:
    template <void (*Leave)(std::uint32_t) noexcept>
    static void CORDON_WINDOWS_CALL call_leave(void* value) {
        Leave(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(value) - 1));
    }

    template <class Query>
    static std::uint64_t value_of(Query& query) noexcept {
        std::int64_t value = 0; // which is what the union holds
        query(reinterpret_cast<_LARGE_INTEGER*>(&value));
        return static_cast<std::uint64_t>(value);
    }
};

} // namespace cordon::inline v0
