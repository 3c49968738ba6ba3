// The smallest program that uses cordon: exits with 0 if the headers are of the version that CMake says.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>

#include <cstdio>
#include <cstring>

int main() {
    char version[32];
    std::snprintf(version, sizeof version, "%d.%d.%d", cordon::version_major, cordon::version_minor,
                  cordon::version_patch);
    std::printf("headers %s, package %s\n", version, PACKAGE_VERSION);
    return std::strcmp(version, PACKAGE_VERSION) == 0 ? 0 : 1;
}
