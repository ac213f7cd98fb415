// SPDX-License-Identifier: GPL-2.0-only
/* Nothing is broken. */
#include "../generations.h"

const char *const control;
