// expect-error: max_order <= P::pageblock_order \+ 9
// A policy whose orders do not fit together is refused by the concept, before anything is made of it.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr unsigned pageblock_order = 6; // max_order is 18
};
template class cordon::basic_zone<wrong_policy>;
