// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a stamp is: where it goes, what it holds, whether it is whole.
 */
#include <string.h>
#include <time.h>

#include "stamp.h"

/* The finalizer of splitmix64: every input bit reaches every output bit. */
uint64_t stamp_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t update_hash(uint64_t seed, uint32_t writer, uint64_t update)
{
	return stamp_mix(stamp_mix(stamp_mix(seed) ^ writer) ^ update);
}

/* Writer w owns the blocks b with b % writers == w, on every volume. */
void stamp_locate(const struct geometry *geo, uint32_t writer, uint64_t update,
		  uint32_t *volume, uint64_t *block)
{
	uint64_t hash = update_hash(geo->seed, writer, update);
	uint64_t owned = (geo->blocks - 1 - writer) / geo->writers + 1;

	*volume = (uint32_t)((hash >> 32) % geo->volumes);
	*block = writer + stamp_mix(hash) % owned * geo->writers;
}

static size_t stamp_words(uint32_t block_size)
{
	return block_size / sizeof(uint64_t);
}

static size_t header_words(uint32_t writers)
{
	return sizeof(struct stamp) / sizeof(uint64_t) + writers;
}

bool stamp_fits(uint32_t block_size, uint32_t writers)
{
	return header_words(writers) + 1 <= stamp_words(block_size);
}

/*
 * Everything but the vector, the time and the checksum. It is apart from
 * stamp_seal() because it takes longest and the vector should be fresh.
 */
void stamp_fill(const struct geometry *geo, uint32_t writer, uint64_t update,
		struct stamp *stamp)
{
	uint64_t *word = (uint64_t *)stamp;
	uint64_t hash = ~update_hash(geo->seed, writer, update);
	size_t i;

	stamp->magic = STAMP_MAGIC;
	stamp->geo = *geo;
	stamp->writer = writer;
	stamp->update = update;
	stamp_locate(geo, writer, update, &stamp->volume, &stamp->block);
	for (i = header_words(geo->writers);
	     i < stamp_words(geo->block_size) - 1; i++)
		word[i] = stamp_mix(hash + i);
}

/*
 * Each step is a bijection of the state for a given word and of the word for
 * a given state: a change confined to one word never goes unnoticed.
 */
static uint64_t checksum(const struct stamp *stamp)
{
	const uint64_t *word = (const uint64_t *)stamp;
	size_t i, words = stamp_words(stamp->geo.block_size) - 1;
	uint64_t sum = words;

	for (i = 0; i < words; i++) {
		sum = (sum ^ word[i]) * 0xff51afd7ed558ccdULL;
		sum ^= sum >> 32;
	}
	return stamp_mix(sum);
}

void stamp_seal(struct stamp *stamp)
{
	uint64_t *word = (uint64_t *)stamp;

	word[stamp_words(stamp->geo.block_size) - 1] = checksum(stamp);
}

static bool geometry_valid(const struct geometry *geo, size_t room)
{
	if (geo->block_size < MIN_BLOCK || geo->block_size > MAX_BLOCK ||
	    geo->block_size & (geo->block_size - 1) || geo->block_size > room)
		return false;
	if (!geo->writers || geo->writers > MAX_WRITERS ||
	    !geo->volumes || geo->volumes > MAX_VOLUMES)
		return false;
	return geo->blocks >= geo->writers && geo->blocks <= MAX_BLOCKS &&
	       geo->ordering <= ORDER_FLUSH &&
	       stamp_fits(geo->block_size, geo->writers);
}

/* Is this a whole stamp, of whatever run? @room bytes may be looked at. */
bool stamp_valid(const struct stamp *stamp, size_t room)
{
	const struct geometry *geo = &stamp->geo;
	const uint64_t *word = (const uint64_t *)stamp;
	uint32_t volume;
	uint64_t block;

	if (stamp->magic != STAMP_MAGIC || !geometry_valid(geo, room))
		return false;
	if (word[stamp_words(geo->block_size) - 1] != checksum(stamp))
		return false;
	if (stamp->writer >= geo->writers || !stamp->update ||
	    stamp->update > MAX_UPDATES ||
	    stamp->acked[stamp->writer] >= stamp->update)
		return false;
	stamp_locate(geo, stamp->writer, stamp->update, &volume, &block);
	return stamp->volume == volume && stamp->block == block;
}

bool same_run(const struct geometry *a, const struct geometry *b)
{
	return a->seed == b->seed && a->block_size == b->block_size &&
	       a->writers == b->writers && a->volumes == b->volumes &&
	       a->ordering == b->ordering && a->blocks == b->blocks;
}

const char *ordering_name(uint32_t ordering)
{
	return ordering == ORDER_FLUSH ? "flush" : "completion";
}

void format_time(uint64_t ns, char *buf, size_t size)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char date[32];
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(buf, size, "%s.%03u UTC", date,
		 (unsigned int)(ns / 1000000 % 1000));
}
