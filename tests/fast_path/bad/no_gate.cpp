// expect: hit_allocate: no busy = 1:
extern "C" unsigned hit_allocate(unsigned& count) {
    return --count;
}

int main() {}
