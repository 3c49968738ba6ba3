// expect-error: cached_orders_hold_at_least_one_run
// An order that is not to be cached is left out.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr cordon::cached_order cached_orders[] = {{0, 512}, {3, 0}};
};
template class cordon::basic_zone<wrong_policy>;
