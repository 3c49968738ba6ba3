// cordon/fwd.hpp - forward declarations, and the names of the usual instances.
// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace cordon::inline v0 {

struct default_policy;
struct single_threaded_policy;
struct bare_policy;

template <class Policy>
class basic_zone;
// The hosted default: threads, and misuse is reported and aborts.
using zone = basic_zone<default_policy>;

class arena;

} // namespace cordon::inline v0
