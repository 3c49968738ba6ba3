// cordon/platform/default_arena.hpp - the arena of the system that this program is built for.
// SPDX-License-Identifier: BSL-1.0
//
// Where there is none, cordon::arena stays an incomplete type: the memory behind the frames is the embedder's.
#pragma once

#if defined(__linux__)
#include "cordon/platform/arena.hpp"
#endif
