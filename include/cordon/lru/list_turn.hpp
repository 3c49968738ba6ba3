// cordon/lru/list_turn.hpp - list_turn: a scan on its way through a list whose entries move one by one.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/frames/geometry.hpp"

namespace cordon::inline v0 {

// What ring_lists::turn is to its lists; all of the list is one turn.
template <class Lists>
class list_turn {
    using entry = typename Lists::entry;
    using place = typename Lists::place;

public:
    list_turn(Lists& all, place at) : all_(all), at_(at) {}
    [[nodiscard]] bool oldest(entry& out) const { return all_.oldest(at_, out); }
    [[nodiscard]] frame_index ahead() const { return all_.ahead(at_); }
    void keep(entry e) { all_.pass(at_, at_, e); }
    void pass(place to, entry e) { all_.pass(at_, to, e); }
    void drop(entry e, bool was_current) { all_.drop(at_, e, was_current); }

private:
    Lists& all_;
    place at_;
};

} // namespace cordon::inline v0
