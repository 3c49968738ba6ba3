// expect-error(clang): calling function 'add_locked' requires holding lock 'lock_' exclusively
// A call with the proof of another lock of the same type: the token fits, the attribute does not.
#include "cordon/sync/guard.hpp"
#include "cordon/sync/spin_lock.hpp"

class tally {
public:
    void add(int n) {
        cordon::guard section{other_lock_};
        add_locked(n, section.proof());
    }

private:
    void add_locked(int n, cordon::held<cordon::spin_lock<>>) CORDON_REQUIRES(lock_) { sum_ += n; }

    cordon::spin_lock<> lock_;
    cordon::spin_lock<> other_lock_;
    int sum_ CORDON_GUARDED_BY(lock_) = 0;
};
