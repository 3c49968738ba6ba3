// cordon/core/a.hpp - a fixture of the lint.
// SPDX-License-Identifier: BSL-1.0
