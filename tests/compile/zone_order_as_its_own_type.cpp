// expect-error: P::pageblock_order..?.? does not satisfy|convertible_to<const cordon::order
// A policy says its orders as plain numbers: the compiler says what they must convert to, not that a comparison is wrong.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    static constexpr cordon::order pageblock_order{9};
};
template class cordon::basic_zone<wrong_policy>;
