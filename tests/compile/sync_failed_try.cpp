// expect-error(clang): writing variable 'sum_' requires holding lock 'lock_' exclusively
// A write on the path where the lock was not had in time.
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"
#include "cordon/sync/timed_lock.hpp"

struct any_clock {
    static std::uint64_t now();
};

class tally {
public:
    void add(int n) {
        if (cordon::lock_until<any_clock, cordon::pause_backoff>(lock_, 0)) {
            lock_.unlock();
            return;
        }
        sum_ += n;
    }

private:
    cordon::spin_lock<> lock_;
    int sum_ CORDON_GUARDED_BY(lock_) = 0;
};
