// cordon/cordon.hpp - everything public, for hosted programs; adapters are included one by one.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cordon/core/text.hpp"
#include "cordon/core/types.hpp"
#include "cordon/inspect/frame_map.hpp"
#include "cordon/isolation/lru_migrator.hpp"
#include "cordon/lru.hpp"
#include "cordon/platform/default_arena.hpp"
#include "cordon/sync/lock_counter.hpp"
#include "cordon/sync/ticket_lock.hpp"
#include "cordon/version.hpp"
#include "cordon/zone.hpp"
#include "cordon/zone/annotated_policy.hpp"
#include "cordon/zone/checked_policy.hpp"
