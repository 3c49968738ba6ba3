// expect-error: cached_orders_are_listed_once
// Which of the capacities would it be?
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr cordon::cached_order cached_orders[] = {{0, 512}, {3, 64}, {0, 64}};
};
template class cordon::basic_zone<wrong_policy>;
