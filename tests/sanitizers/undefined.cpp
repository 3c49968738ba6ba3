// sanitizers/undefined.cpp - undefined <bug>: does what UndefinedBehaviorSanitizer must report.
// SPDX-License-Identifier: BSL-1.0
#include <cstddef>
#include <iostream>
#include <limits>
#include <string_view>

int main(int argc, char** argv) {
    const std::string_view bug = argc == 2 ? argv[1] : "";
    alignas(int) std::byte bytes[2 * sizeof(int)]{};
    volatile int number = std::numeric_limits<int>::max();
    volatile std::size_t at = 1;
    if (bug == "signed_overflow") {
        number = number + 1;
    } else if (bug == "misaligned") {
        number = *reinterpret_cast<int*>(bytes + at);
    } else {
        std::cerr << "usage: undefined signed_overflow | misaligned\n";
        return 2;
    }
    std::cout << "no report; " << number << '\n';
}
