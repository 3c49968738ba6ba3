// expect-error: cached_orders_are_within_a_pageblock
// Its runs span two pageblocks, and a cache looks at one.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr cordon::cached_order cached_orders[] = {{0, 512}, {10, 4}};
};
template class cordon::basic_zone<wrong_policy>;
