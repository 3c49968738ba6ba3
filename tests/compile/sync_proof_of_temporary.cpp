// expect-error: (use of deleted function|call to deleted member function)
// The proof of a guard without a name.
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"

void link(cordon::held<cordon::spin_lock<>>);

void without_a_scope(cordon::spin_lock<>& lock) {
    link(cordon::guard{lock}.proof());
}
