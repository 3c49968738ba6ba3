// expect of free_one: \+ g\+\+-12 +free_one +[0-9]+ +[0-9]+ +[0-9]+ +3 +0
#include <cordon/cordon.hpp>

struct unchecked_policy : cordon::default_policy {
    static constexpr cordon::check_level checks = cordon::check_level::none;
};

extern "C" void free_one(cordon::basic_zone<unchecked_policy>& zone, std::uint32_t f) {
    zone.free(cordon::frame{f});
}

int main() {}
