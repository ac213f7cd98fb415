// SPDX-License-Identifier: GPL-2.0-only
/* What a metadata device says, in words and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "meta.h"

static const char *short_text(enum hm_format what)
{
	static const char * const text[] = {
		[HM_FORMAT_OK] = "good",
		[HM_FORMAT_EMPTY] = "empty",
		[HM_FORMAT_FOREIGN] = "foreign",
		[HM_FORMAT_VERSION_NEW] = "newer version",
		[HM_FORMAT_DAMAGED] = "damaged",
		[HM_FORMAT_BITMAP] = "bitmap damaged",
		[HM_FORMAT_LOG] = "log damaged",
	};

	return text[what];
}

static const char *role_text(const struct hm_super *s)
{
	return s->role == HM_SUPER_PRIMARY ? "primary" : "backup";
}

static unsigned int generations(const struct hm_lineage *l)
{
	unsigned int n = 0;

	while (n < HM_GENERATIONS && l->generation[n])
		n++;
	return n;
}

static bool is_zero(const u8 *uuid)
{
	return !memchr_inv(uuid, 0, HM_UUID_BYTES);
}

static void print_uuid(const u8 *uuid)
{
	unsigned int i;

	for (i = 0; i < HM_UUID_BYTES; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" :
		       "", uuid[i]);
}

/* Seconds of the Unix epoch as ISO 8601; as a number if they are no date. */
static void print_time(u64 seconds)
{
	time_t t = (time_t)seconds;
	char text[40];
	struct tm tm;

	if (seconds <= INT64_MAX && gmtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		fputs(text, stdout);
	else
		printf("%" PRIu64, seconds);
}

static void print_consistency(const struct hm_super *s)
{
	if (s->lineage.inconsistent) {
		fputs("INCONSISTENT since ", stdout);
		if (s->since)
			print_time(s->since);
		else
			fputs("an unknown time", stdout);
		fputs(": a copy has begun and not ended\n", stdout);
	} else if (s->role == HM_SUPER_PRIMARY) {
		printf("consistent: as the primary left it\n");
	} else if (!s->lineage.generation[0]) {
		printf("of before the mirror: nothing was paired yet\n");
	} else {
		printf("consistent at group %" PRIu64 "%s\n", s->group,
		       s->logged ? " or later, once the log is performed" :
		       s->position ? "" : " or later");
	}
}

static void print_generations(const struct hm_lineage *l)
{
	unsigned int i, n = generations(l);

	if (!n)
		printf("generations:      none: never paired\n");
	for (i = 0; i < n; i++)
		printf("%-17s %016" PRIx64 "%s\n", i ? "" : "generations:",
		       l->generation[i],
		       i < l->covered ? "  the bitmap reaches back to it" : "");
	if (l->covers_fresh)
		printf("%-17s the bitmap will do for a fresh peer\n", "");
	if (l->untold)
		printf("%-17s no peer was told of the newest one\n", "");
}

static void print_stream(const struct hm_super *s)
{
	fputs("stream:           ", stdout);
	if (is_zero(s->stream)) {
		printf("none\n");
		return;
	}
	print_uuid(s->stream);
	if (s->logged)
		printf(", the disk has all up to update %" PRIu64 ", and the log what follows\n",
		       s->seq);
	else if (s->position)
		printf(", stopped after update %" PRIu64 "\n", s->seq);
	else
		printf(", not stopped cleanly: position unknown\n");
}

static void print_log(const struct meta *m)
{
	const struct hm_super *s = &m->s;

	if (!s->ring_blocks)
		return;
	printf("log:              %" PRIu64 " bytes, ",
	       (u64)s->ring_blocks * HM_META_BLOCK);
	if (s->logged)
		printf("in use from block %" PRIu64 " on: when the volume is loaded, %" PRIu64 " updates are performed, up to update %" PRIu64 " of group %" PRIu64 "\n",
		       s->ring_tail % s->ring_blocks, m->updates, m->log_seq,
		       m->log_group);
	else
		printf("empty\n");
	if (m->log_damaged)
		printf("%-17s DAMAGED: there were more updates, which are lost\n",
		       "");
}

static void print_regions(const struct meta *m)
{
	printf("region size:      %u KiB\n", 1U << (m->s.region_shift - 1));
	printf("dirty regions:    %" PRIu32 " of %" PRIu32 ", %" PRIu64
	       " bytes\n", m->r.dirty_count, m->r.count,
	       m->dirty_sectors << HM_SECTOR_SHIFT);
	if (m->damaged_blocks)
		printf("%-17s %" PRIu32 " of %" PRIu32 " blocks of the bitmap are damaged: their regions count\n",
		       "", m->damaged_blocks, m->s.bitmap_blocks);
}

static void print_super(const struct meta *m)
{
	const struct hm_super *s = &m->s;

	printf("role:             %s\n", role_text(s));
	printf("set:              %s  ", *s->set ? s->set : "(no name)");
	print_uuid(s->set_uuid);
	printf("\nvolume:           %u  ", s->volume);
	print_uuid(s->volume_uuid);
	printf("\nsize:             %" PRIu64 " sectors of 512 bytes\n",
	       s->sectors);
	fputs("data:             ", stdout);
	print_consistency(s);
	print_stream(s);
	print_generations(&s->lineage);
	print_log(m);
	print_regions(m);
}

static const char *kind_text(u8 kind)
{
	switch (kind) {
	case HM_WRITE:
		return "write";
	case HM_WRITE_ZEROES:
		return "zeroes";
	case HM_DISCARD:
		return "discard";
	}
	return "flush";
}

static void print_updates(const struct meta *m)
{
	const struct hm_update *u;
	u64 i;

	for (i = 0; i < m->updates; i++) {
		u = &m->log[i].update;
		printf("update:           %" PRIu64 " of group %" PRIu64
		       ", %s, sector %" PRIu64 ", %" PRIu32 " sectors\n",
		       u->seq, u->group, kind_text(u->kind), u->sector,
		       u->sectors);
	}
}

void print_text(const struct meta *m, const char *path,
		const struct meta_wishes *wishes)
{
	u64 sector, sectors, from = 0;
	int i;

	printf("%s: %s\n", path, hm_format_text(m->verdict));
	for (i = 0; i < (int)HM_SUPER_COPIES; i++) {
		printf("superblock %d:     %s", i, short_text(m->copy[i]));
		if (m->copy[i] == HM_FORMAT_OK)
			printf(", sequence %" PRIu64 "%s", m->sequence[i],
			       i == m->counts ? ", the one that counts" : "");
		putchar('\n');
	}
	if (m->counts < 0)
		return;
	print_super(m);
	while (wishes->ranges &&
	       hm_regions_next_dirty(&m->r, from, &sector, &sectors)) {
		printf("dirty range:      sector %" PRIu64 ", %" PRIu64
		       " sectors\n", sector, sectors);
		from = sector + sectors;
	}
	if (wishes->log)
		print_updates(m);
}

/* A string that has neither controls nor anything beyond ASCII. */
static void json_string(const char *key, const char *value)
{
	printf(",\n  \"%s\": \"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

static void json_number(const char *key, u64 value)
{
	printf(",\n  \"%s\": %" PRIu64, key, value);
}

static void json_bool(const char *key, bool value)
{
	printf(",\n  \"%s\": %s", key, value ? "true" : "false");
}

static void json_uuid(const char *key, const u8 *uuid)
{
	printf(",\n  \"%s\": ", key);
	if (is_zero(uuid)) {
		fputs("null", stdout);
		return;
	}
	putchar('"');
	print_uuid(uuid);
	putchar('"');
}

static void json_since(const struct hm_super *s)
{
	if (!s->since) {
		fputs(",\n  \"since\": null", stdout);
		return;
	}
	fputs(",\n  \"since\": \"", stdout);
	print_time(s->since);
	putchar('"');
}

static void json_generations(const struct hm_lineage *l)
{
	unsigned int i, n = generations(l);

	fputs(",\n  \"generations\": [", stdout);
	/* As strings: they are names, and need all their 64 bits. */
	for (i = 0; i < n; i++)
		printf("%s\"%016" PRIx64 "\"", i ? ", " : "",
		       l->generation[i]);
	putchar(']');
	json_number("covered", l->covered);
	json_bool("covers_fresh", l->covers_fresh);
	json_bool("untold", l->untold);
}

static void json_ranges(const struct hm_regions *r)
{
	u64 sector, sectors, from = 0;

	fputs(",\n  \"ranges\": [", stdout);
	while (hm_regions_next_dirty(r, from, &sector, &sectors)) {
		printf("%s\n    [%" PRIu64 ", %" PRIu64 "]", from ? "," : "",
		       sector, sectors);
		from = sector + sectors;
	}
	putchar(']');
}

/* For each: number, group, kind, sector, sectors, where its data is, bytes. */
static void json_log(const struct meta *m)
{
	const struct hm_update *u;
	u64 i;

	fputs(",\n  \"log\": [", stdout);
	for (i = 0; i < m->updates; i++) {
		u = &m->log[i].update;
		printf("%s\n    [%" PRIu64 ", %" PRIu64 ", \"%s\", %" PRIu64
		       ", %" PRIu32 ", %" PRIu64 ", %" PRIu32 "]",
		       i ? "," : "", u->seq, u->group, kind_text(u->kind),
		       u->sector, u->sectors, m->log[i].byte, m->log[i].bytes);
	}
	putchar(']');
}

static void json_super(const struct meta *m)
{
	const struct hm_super *s = &m->s;

	json_number("copy", (u64)m->counts);
	json_number("sequence", s->sequence);
	json_string("role", role_text(s));
	json_string("set", s->set);
	json_uuid("set_uuid", s->set_uuid);
	json_number("volume", s->volume);
	json_uuid("volume_uuid", s->volume_uuid);
	json_number("sectors", s->sectors);
	json_bool("consistent", !s->lineage.inconsistent);
	json_since(s);
	json_uuid("stream", s->stream);
	json_bool("position", s->position);
	json_number("seq", s->seq);
	json_number("group", s->group);
	json_bool("logged", s->logged);
	json_number("log_blocks", s->ring_blocks);
	json_number("log_tail", s->ring_tail);
	json_number("log_updates", m->updates);
	json_number("log_seq", m->log_seq);
	json_number("log_group", m->log_group);
	json_bool("log_damaged", m->log_damaged);
	json_generations(&s->lineage);
	json_number("region_sectors", 1ULL << s->region_shift);
	json_number("regions", m->r.count);
	json_number("bitmap_blocks", s->bitmap_blocks);
	json_number("damaged_blocks", m->damaged_blocks);
	json_number("dirty_regions", m->r.dirty_count);
	json_number("dirty_sectors", m->dirty_sectors);
}

void print_json(const struct meta *m, const struct meta_wishes *wishes)
{
	unsigned int i;

	printf("{\n  \"verdict\": \"%s\"", short_text(m->verdict));
	json_string("text", hm_format_text(m->verdict));
	fputs(",\n  \"copies\": [", stdout);
	for (i = 0; i < HM_SUPER_COPIES; i++)
		printf("%s\"%s\"", i ? ", " : "", short_text(m->copy[i]));
	putchar(']');
	if (m->counts >= 0) {
		json_super(m);
		if (wishes->ranges)
			json_ranges(&m->r);
		if (wishes->log)
			json_log(m);
	}
	fputs("\n}\n", stdout);
}
