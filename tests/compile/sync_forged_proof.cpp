// expect-error: (is private within this context|calling a private constructor)
// A proof made without a guard.
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"

void link(cordon::held<cordon::spin_lock<>>);

void without_the_lock(cordon::spin_lock<>& lock) {
    link(cordon::held<cordon::spin_lock<>>{&lock});
}
