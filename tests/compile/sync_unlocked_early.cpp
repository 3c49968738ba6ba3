// expect-error(clang): writing variable 'sum_' requires holding lock 'lock_' exclusively
// A write after the guard has been unlocked early.
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"

class tally {
public:
    void add(int n) {
        cordon::guard section{lock_};
        section.unlock();
        sum_ += n;
    }

private:
    cordon::spin_lock<> lock_;
    int sum_ CORDON_GUARDED_BY(lock_) = 0;
};
