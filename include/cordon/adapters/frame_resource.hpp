// cordon/adapters/frame_resource.hpp - frame_resource: a zone and its memory as a std::pmr::memory_resource.
// SPDX-License-Identifier: BSL-1.0
//
// The layer `adapters` gives a zone the shape that other libraries ask for. It is the only one that throws, because
// only there does the standard demand it; so cordon.hpp leaves it out, and its users include it themselves.
#pragma once

#include "cordon/core/status.hpp"
#include "cordon/core/types.hpp"
#include "cordon/frames/migrate_type.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <span>
#include <stdexcept>

namespace cordon::inline v0 {

// Each allocation is a run of 2^k frames: meant for large blocks, and as the upstream of a std::pmr pool or monotonic
// buffer for small ones. As safe to use from several threads as the zone is.
template <class Zone>
class frame_resource : public std::pmr::memory_resource {
public:
    // Throws: std::invalid_argument unless `memory` is 2^n bytes a frame of the source. Both outlive the resource.
    // Pass movable only if the container can be told that its memory has moved; then its blocks can be emptied.
    explicit frame_resource(Zone& source, std::span<std::byte> memory,
                            migrate_type type = migrate_type::unmovable)
        : zone_(source), memory_(memory), frame_bytes_(bytes_of_frame(source, memory)), type_(type) {}

    // Returns: the run's order for so many bytes with that alignment; above every order if there is none.
    [[nodiscard]] order order_of(std::size_t bytes, std::size_t alignment) const {
        const std::size_t least = bytes < alignment ? alignment : bytes;
        const std::size_t frames = least / frame_bytes_ + (least % frame_bytes_ != 0 ? 1 : 0);
        return order{frames < 2 ? 0 : static_cast<unsigned>(std::bit_width(frames - 1))};
    }
    // Returns: the frame that the byte lies in; none outside.
    [[nodiscard]] frame frame_of(const void* byte) const {
        const std::size_t offset = offset_of(byte);
        if (offset >= memory_.size()) return frame::none();
        return zone_.frames().first() + frame_count{offset / frame_bytes_};
    }

private:
    // Throws: std::bad_alloc, with the zone unchanged. Alignment above a frame needs memory that is aligned as the
    // frame numbers are, which that of an arena is whose first frame is 0.
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        const order k = order_of(bytes, alignment);
        const result<frame> head = zone_.allocate(k, type_);
        if (!head) throw std::bad_alloc{};
        std::byte* const at = memory_.data() + (*head - zone_.frames().first()).raw() * frame_bytes_;
        if (reinterpret_cast<std::uintptr_t>(at) % alignment == 0) return at;
        zone_.free(*head, k);
        throw std::bad_alloc{};
    }
    // What was not allocated with this size and alignment goes to the misuse handler, with the zone unchanged.
    void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
        const bool is_start = offset_of(at) % frame_bytes_ == 0;
        zone_.free(is_start ? frame_of(at) : frame::none(), order_of(bytes, alignment));
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }
    [[nodiscard]] std::size_t offset_of(const void* byte) const {
        return reinterpret_cast<std::uintptr_t>(byte) - reinterpret_cast<std::uintptr_t>(memory_.data());
    }
    static std::size_t bytes_of_frame(const Zone& source, std::span<std::byte> memory) {
        const std::uint64_t frames = source.frames().count().raw();
        if (frames == 0 || memory.size() % frames != 0 || !std::has_single_bit(memory.size() / frames))
            throw std::invalid_argument{"frame_resource: not 2^n bytes of memory for each frame of the zone"};
        return static_cast<std::size_t>(memory.size() / frames);
    }

    Zone& zone_;
    std::span<std::byte> memory_;
    std::size_t frame_bytes_;
    migrate_type type_;
};

} // namespace cordon::inline v0
