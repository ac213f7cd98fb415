/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core/ may use of its surroundings: fixed-width types, endian helpers,
 * 64-bit division, linked lists, bitmaps, string functions and crc32c. In the kernel these are the
 * kernel's own; in userspace (tests, tools) a small shim gives the same names.
 * core/ includes this file and its own headers, nothing else.
 */
#ifndef HM_CORE_ENV_H
#define HM_CORE_ENV_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/string.h>
#include <linux/stddef.h>
#include <linux/crc32c.h>
#include <asm/byteorder.h>
#else
#include "hm-userspace.h"
#endif

#endif
