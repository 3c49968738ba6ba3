// explorer/fibre.hpp - fibre: a stack of its own that can be left, resumed, and started anew.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <ucontext.h>

namespace cordon::explorer {

// makecontext once; then _setjmp and _longjmp, which make no system call.
class fibre {
public:
    using function = void (*)(void*);

    // The fibre of the caller: a place to come back to.
    fibre() = default;
    fibre(const fibre&) = delete;
    fibre& operator=(const fibre&) = delete;

    // Effects: gives the fibre a stack on which body(argument) will run. body never returns: it leaves.
    void create(function body, void* argument) {
        if (!stack_) {
            stack_ = std::make_unique<std::byte[]>(stack_bytes);
            ::getcontext(&context_);
            context_.uc_stack.ss_sp = stack_.get();
            context_.uc_stack.ss_size = stack_bytes;
            starting = this;
            ::makecontext(&context_, &trampoline, 0);
            ::swapcontext(&creator_, &context_);
        }
        body_ = body;
        argument_ = argument;
    }
    // Effects: whatever the fibre was at is forgotten; it will enter body again.
    void restart() { std::memcpy(&here_, &base_, sizeof(std::jmp_buf)); }

    // Effects: leaves `from`, which must be the running fibre, and resumes `to`.
    static void change(fibre& from, fibre& to) {
        if (_setjmp(from.here_) == 0) _longjmp(to.here_, 1);
    }

private:
    static constexpr std::size_t stack_bytes = 128 * 1024;
    static inline fibre* starting = nullptr;

    static void trampoline() {
        fibre* const volatile self = starting; // stays where it is, for the restarts
        if (_setjmp(self->base_) == 0) ::setcontext(&self->creator_);
        self->body_(self->argument_);
        std::abort();
    }

    std::jmp_buf here_{};
    std::jmp_buf base_{};
    ucontext_t context_{};
    ucontext_t creator_{};
    std::unique_ptr<std::byte[]> stack_;
    function body_ = nullptr;
    void* argument_ = nullptr;
};

} // namespace cordon::explorer
