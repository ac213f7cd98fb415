// SPDX-License-Identifier: GPL-2.0-only
/*
 * hm-stamp write: set a run up, tell of its progress, end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "stamp.h"

#define DEFAULT_BLOCKS	16384
#define POLL_MS		10

struct write_options {
	struct run_options run;
	bool have_seed;
	bool have_flush_every;
	uint64_t seconds;
	uint64_t progress_ms;
	const char *log;
	const char *journal;
};

static const struct option options[] = {
	{ "writers", required_argument, NULL, 'w' },
	{ "block-size", required_argument, NULL, 'b' },
	{ "blocks", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "updates", required_argument, NULL, 'u' },
	{ "ordering", required_argument, NULL, 'o' },
	{ "flush-every", required_argument, NULL, 'f' },
	{ "dsync-every", required_argument, NULL, 'd' },
	{ "think", required_argument, NULL, 'k' },
	{ "log", required_argument, NULL, 'l' },
	{ "progress", no_argument, NULL, 'p' },
	{ "progress-ms", required_argument, NULL, 'm' },
	{ "journal", required_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint32_t parse_ordering(const char *text)
{
	if (!strcmp(text, "completion"))
		return ORDER_COMPLETION;
	if (!strcmp(text, "flush"))
		return ORDER_FLUSH;
	fail("--ordering must be completion or flush, not \"%s\"", text);
}

static bool parse_geometry(struct write_options *opt, int c)
{
	struct geometry *geo = &opt->run.geo;

	switch (c) {
	case 'w':
		geo->writers = (uint32_t)parse_number("--writers", optarg, 1,
						      MAX_WRITERS);
		return true;
	case 'b':
		geo->block_size = (uint32_t)parse_number("--block-size", optarg,
							 MIN_BLOCK, MAX_BLOCK);
		return true;
	case 'n':
		geo->blocks = parse_number("--blocks", optarg, 1, MAX_BLOCKS);
		return true;
	case 's':
		geo->seed = parse_number("--seed", optarg, 0, UINT64_MAX);
		opt->have_seed = true;
		return true;
	case 'o':
		geo->ordering = parse_ordering(optarg);
		return true;
	}
	return false;
}

static void parse_option(struct write_options *opt, int c)
{
	struct run_options *run = &opt->run;

	switch (c) {
	case 't':
		opt->seconds = parse_number("--seconds", optarg, 1, 1ULL << 30);
		break;
	case 'u':
		run->updates = parse_number("--updates", optarg, 1,
					    MAX_UPDATES);
		break;
	case 'f':
		run->flush_every = parse_number("--flush-every", optarg, 0,
						MAX_UPDATES);
		opt->have_flush_every = true;
		break;
	case 'd':
		run->dsync_every = parse_number("--dsync-every", optarg, 0,
						MAX_UPDATES);
		break;
	case 'k':
		run->think_us = parse_number("--think", optarg, 0, 1ULL << 30);
		break;
	case 'l':
		opt->log = optarg;
		break;
	case 'p':
		if (!opt->progress_ms)
			opt->progress_ms = 1000;
		break;
	case 'm':
		opt->progress_ms = parse_number("--progress-ms", optarg,
						POLL_MS, 1ULL << 30);
		break;
	case 'j':
		opt->journal = optarg;
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_GOOD);
	default:
		usage(stderr);
		exit(EXIT_ERROR);
	}
}

static void parse(struct write_options *opt, int argc, char **argv)
{
	struct geometry *geo = &opt->run.geo;
	int c;

	geo->writers = 16;
	geo->block_size = 4096;
	opt->run.journal = -1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (!parse_geometry(opt, c))
			parse_option(opt, c);
	if (argc - optind < 1 || argc - optind > MAX_VOLUMES)
		fail("write wants 1 to %d devices, one for each volume",
		     MAX_VOLUMES);
	geo->volumes = (uint32_t)(argc - optind);
	if (geo->block_size & (geo->block_size - 1))
		fail("--block-size must be a power of two, not %u",
		     geo->block_size);
	if (!stamp_fits(geo->block_size, geo->writers))
		fail("a block of %u bytes has no room for the stamps of %u writers; use larger blocks or fewer writers",
		     geo->block_size, geo->writers);
	if (geo->ordering == ORDER_FLUSH && !opt->have_flush_every)
		opt->run.flush_every = 8;
	if (geo->ordering == ORDER_FLUSH && !opt->run.flush_every)
		fail("flush ordering needs flushes; --flush-every must not be 0");
	if (!opt->have_seed &&
	    getrandom(&geo->seed, sizeof(geo->seed), 0) != sizeof(geo->seed))
		fail("cannot choose a seed: %s; give one with --seed",
		     strerror(errno));
}

/* Numbers start from 1 again: the stamps of before would pass for later. */
static void refuse_repetition(const struct geometry *geo, char **path)
{
	uint64_t limit = geo->blocks * geo->block_size;
	struct survey survey = { 0 };
	uint32_t v;

	for (v = 0; v < geo->volumes; v++) {
		survey_image(&survey, path[v], &geo->seed, limit);
		if (survey.nr)
			fail("%s already holds stamps of a run with seed %" PRIu64 "; choose another seed or overwrite them",
			     path[v], geo->seed);
	}
}

static void open_volumes(struct write_options *opt, struct volume *vol,
			 char **path)
{
	struct geometry *geo = &opt->run.geo;
	uint64_t room = MAX_BLOCKS, fit;
	void *probe = alloc_aligned(geo->block_size);
	uint32_t v;

	for (v = 0; v < geo->volumes; v++) {
		volume_open(&vol[v], path[v], true);
		/* Settles whether O_DIRECT works, before anything is shared. */
		volume_read(&vol[v], probe, geo->block_size, 0);
		fit = vol[v].size / geo->block_size;
		if (fit < geo->blocks || fit < geo->writers)
			fail("%s has room for %" PRIu64 " blocks of %u bytes, but %" PRIu64 " are wanted (each of the %u writers needs one)",
			     path[v], fit, geo->block_size, geo->blocks,
			     geo->writers);
		if (room > fit)
			room = fit;
	}
	free(probe);
	if (!geo->blocks)
		geo->blocks = room < DEFAULT_BLOCKS ? room : DEFAULT_BLOCKS;
	if (geo->blocks < geo->writers)
		fail("%" PRIu64 " blocks are too few for %u writers; each needs one of its own",
		     geo->blocks, geo->writers);
	if (opt->have_seed)
		refuse_repetition(geo, path);
}

/* A store into a shared mapping outlives the process the moment it is made. */
static struct stamp_log *map_log(const struct write_options *opt)
{
	struct stamp_log *log;
	int fd;

	if (!opt->log)
		return alloc_aligned(sizeof(*log));
	log = alloc_aligned(sizeof(*log));
	fd = open(opt->log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	/* Written, not truncated to size: a full disk has to show here. */
	if (fd < 0 || write(fd, log, sizeof(*log)) != sizeof(*log))
		fail("cannot write the log %s: %s", opt->log, strerror(errno));
	free(log);
	log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (log == MAP_FAILED)
		fail("cannot map the log %s: %s; put it on a local file system",
		     opt->log, strerror(errno));
	close(fd);
	log->seed = opt->run.geo.seed;
	log->writers = opt->run.geo.writers;
	log->ordering = opt->run.geo.ordering;
	log->magic = LOG_MAGIC;
	return log;
}

static void unmap_log(const struct write_options *opt, struct stamp_log *log)
{
	if (!opt->log) {
		free(log);
		return;
	}
	if (msync(log, sizeof(*log), MS_SYNC))
		complain("cannot write the log %s to disk: %s", opt->log,
			 strerror(errno));
	munmap(log, sizeof(*log));
}

/* Copied before it is printed: by then, it is a bound from below. */
static void print_acked(const struct stamp_log *log)
{
	uint64_t acked[MAX_WRITERS];
	uint32_t w;

	for (w = 0; w < log->writers; w++)
		acked[w] = atomic_load(&log->acked[w]);
	acked_print(stdout, acked, log->writers);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void watch(const struct write_options *opt, struct run *run,
		  const struct stamp_log *log, const sigset_t *signals)
{
	const struct timespec tick = { .tv_nsec = POLL_MS * 1000000L };
	uint64_t start = now_ms(), printed = start, now;

	while (run_active(run)) {
		if (sigtimedwait(signals, NULL, &tick) > 0)
			break;
		now = now_ms();
		if (opt->seconds && now - start >= opt->seconds * 1000)
			break;
		if (opt->progress_ms && now - printed >= opt->progress_ms) {
			print_acked(log);
			printed = now;
		}
	}
	run_stop(run);
}

static void open_journal(struct write_options *opt)
{
	if (!opt->journal)
		return;
	opt->run.journal = open(opt->journal,
				O_WRONLY | O_CREAT | O_TRUNC | O_APPEND |
				O_CLOEXEC, 0644);
	if (opt->run.journal < 0)
		fail("cannot write the journal %s: %s", opt->journal,
		     strerror(errno));
}

static void announce(const struct geometry *geo, char **path)
{
	uint32_t v;

	printf("RUN seed %" PRIu64 " writers %u volumes %u blocks %" PRIu64 " block-size %u ordering %s devices",
	       geo->seed, geo->writers, geo->volumes, geo->blocks,
	       geo->block_size, ordering_name(geo->ordering));
	for (v = 0; v < geo->volumes; v++)
		printf(" %s", path[v]);
	putchar('\n');
	fflush(stdout);
}

int cmd_write(int argc, char **argv)
{
	struct write_options opt = { 0 };
	struct volume vol[MAX_VOLUMES];
	struct stamp_log *log;
	struct run *run;
	sigset_t signals;
	uint64_t updates, start;
	uint32_t v;
	bool good;

	parse(&opt, argc, argv);
	open_volumes(&opt, vol, argv + optind);
	open_journal(&opt);
	log = map_log(&opt);
	log->writers = opt.run.geo.writers;
	announce(&opt.run.geo, argv + optind);
	/* Blocked in every thread; only watch() takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	start = now_ms();
	run = run_start(&opt.run, vol, log->acked);
	watch(&opt, run, log, &signals);
	/* From here on, a second signal ends a wait for a device that hangs. */
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	good = run_finish(run, &updates);
	print_acked(log);
	printf("%" PRIu64 " updates completed in %" PRIu64 " ms%s\n", updates,
	       now_ms() - start, good ? "" : "; ended by an I/O error");
	unmap_log(&opt, log);
	for (v = 0; v < opt.run.geo.volumes; v++)
		volume_close(&vol[v]);
	if (opt.run.journal >= 0)
		close(opt.run.journal);
	return good ? EXIT_GOOD : EXIT_ERROR;
}
