// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a few good inputs for each fuzz target, so that it does not begin with
 * nothing.
 *
 * usage: seeds <directory>, which holds codec/, args/ and apply/
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"

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

static void seed_codec(void)
{
	struct hm_update u = { .seq = 5, .group = 2, .sector = 2048,
			       .sectors = 8, .kind = HM_WRITE,
			       .flags = HM_FUA };
	struct hm_ack_record a = { .acks = { 9, 8, 7 }, .applied_group = 3,
				   .durable_group = 2 };
	struct hm_hello h = {
		.version = HM_PROTOCOL_VERSION, .oldest = HM_PROTOCOL_OLDEST,
		.stream = { 1 }, .last_seq = 9, .set = "a", .volumes = 1,
		.volume = { { .sectors = 8, .logical_block = 512,
			      .physical_block = 512 } },
	};
	struct hm_wire_record record;
	struct hm_wire_hello hello;
	struct hm_wire_ack ack;

	hm_encode_record(&record, &u, 0, 0x12345678);
	seed("codec", "write", 0, &record, sizeof(record));
	u.kind = HM_WRITE_ZEROES;
	u.flags = HM_NOUNMAP;
	hm_encode_record(&record, &u, 0, 0);
	seed("codec", "zeroes", 0, &record, sizeof(record));
	hm_encode_control(&record, HM_CTRL_START, 0, 5);
	seed("codec", "start", 0, &record, sizeof(record));
	hm_encode_ack(&ack, &a);
	seed("codec", "ack", 1, &ack, sizeof(ack));
	hm_encode_hello(&hello, &h);
	seed("codec", "hello", 2, &hello, sizeof(hello));
	seed("codec", "hello-as-it-is", 6, &hello, sizeof(hello));
	seed("codec", "prefix", 3, &hello, sizeof(hello.prefix));
	h.session = 1;
	h.acks = a.acks;
	hm_encode_hello(&hello, &h);
	seed("codec", "answer", 2, &hello, sizeof(hello));
}

static void seed_args(void)
{
	static const char primary[] =
		"/dev/a - 10.0.0.2 7788 8 ack local set a volume 1 sync clean";
	static const char tuned[] =
		"253:7 - ::1 1 12 ordering flush backlog 9 on_full stall "
		"on_disconnect stall defer_us 50 sync clean";
	static const char backup[] =
		"/dev/b - 0.0.0.0 7788 6 set a volume 1 apply group";

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
	return 0;
}
