// A small program that uses cordon: exits with 0 if it works, and the headers are of the version that CMake says.
// SPDX-License-Identifier: BSL-1.0
#include <cordon/cordon.hpp>

#include <cstdio>
#include <cstring>

int main() {
    cordon::arena ram{cordon::frame_count{1024}};
    cordon::zone zone{ram.frames()};
    const cordon::result<cordon::frame> f = zone.allocate();
    if (!f) return 1;
    zone.free(*f);

    char version[32];
    std::snprintf(version, sizeof version, "%d.%d.%d", cordon::version_major, cordon::version_minor,
                  cordon::version_patch);
    std::printf("headers %s, package %s\n", version, PACKAGE_VERSION);
    return std::strcmp(version, PACKAGE_VERSION) == 0 ? 0 : 1;
}
