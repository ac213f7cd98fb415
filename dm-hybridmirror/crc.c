// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checksum of payloads, CRC-32C. The kernel has two: crc32c(), which takes the
 * processor's instruction where a module for it was there in time, and
 * __crc32c_le(), which takes tables. Usually the first one is the faster one by far;
 * not so if nothing loaded that module, or if the processor is emulated and its
 * instruction with it. So the faster one is found out, as the kernel's raid6 and xor
 * do with theirs.
 */
#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/gfp.h>
#include <linux/ktime.h>

#include "hm.h"

#define HM_CRC_ROUNDS	8

static bool hm_crc_tables __ro_after_init;

/**
 * hm_crc() - checksum some bytes of a payload
 * @crc: of what comes before; HM_CRC_SEED at first
 * @from: the bytes
 * @bytes: how many
 *
 * Return: the checksum.
 *
 * Context: any.
 */
u32 hm_crc(u32 crc, const void *from, size_t bytes)
{
	return hm_crc_tables ? __crc32c_le(crc, from, bytes) :
			       crc32c(crc, from, bytes);
}

/* Nanoseconds for a page; the least, since others may take the processor. */
static u64 __init hm_crc_time(const void *page, bool tables)
{
	u64 least = U64_MAX, begun;
	u32 crc = HM_CRC_SEED;
	unsigned int i;

	hm_crc_tables = tables;
	for (i = 0; i < HM_CRC_ROUNDS; i++) {
		begun = ktime_get_ns();
		crc = hm_crc(crc, page, PAGE_SIZE);
		/* A pure function whose result nobody wants may be left out. */
		OPTIMIZER_HIDE_VAR(crc);
		least = min(least, ktime_get_ns() - begun);
	}
	return least;
}

/**
 * hm_crc_choose() - find out which one is faster
 *
 * Context: process; the module is being loaded.
 */
void __init hm_crc_choose(void)
{
	void *page = (void *)get_zeroed_page(GFP_KERNEL);
	u64 tables, library;

	if (!page)
		return;
	tables = hm_crc_time(page, true);
	library = hm_crc_time(page, false);
	hm_crc_tables = tables < library;
	free_page((unsigned long)page);
}
