// cordon/core/config.hpp - every macro and every compiler test of the library.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `core` is the vocabulary that all other layers speak: strong numbers (types.hpp), outcomes
// (status.hpp), deadlines (time.hpp), the atomics policy (atomics.hpp), small and large sets of bits (bitmap.hpp,
// index_set.hpp), arrays in one region of memory (layout.hpp), check levels (check.hpp), events (trace.hpp) and text
// without allocation (text.hpp). It includes the freestanding part of the standard library and nothing else; it has
// no state.
//
// Macros exist only where the language has no other word: inlining, Clang's thread-safety attributes, and
// facts about the compiler, which are turned into constants at once. Nothing here depends on NDEBUG: two
// translation units of one program always agree about every type of the library.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__GNUC__) || defined(__clang__)
#define CORDON_ALWAYS_INLINE inline __attribute__((always_inline))
#define CORDON_NO_INLINE __attribute__((noinline))
#define CORDON_COLD __attribute__((noinline, cold))
#define CORDON_NO_SANITIZE_ADDRESS __attribute__((no_sanitize_address))
#else
#define CORDON_ALWAYS_INLINE inline
#define CORDON_NO_INLINE
#define CORDON_COLD
#define CORDON_NO_SANITIZE_ADDRESS
#endif

#if defined(__has_feature)
#define CORDON_HAS_FEATURE(x) __has_feature(x)
#else
#define CORDON_HAS_FEATURE(x) 0
#endif

// Clang's thread-safety analysis (-Wthread-safety); empty elsewhere. The proof token of sync/guard.hpp works
// on every compiler; the attribute also says which lock.
#if defined(__clang__)
#define CORDON_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define CORDON_THREAD_ATTRIBUTE(x)
#endif
#define CORDON_CAPABILITY(name) CORDON_THREAD_ATTRIBUTE(capability(name))
#define CORDON_SCOPED_CAPABILITY CORDON_THREAD_ATTRIBUTE(scoped_lockable)
#define CORDON_GUARDED_BY(lock) CORDON_THREAD_ATTRIBUTE(guarded_by(lock))
#define CORDON_REQUIRES(...) CORDON_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define CORDON_ACQUIRE(...) CORDON_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define CORDON_TRY_ACQUIRE(...) CORDON_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define CORDON_RELEASE(...) CORDON_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define CORDON_NO_THREAD_SAFETY_ANALYSIS CORDON_THREAD_ATTRIBUTE(no_thread_safety_analysis)

// Declares a function of the Windows API, as <windows.h> does, whose other macros a header must not bring along.
// Compiles everywhere, so that the headers of platform/windows/ do.
#if defined(_WIN32)
#define CORDON_WINDOWS_CALL __stdcall
#define CORDON_WINDOWS_FUNCTION(result, name) extern "C" __declspec(dllimport) result CORDON_WINDOWS_CALL name
#else
#define CORDON_WINDOWS_CALL
#define CORDON_WINDOWS_FUNCTION(result, name) extern "C" result name
#endif

namespace cordon::inline v0 {

// Bytes that two threads may write without disturbing each other. A constant, not
// std::hardware_destructive_interference_size: that value may differ between translation units.
inline constexpr std::size_t cache_line_bytes = 64;

#if defined(__cpp_exceptions)
inline constexpr bool has_exceptions = true;
#else
inline constexpr bool has_exceptions = false;
#endif

// Whether this translation unit is built with AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__) || CORDON_HAS_FEATURE(address_sanitizer)
inline constexpr bool has_address_sanitizer = true;
#else
inline constexpr bool has_address_sanitizer = false;
#endif

// Effects: tells valgrind something, if it runs the program: it knows these instructions, which do nothing elsewhere.
// They are the interface of its valgrind.h, which keeps them; the header itself would be a dependency.
CORDON_ALWAYS_INLINE void valgrind_request(std::uintptr_t request, const volatile void* first,
                                           std::size_t bytes) {
    [[maybe_unused]] const std::uintptr_t words[] = {
        request, reinterpret_cast<std::uintptr_t>(first), bytes, 0, 0, 0};
#if defined(__linux__) && defined(__x86_64__) && !defined(__ILP32__)
    std::uintptr_t answer = 0;
    __asm__ __volatile__("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi\n\t"
                         "xchgq %%rbx, %%rbx"
                         : "+d"(answer)
                         : "a"(&words[0])
                         : "cc", "memory");
#elif defined(__linux__) && defined(__aarch64__) && !defined(__ILP32__)
    __asm__ __volatile__("mov x3, #0\n\tmov x4, %0\n\t"
                         "ror x12, x12, #3; ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61\n\t"
                         "orr x10, x10, x10"
                         :
                         : "r"(&words[0])
                         : "cc", "memory", "x3", "x4");
#endif
}

// One breath of a spin loop: tells the processor that the thread waits.
CORDON_ALWAYS_INLINE void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield" ::: "memory");
#endif
}

} // namespace cordon::inline v0
