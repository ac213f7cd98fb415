// SPDX-License-Identifier: GPL-2.0-only
/* Nothing is broken. */
#include "../model.h"

const char *const control;
