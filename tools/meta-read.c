// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a metadata device, past the page cache wherever possible: the module
 * writes past it as well.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meta.h"

void fail(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, fmt);
	fputs("hm-meta: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_UNREADABLE);
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);

	if (fd < 0 && errno == EINVAL)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("cannot open %s: %s", path, strerror(errno));
	return fd;
}

/* One block; false if the device ends before it does. */
bool read_block(int fd, const char *path, u64 block, u8 *to)
{
	off_t at = (off_t)(block * HM_META_BLOCK);
	ssize_t got;

	do {
		got = pread(fd, to, HM_META_BLOCK, at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		fail("cannot read %s at byte %lld: %s", path, (long long)at,
		     strerror(errno));
	return got == HM_META_BLOCK;
}

u8 *blocks_of_memory(unsigned int blocks)
{
	void *memory;

	if (posix_memalign(&memory, HM_META_BLOCK, blocks * HM_META_BLOCK))
		fail("no memory");
	return memory;
}

static void look_at_copy(struct meta *m, unsigned int i, const u8 *block)
{
	const struct hm_disk_super *d = (const struct hm_disk_super *)block;
	struct hm_super s;

	m->copy[i] = hm_decode_super(d, &s);
	m->sequence[i] = m->copy[i] == HM_FORMAT_OK ? s.sequence : 0;
}

static void read_super(struct meta *m, int fd, const char *path)
{
	u8 *copies = blocks_of_memory(HM_SUPER_COPIES);
	unsigned int i;

	for (i = 0; i < HM_SUPER_COPIES; i++) {
		if (!read_block(fd, path, i, copies + i * HM_META_BLOCK))
			fail("%s is too small for any metadata", path);
		look_at_copy(m, i, copies + i * HM_META_BLOCK);
	}
	m->verdict = hm_format_choose(copies, copies + HM_META_BLOCK, &m->s);
	m->counts = -1;
	for (i = 0; i < HM_SUPER_COPIES && m->verdict == HM_FORMAT_OK; i++) {
		if (m->counts < 0 && m->copy[i] == HM_FORMAT_OK &&
		    m->sequence[i] == m->s.sequence)
			m->counts = (int)i;
	}
	free(copies);
}

static void lose_block(struct meta *m, u32 block)
{
	u32 first = block * HM_BLOCK_REGIONS;
	u32 n = min(HM_BLOCK_REGIONS, m->r.count - first);

	m->verdict = HM_FORMAT_BITMAP;
	m->damaged_blocks++;
	bitmap_set(m->r.dirty, first, n);
	m->r.dirty_count += n;
}

static void read_bitmap(struct meta *m, int fd, const char *path)
{
	u8 *block = blocks_of_memory(1);
	u64 sector, sectors, from = 0;
	u32 i;

	for (i = 0; i < m->s.bitmap_blocks; i++) {
		if (!read_block(fd, path, HM_BITMAP_START + i, block) ||
		    hm_decode_bitmap(block, i, &m->r) != HM_FORMAT_OK)
			lose_block(m, i);
	}
	while (hm_regions_next_dirty(&m->r, from, &sector, &sectors)) {
		m->dirty_sectors += sectors;
		from = sector + sectors;
	}
	free(block);
}

static bool read_all(struct meta *m, int fd, const char *path)
{
	void *memory;

	memset(m, 0, sizeof(*m));
	read_super(m, fd, path);
	if (m->verdict == HM_FORMAT_OK) {
		memory = calloc(1, hm_regions_bytes(m->s.sectors,
						    m->s.region_shift));
		if (!memory)
			fail("no memory");
		hm_regions_init(&m->r, m->s.sectors, m->s.region_shift, memory);
		read_bitmap(m, fd, path);
		if (m->s.logged)
			return read_log(m, fd, path);
	}
	return true;
}

void meta_read(struct meta *m, const char *path)
{
	int fd = open_device(path);

	while (!read_all(m, fd, path))
		meta_free(m);
	close(fd);
}

void meta_free(struct meta *m)
{
	/* The first array is where the memory begins. */
	free(m->r.dirty);
	free(m->log);
}
