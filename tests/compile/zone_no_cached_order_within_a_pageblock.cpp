// expect-error: cached_orders_have_one_within_a_pageblock
// Runs of several pageblocks are not cached, so nothing would be.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr cordon::cached_order cached_orders[] = {{10, 4}};
};
template class cordon::basic_zone<wrong_policy>;
