// cordon/inspect/report.hpp - text forms.
// SPDX-License-Identifier: BSL-1.0
#pragma once
