// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a few good inputs for each fuzz target, so that it does not begin with
 * nothing.
 *
 * usage: seeds <directory>, which holds codec/, args/, apply/ and format/
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "format.h"

static const char *top;

static void seed(const char *target, const char *name, u8 first,
		 const void *bytes, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/seed-%s", top, target, name);
	f = fopen(path, "wb");
	if (!f || fputc(first, f) == EOF || fwrite(bytes, size, 1, f) != 1 ||
	    fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void seed_records(void)
{
	struct hm_update u = { .seq = 5, .group = 2, .sector = 2048,
			       .sectors = 8, .kind = HM_WRITE,
			       .flags = HM_FUA };
	struct hm_wire_record record;

	hm_encode_record(&record, &u, 0, 0x12345678);
	seed("codec", "write", 0, &record, sizeof(record));
	u.kind = HM_WRITE_ZEROES;
	u.flags = HM_NOUNMAP;
	hm_encode_record(&record, &u, 0, 0);
	seed("codec", "zeroes", 0, &record, sizeof(record));
	hm_encode_control(&record, HM_CTRL_START, HM_START_FLAGS, 0, 5);
	seed("codec", "start", 0, &record, sizeof(record));
	hm_encode_control(&record, HM_CTRL_ADOPT, 0, 0, 5);
	seed("codec", "adopt", 0, &record, sizeof(record));
}

static void seed_answers(void)
{
	struct hm_ack_record a = { .acks = { 9, 8, 7 }, .applied_group = 3,
				   .durable_group = 2, .generation = 5 };
	struct hm_range range = { .sector = 128, .sectors = 256, .volume = 1 };
	struct hm_wire_regions regions;
	struct hm_wire_ack ack;

	hm_encode_ack(&ack, &a);
	seed("codec", "ack", 1, &ack, sizeof(ack));
	a = (struct hm_ack_record){ .status = HM_BACKUP_STARTING };
	hm_encode_ack(&ack, &a);
	seed("codec", "ack-starting", 1, &ack, sizeof(ack));
	hm_encode_regions(&regions, &range, 0);
	seed("codec", "regions", 4, &regions, sizeof(regions));
	range.sectors = 0;
	hm_encode_regions(&regions, &range, 0);
	seed("codec", "regions-last", 4, &regions, sizeof(regions));
	seed("codec", "regions-as-they-are", 12, &regions, sizeof(regions));
}

/* See fuzz-codec.c: the one that is judged is at generation 5, after 4 and 3. */
static void seed_hellos(void)
{
	struct hm_hello h = {
		.version = HM_PROTOCOL_VERSION, .oldest = HM_PROTOCOL_OLDEST,
		.stream = { 1 }, .last_seq = 9, .set = "a", .volumes = 1,
		.lineage = { .generation = { 5, 4, 3 }, .covered = 2 },
		.volume = { { .sectors = 8, .logical_block = 512,
			      .physical_block = 512 } },
	};
	struct hm_wire_hello hello;

	hm_encode_hello(&hello, &h);
	seed("codec", "hello", 2, &hello, sizeof(hello));
	seed("codec", "hello-as-it-is", 10, &hello, sizeof(hello));
	seed("codec", "prefix", 3, &hello, sizeof(hello.prefix));
	h.session = 1;
	h.acks = (struct hm_acks){ 9, 8, 7 };
	hm_encode_hello(&hello, &h);
	seed("codec", "answer", 2, &hello, sizeof(hello));
	h.lineage = (struct hm_lineage){ .generation = { 4 }, .covered = 1,
					 .inconsistent = true };
	hm_encode_hello(&hello, &h);
	seed("codec", "answer-copying", 2, &hello, sizeof(hello));
	h.lineage = (struct hm_lineage){ .generation = { 6, 4 }, .covered = 2 };
	h.flags = HM_HELLO_DIRTY | HM_HELLO_GIVES_UP;
	hm_encode_hello(&hello, &h);
	seed("codec", "answer-gives-up", 2, &hello, sizeof(hello));
	memset(&h.lineage, 0, sizeof(h.lineage));
	memset(h.stream, 0, sizeof(h.stream));
	h.flags = 0;
	hm_encode_hello(&hello, &h);
	seed("codec", "answer-fresh", 2, &hello, sizeof(hello));
}

static void seed_codec(void)
{
	seed_records();
	seed_answers();
	seed_hellos();
}

static void seed_args(void)
{
	static const char primary[] =
		"/dev/a /dev/m 10.0.0.2 7788 8 ack local set a volume 1 sync full";
	static const char tuned[] =
		"253:7 - ::1 1 14 ordering flush backlog 9 on_full stall "
		"on_disconnect stall defer_us 50 region 1024 sync clean";
	static const char backup[] =
		"/dev/b 253:8 0.0.0.0 7788 6 set a volume 1 apply group";

	seed("args", "primary", 0, primary, strlen(primary));
	seed("args", "tuned", 0, tuned, strlen(tuned));
	seed("args", "backup", 1, backup, strlen(backup));
}

static void seed_apply(void)
{
	/* See fuzz-apply.c: an arrival takes three bytes, the rest one. */
	static const u8 groups[] = {
		0, 0x00, 0x21, 0, 0x00, 0x25, 0, 0x20, 0x01, 0, 0x20, 0x02,
		6, 6, 6, 6, 6,
	};
	static const u8 flushes[] = {
		0, 0x18, 0x21, 0, 0x04, 0, 0, 0x20, 0x01, 6, 11, 0, 0x24, 0,
		6, 11, 14, 11,
	};
	static const u8 failures[] = {
		0, 0x00, 0x61, 0, 0x00, 0x62, 0, 0x20, 0x01, 10, 15, 6, 6, 6,
	};

	seed("apply", "groups", 0, groups, sizeof(groups));
	seed("apply", "flushes", 1, flushes, sizeof(flushes));
	seed("apply", "failures", 3, failures, sizeof(failures));
}

static void seed_format(void)
{
	struct hm_super s = {
		.sequence = 8, .volume_uuid = { 1 }, .set_uuid = { 2 },
		.set = "a", .volume = 1, .role = HM_SUPER_BACKUP,
		.region_shift = 11, .sectors = 1 << 20, .bitmap_blocks = 1,
		.lineage = { .generation = { 5, 4, 3 }, .covered = 2,
			     .inconsistent = true },
		.stream = { 3 }, .position = true, .forced = true, .seq = 9,
		.group = 7, .since = 1700000000, .members = 0xffff,
	};
	struct hm_disk_super d[HM_SUPER_COPIES];
	/* See fuzz-format.c: two bytes are a shape, the rest bits. */
	static const u8 bits[] = { 0x10, 9, 1, 0x80, 0xff, 0, 0, 1 };

	hm_encode_super(&d[0], &s);
	seed("format", "backup", 0, &d[0], sizeof(d[0]));
	seed("format", "as-it-is", 4, &d[0], sizeof(d[0]));
	s.sequence = 7;
	s.role = HM_SUPER_PRIMARY;
	s.position = false;
	s.lineage = (struct hm_lineage){ .generation = { 5 }, .covered = 1,
					 .covers_fresh = true };
	hm_encode_super(&d[1], &s);
	seed("format", "primary", 0, &d[1], sizeof(d[1]));
	/* Inputs are no longer than this: the end of copy 1 is zero anyway. */
	seed("format", "copies", 1, d, sizeof(d) - 1);
	seed("format", "copies-as-they-are", 0x0d, d, sizeof(d) - 1);
	seed("format", "bitmap", 2, bits, sizeof(bits));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: seeds <directory>\n");
		return 2;
	}
	top = argv[1];
	seed_codec();
	seed_args();
	seed_apply();
	seed_format();
	return 0;
}
