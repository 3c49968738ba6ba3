// expect-error: basic_lockable
// A policy with a member of the wrong kind: the compiler names the member, or what it must be.
#include "cordon/zone.hpp"

struct wrong_policy : cordon::default_policy {
    using zone_lock = int;
};
template class cordon::basic_zone<wrong_policy>;
