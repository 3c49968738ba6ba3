// cordon/lru/pinned_frame.hpp - pinned_frame: a pin for as long as it lives.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/lru/core.hpp"

#include <utility>

namespace cordon::inline v0 {

template <class R, class P>
class [[nodiscard]] pinned_frame {
public:
    pinned_frame() = default;
    // Requires: the frame is pinned, and this pin is the new owner's to take back.
    pinned_frame(lru_core<R, P>& tracker, frame_index i) : tracker_(&tracker), index_(i) {}
    pinned_frame(pinned_frame&& other) noexcept
        : tracker_(std::exchange(other.tracker_, nullptr)), index_(other.index_) {}
    pinned_frame& operator=(pinned_frame&& other) noexcept {
        if (this != &other) {
            unpin();
            tracker_ = std::exchange(other.tracker_, nullptr);
            index_ = other.index_;
        }
        return *this;
    }
    ~pinned_frame() { unpin(); }

    [[nodiscard]] frame get() const {
        return tracker_ == nullptr ? frame::none() : tracker_->frame_at(index_);
    }
    [[nodiscard]] explicit operator bool() const { return tracker_ != nullptr; }
    // Effects: gives the pin up before its end.
    void unpin() {
        if (tracker_ != nullptr) (void)std::exchange(tracker_, nullptr)->unpin(index_);
    }

private:
    lru_core<R, P>* tracker_ = nullptr;
    frame_index index_;
};

} // namespace cordon::inline v0
