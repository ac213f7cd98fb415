/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hm-stamp: stamped updates that prove the ordering of a mirror.
 *
 * A run is a number of writers, each with one update outstanding at a time.
 * Where update k of writer w goes is a pure function of the run's seed, so
 * that whoever reads a disk afterwards knows what every block ought to hold.
 * Each block carries the vector of the updates that had been acknowledged
 * when it was issued; a disk that holds the block has to hold those, too.
 */
#ifndef HM_STAMP_H
#define HM_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STAMP_MAGIC	0x31504d5453424d48ULL	/* "HMBSTMP1" */
#define LOG_MAGIC	0x31474f4c53424d48ULL	/* "HMBSLOG1" */

#define MAX_WRITERS	64
#define MAX_VOLUMES	8
#define MIN_BLOCK	512
#define MAX_BLOCK	65536
#define MAX_BLOCKS	(1ULL << 28)
#define CHUNK		(1U << 20)	/* a multiple of every block size */

/* More updates than one writer can do; keeps a mistyped number harmless. */
#define MAX_UPDATES	(1ULL << 34)

enum exit_code {
	EXIT_GOOD = 0,
	EXIT_VIOLATIONS = 1,
	EXIT_ERROR = 2,
};

enum ordering {
	ORDER_COMPLETION,	/* acknowledged when the write completed */
	ORDER_FLUSH,		/* acknowledged when a flush covered it */
};

/* What a run is; every stamp of the run carries the whole of it. */
struct geometry {
	uint64_t seed;
	uint32_t block_size;
	uint32_t writers;
	uint32_t volumes;
	uint32_t ordering;
	uint64_t blocks;		/* on each volume */
};

/*
 * The beginning of a block, in the byte order of the machine. Pseudo-random
 * data follows the vector; the last eight bytes are the checksum of all else.
 */
struct stamp {
	uint64_t magic;
	struct geometry geo;
	uint32_t volume;
	uint32_t writer;
	uint64_t block;
	uint64_t update;
	uint64_t issued_ns;		/* time of day, for the reader only */
	uint64_t acked[];		/* one entry for each writer */
};

/* A log is one mapped page, so that it outlives a killed writer. */
struct stamp_log {
	uint64_t magic;
	uint64_t seed;
	uint32_t writers;
	uint32_t ordering;
	_Atomic uint64_t acked[MAX_WRITERS];
};

/* stamp-core.c */
uint64_t stamp_mix(uint64_t x);
void stamp_locate(const struct geometry *geo, uint32_t writer, uint64_t update,
		  uint32_t *volume, uint64_t *block);
void stamp_fill(const struct geometry *geo, uint32_t writer, uint64_t update,
		struct stamp *stamp);
void stamp_seal(struct stamp *stamp);
bool stamp_valid(const struct stamp *stamp, size_t room);
bool stamp_fits(uint32_t block_size, uint32_t writers);
bool same_run(const struct geometry *a, const struct geometry *b);
const char *ordering_name(uint32_t ordering);
void format_time(uint64_t ns, char *buf, size_t size);

/* stamp-io.c */
struct volume {
	const char *path;
	int fd;
	bool is_device;
	uint64_t size;
};

void fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t parse_number(const char *what, const char *text, uint64_t min,
		      uint64_t max);
void *alloc_aligned(size_t size);
void volume_open(struct volume *vol, const char *path, bool writable);
void volume_close(struct volume *vol);
size_t volume_read(struct volume *vol, void *buf, size_t len, uint64_t offset);
int volume_write(struct volume *vol, const void *buf, size_t len,
		 uint64_t offset, bool dsync);

/* stamp-survey.c */
#define MAX_RUNS	16

struct survey {
	unsigned int nr;
	struct geometry run[MAX_RUNS];
	uint64_t unknown;	/* sectors seen, neither blank nor of a stamp */
};

void survey_image(struct survey *survey, const char *path,
		  const uint64_t *seed, uint64_t limit);

/* stamp-run.c */
struct run;

struct run_options {
	struct geometry geo;
	uint64_t updates;		/* 0: no limit */
	uint64_t flush_every;		/* 0: never */
	uint64_t dsync_every;		/* 0: never */
	uint64_t think_us;
	int journal;			/* descriptor, or -1 */
};

struct run *run_start(const struct run_options *opt, struct volume *vol,
		      _Atomic uint64_t *acked);
bool run_active(struct run *run);
void run_stop(struct run *run);
bool run_finish(struct run *run, uint64_t *updates);

/* stamp-acked.c */
void acked_read(const char *arg, const uint64_t *seed,
		uint64_t acked[MAX_WRITERS]);
bool log_read(const char *path, struct stamp_log *log);
void acked_print(FILE *out, const uint64_t *acked, uint32_t writers);

/* stamp-view.c */
struct witness {
	uint32_t writer;
	uint32_t volume;
	uint64_t update;
	uint64_t block;
};

/* What a set of images shows of one run. */
struct view {
	const struct geometry *geo;
	char *const *path;
	bool quiet;			/* count violations, print none */
	bool foreign_ok;
	uint64_t *number;		/* update visible in each block */
	uint64_t needed[MAX_WRITERS];	/* some visible update demands these */
	struct witness witness[MAX_WRITERS];
	uint64_t top[MAX_WRITERS];	/* the last visible update of each */
	uint64_t newest_ns;
	struct witness newest;
	uint64_t stamped;		/* blocks that hold a stamp of the run */
	uint64_t violations;
};

void view_load(struct view *view);
void view_free(struct view *view);
uint64_t view_number(const struct view *view, uint32_t volume, uint64_t block);
uint64_t view_updates(const struct view *view);
void view_violation(struct view *view, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* the subcommands */
int cmd_write(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_replay(int argc, char **argv);
void usage(FILE *out);

#endif
