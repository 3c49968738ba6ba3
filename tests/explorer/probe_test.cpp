#include "explorer/zone_world.hpp"
#include <cstdio>
using namespace cordon; using namespace cordon::explorer;

template <unsigned Owners, unsigned Ops, unsigned Drainers, class Policy = explored_policy>
struct drain_against_owners : zone_world<Policy, 2> {
    using base = zone_world<Policy, 2>;
    static constexpr unsigned threads = Owners + Drainers;
    frame held[Owners];
    drain_against_owners() {
        for (unsigned t = 0; t != Owners; ++t) { this->warm(t, 1); held[t] = this->hold(t, frame{100 + t}); }
    }
    void run(unsigned t) {
        if (t >= Owners) { expect(this->zone.drain() == status::ok, "drain"); return; }
        for (unsigned op = 0; op != Ops; ++op)
            if (op % 2 == 0) {
                const auto f = this->allocate();
                expect(bool{f}, "alloc");
                const frame g = std::exchange(held[t], *f);
                (void)g;
                if (op + 1 < Ops) this->free(g); else { keep[t] = g; }
            } else { this->free(held[t]); held[t] = *this->allocate(); }
    }
    void check() { this->check_frames(); }
    void label(names& n) const { this->label_zone(n); }
    frame keep[Owners];
};
struct weak_policy : explored_policy { using gate = membarrier_gate<atomics, missing_barrier, clock, backoff>; };
struct local_policy : explored_policy { using gate = membarrier_gate<atomics, local_barrier, clock, backoff>; };
template <class S> void go(const char* name, options how = {}) {
    how.name = name; how.most = 3000000;
    auto r = explore<S>(how);
    std::printf("%s: %s exhausted %d restarts %u rate %.0f/s\n", name, r.report().c_str(), r.exhausted, r.restarts, double(r.executions + r.pruned) / r.seconds);
    std::fflush(stdout);
}
int main() {
    options s; s.reduce = reduction::sleep;
    go<drain_against_owners<1, 1, 1>>("1x1x1 races");
    go<drain_against_owners<1, 1, 1>>("1x1x1 sleep", s);
    s.model = memory_model::sc;
    go<drain_against_owners<1, 1, 1>>("1x1x1 sleep sc", s);
    s.reduce = reduction::races;
    go<drain_against_owners<1, 1, 1>>("1x1x1 races sc", s);
}
