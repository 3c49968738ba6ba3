// cordon/platform/default_system.hpp - host_system: the calls of the system that this program is built for.
// SPDX-License-Identifier: BSL-1.0
//
//   mutex                         constant-initialised; lock(), unlock()
//   at_fork<before, in_parent, in_child>()
//                                 has them called around each fork(); again is cheap, and changes nothing
//   at_thread_exit<leave>(value)  has leave(value) called when this thread ends, once; false: it will not be
//   now()                         nanoseconds since some moment; never goes back
//   sleep_shortly()               as shortly as the system can
//   map(bytes), unmap(at, bytes)  zeroed pages that cost nothing until they are written; null when there are none
#pragma once

#if defined(_WIN32)
#include "cordon/platform/windows/system.hpp"
#else
#include "cordon/platform/posix/system.hpp"
#endif
