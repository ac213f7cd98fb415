// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the log holds: the updates that are performed when the volume is loaded,
 * found by the code that finds them then.
 */
#include <stdlib.h>

#include "meta.h"
#include "walk.h"

static void keep(struct meta *m, const struct hm_record *r, u64 byte)
{
	void *more;

	/* Doubled whenever it is full. */
	if (!(m->updates & (m->updates - 1))) {
		more = realloc(m->log, (m->updates ? m->updates * 2 : 1) *
			       sizeof(*m->log));
		if (!more)
			fail("no memory");
		m->log = more;
	}
	m->log[m->updates].update = r->update;
	m->log[m->updates].byte = byte;
	m->log[m->updates].bytes = r->payload;
	m->updates++;
}

static void take_batch(struct meta *m, struct hm_walk *w, u64 block,
		       const u8 *head)
{
	const struct hm_disk_batch *d = (const struct hm_disk_batch *)head;
	const u8 *payloads = head + HM_META_BLOCK;
	u64 byte = (block + 1) * HM_META_BLOCK;
	struct hm_record r;
	u32 offset = 0;

	while (hm_walk_record(w, d, payloads, &r)) {
		keep(m, &r, byte + offset);
		offset = w->offset;
	}
}

/* Has the superblock been written since @m was read? */
static bool has_gone_on(const struct meta *m, int fd, const char *path)
{
	u8 *copies = blocks_of_memory(HM_SUPER_COPIES);
	struct hm_super s;
	bool same;
	u32 i;

	for (i = 0; i < HM_SUPER_COPIES; i++)
		read_block(fd, path, i, copies + i * HM_META_BLOCK);
	same = hm_format_choose(copies, copies + HM_META_BLOCK, &s) ==
	       HM_FORMAT_OK && s.sequence == m->s.sequence;
	free(copies);
	return !same;
}

/*
 * @m->s says that there is a log. Returns false if it went round under our eyes:
 * begin again.
 */
bool read_log(struct meta *m, int fd, const char *path)
{
	u8 *head = blocks_of_memory(1 + HM_BATCH_PAYLOAD / HM_META_BLOCK);
	u64 position, block;
	struct hm_walk w;
	u32 i, blocks;

	/* The size of the disk's blocks is not known here. */
	hm_walk_begin(&w, &m->s, m->s.sectors, 1U << HM_SECTOR_SHIFT);
	while (hm_walk_where(&w, &position)) {
		block = hm_ring_sector(m->s.bitmap_blocks, &w.ring, position) /
			(HM_META_BLOCK / HM_META_SECTOR);
		if (!read_block(fd, path, block, head))
			fail("%s is smaller than its log", path);
		if (!hm_walk_batch(&w, (const struct hm_disk_batch *)head))
			continue;
		blocks = hm_batch_blocks(w.batch.payload);
		for (i = 1; i < blocks; i++) {
			if (!read_block(fd, path, block + i,
					head + i * HM_META_BLOCK))
				fail("%s is smaller than its log", path);
		}
		take_batch(m, &w, block, head);
	}
	m->log_seq = w.seq;
	m->log_group = w.group;
	m->log_damaged = w.damaged;
	free(head);
	if (m->log_damaged)
		m->verdict = HM_FORMAT_LOG;
	return !m->log_damaged || !has_gone_on(m, fd, path);
}
