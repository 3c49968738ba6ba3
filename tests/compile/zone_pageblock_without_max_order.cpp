// expect-error: zone/policy.hpp says what each member is
// Smaller pageblocks with the largest order of large ones: the compiler says where to read, and which rule is broken.
#include "cordon/zone.hpp"

struct small_blocks_policy : cordon::default_policy {
    static constexpr unsigned pageblock_order = 7;
};
template class cordon::basic_zone<small_blocks_policy>;
