// cordon/core/b.hpp - another file.
// SPDX-License-Identifier: BSL-1.0
#pragma once
