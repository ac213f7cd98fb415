// SPDX-License-Identifier: GPL-2.0-only
/* The states that were seen: whole keys, so nothing is taken for another. */
#include <stdlib.h>

#include "visited.h"

struct visited {
	unsigned int key_bytes;
	u32 count;
	u32 room;
	u32 mask;
	u8 *keys;
	double *values;
	u64 *slots;		/* high half of the hash, index + 1; 0: free */
	size_t bytes[3];	/* that they have: memory is kept for the next run */
};

static void *need(void *p, size_t *have, size_t bytes)
{
	if (*have >= bytes)
		return p;
	*have = bytes;
	p = realloc(p, bytes);
	if (!p)
		abort();
	return p;
}

static void visited_room(struct visited *v, u32 room)
{
	size_t slots = 2 * (size_t)room;

	v->room = room;
	v->mask = (u32)(slots - 1);
	v->keys = need(v->keys, &v->bytes[0], (size_t)room * v->key_bytes);
	v->values = need(v->values, &v->bytes[1], room * sizeof(*v->values));
	v->slots = need(v->slots, &v->bytes[2], slots * sizeof(*v->slots));
	memset(v->slots, 0, slots * sizeof(*v->slots));
}

struct visited *visited_begin(enum visited_set which, unsigned int key_bytes)
{
	static struct visited sets[VISITED_SETS];
	struct visited *v = &sets[which];

	v->key_bytes = key_bytes;
	v->count = 0;
	visited_room(v, 1U << 12);
	return v;
}

static u64 hash(const u8 *key, unsigned int bytes)
{
	u64 h = 0x9e3779b97f4a7c15ULL;
	u64 part;

	for (; bytes >= 8; bytes -= 8, key += 8) {
		memcpy(&part, key, 8);
		h = (h ^ part) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	while (bytes--)
		h = (h ^ *key++) * 0x100000001b3ULL;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 29;
}

/* The free or used slot for @key; a look at the hash mostly spares the key. */
static u64 *visited_slot(struct visited *v, const u8 *key, u64 h)
{
	u32 at = (u32)h & v->mask;
	u64 slot;

	while ((slot = v->slots[at])) {
		if (!((slot ^ h) >> 32) &&
		    !memcmp(v->keys + (size_t)((u32)slot - 1) * v->key_bytes,
			    key, v->key_bytes))
			break;
		at = (at + 1) & v->mask;
	}
	return &v->slots[at];
}

static void visited_grow(struct visited *v)
{
	u32 i, at;

	visited_room(v, 2 * v->room);
	for (i = 0; i < v->count; i++) {
		const u8 *key = v->keys + (size_t)i * v->key_bytes;
		u64 h = hash(key, v->key_bytes);

		for (at = (u32)h & v->mask; v->slots[at];)
			at = (at + 1) & v->mask;
		v->slots[at] = (h >> 32 << 32) | (i + 1);
	}
}

u32 visited_find(struct visited *v, const u8 *key, bool *fresh)
{
	u64 h = hash(key, v->key_bytes);
	u64 *slot;

	if (v->count == v->room)
		visited_grow(v);
	slot = visited_slot(v, key, h);
	*fresh = !*slot;
	if (*fresh) {
		memcpy(v->keys + (size_t)v->count * v->key_bytes, key,
		       v->key_bytes);
		*slot = (h >> 32 << 32) | ++v->count;
	}
	return (u32)*slot - 1;
}

double *visited_value(struct visited *v, u32 index)
{
	return &v->values[index];
}

const u8 *visited_key(const struct visited *v, u32 index)
{
	return v->keys + (size_t)index * v->key_bytes;
}

u32 visited_count(const struct visited *v)
{
	return v->count;
}
