// expect: hit_allocate: no way to ret without a call
extern "C" __attribute__((noinline)) void refill(unsigned& count) {
    asm volatile("" : "+m"(count));
}
extern "C" unsigned hit_allocate(unsigned& count) {
    refill(count);
    return count;
}

int main() {}
