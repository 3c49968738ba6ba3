// cordon/core/a.hpp - a fixture of the lint.
#pragma once
