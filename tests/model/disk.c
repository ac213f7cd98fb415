// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk with a volatile cache, as the block layer promises it: a completed
 * flush covers the writes that had completed when it was issued, a completed
 * FUA write is durable by itself, anything else may be lost or not, block by
 * block.
 */
#include "model.h"

void disk_issue(struct disk *d, int i)
{
	if (d->flight & bit(i) || d->done & bit(i))
		violated('c', "issued to the backup's disk twice");
	d->flight |= bit(i);
}

void disk_land(struct disk *d, int i)
{
	int b;

	d->landed |= bit(i);
	d->visible |= bit(i);
	for (b = 0; b < BLOCKS; b++) {
		if (!covers(i, b))
			continue;
		/* A second try writes the same again. */
		if (!d->depth[b] || d->layer[b][d->depth[b] - 1] != i + 1)
			d->layer[b][d->depth[b]++] = (u8)(i + 1);
		if (!(config->flags & F_CACHE))
			d->floor[b] = d->depth[b];
	}
}

static u8 disk_newest(const struct disk *d, int b, u8 of)
{
	u8 n = d->depth[b];

	while (n && !(bit(d->layer[b][n - 1] - 1) & of))
		n--;
	return n;
}

void disk_complete(struct disk *d, int i)
{
	int b;

	if (!(d->landed & bit(i)))
		disk_land(d, i);
	d->flight &= ~bit(i);
	d->landed &= ~bit(i);
	d->done |= bit(i);
	if (!(item_of(i)->flags & HM_FUA))
		return;
	for (b = 0; b < BLOCKS; b++) {
		if (covers(i, b))
			d->floor[b] = max(d->floor[b],
					  disk_newest(d, b, (u8)bit(i)));
	}
}

void disk_fail(struct disk *d, int i)
{
	d->flight &= ~bit(i);
	d->landed &= ~bit(i);
}

void disk_flush_start(struct disk *d)
{
	int b;

	if (d->flushing)
		violated('f', "a flush was begun while another was running");
	d->flushing = true;
	for (b = 0; b < BLOCKS; b++)
		d->covered[b] = disk_newest(d, b, d->done);
}

void disk_flush_done(struct disk *d)
{
	int b;

	d->flushing = false;
	for (b = 0; b < BLOCKS; b++) {
		if (!(config->flags & F_LIE_FLUSH))
			d->floor[b] = max(d->floor[b], d->covered[b]);
		d->covered[b] = 0;
	}
}

/* It is on the disk after a loss of power, or overwritten. */
bool disk_survives(const struct disk *d, int i)
{
	int b, n;

	for (b = 0; b < BLOCKS; b++) {
		if (!covers(i, b))
			continue;
		for (n = 0; n < d->floor[b]; n++) {
			if (d->layer[b][n] == i + 1)
				break;
		}
		if (n == d->floor[b])
			return false;
	}
	return true;
}
