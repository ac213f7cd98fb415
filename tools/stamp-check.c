// SPDX-License-Identifier: GPL-2.0-only
/*
 * hm-stamp check: is what the images hold a good cut of the run?
 *
 * A visible update demands all that its vector says was acknowledged before
 * it was issued. Vectors of one writer never shrink, hence what an overwritten
 * update demanded is demanded by the one that replaced it, and the visible
 * ones are enough to look at.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "stamp.h"

struct check {
	char **image;
	unsigned int images;
	char *reference[MAX_VOLUMES];
	unsigned int references;
	const char *acked_arg;
	uint64_t acked[MAX_WRITERS];
	uint64_t seed;
	bool have_seed;
	uint64_t limit;
	uint64_t min_updates;
	bool expect_violations;
	struct geometry geo;
	struct view view;
	uint64_t lost;
	uint64_t unknown;		/* sectors, if no image is stamped */
};

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "acked", required_argument, NULL, 'a' },
	{ "reference", required_argument, NULL, 'r' },
	{ "min-updates", required_argument, NULL, 'm' },
	{ "limit", required_argument, NULL, 'l' },
	{ "foreign-ok", no_argument, NULL, 'f' },
	{ "expect-violations", no_argument, NULL, 'x' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void add_reference(struct check *check, char *path)
{
	if (check->references == MAX_VOLUMES)
		fail("--reference is given more than %d times", MAX_VOLUMES);
	check->reference[check->references++] = path;
}

static void parse_option(struct check *check, int opt)
{
	switch (opt) {
	case 's':
		check->seed = parse_number("--seed", optarg, 0, UINT64_MAX);
		check->have_seed = true;
		break;
	case 'a':
		check->acked_arg = optarg;
		break;
	case 'r':
		add_reference(check, optarg);
		break;
	case 'm':
		check->min_updates = parse_number("--min-updates", optarg, 0,
						  UINT64_MAX);
		break;
	case 'l':
		check->limit = parse_number("--limit", optarg, MIN_BLOCK,
					    UINT64_MAX);
		break;
	case 'f':
		check->view.foreign_ok = true;
		break;
	case 'x':
		check->expect_violations = true;
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_GOOD);
	default:
		usage(stderr);
		exit(EXIT_ERROR);
	}
}

static void parse(struct check *check, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		parse_option(check, opt);
	check->image = argv + optind;
	check->images = (unsigned int)(argc - optind);
	if (!check->images || check->images > MAX_VOLUMES)
		fail("check wants the images of 1 to %d volumes, in the order of the write",
		     MAX_VOLUMES);
	if (check->references && check->references != check->images)
		fail("give --reference once for each of the %u images, in the same order",
		     check->images);
}

/* Which run is to be checked? False if no image holds a stamp of any. */
static bool find_run(struct check *check)
{
	const uint64_t *seed = check->have_seed ? &check->seed : NULL;
	struct survey survey = { 0 };
	unsigned int i;

	for (i = 0; i < check->images; i++)
		survey_image(&survey, check->image[i], seed, check->limit);
	check->unknown = survey.unknown;
	/* An empty backup of a full original is still part of its run. */
	for (i = 0; i < check->references && !survey.nr; i++)
		survey_image(&survey, check->reference[i], seed, check->limit);
	if (!survey.nr)
		return false;
	if (survey.nr > 1) {
		for (i = 0; i < survey.nr; i++)
			complain("there are stamps of a run with seed %" PRIu64 ", %u writers, %u volumes, %" PRIu64 " blocks of %u",
				 survey.run[i].seed, survey.run[i].writers,
				 survey.run[i].volumes, survey.run[i].blocks,
				 survey.run[i].block_size);
		fail("the images hold stamps of %u runs; say which one counts with --seed",
		     survey.nr);
	}
	check->geo = survey.run[0];
	if (check->geo.volumes != check->images)
		fail("the run was written to %u volumes, but %u are given; give all of them, in the order of the write",
		     check->geo.volumes, check->images);
	return true;
}

/*
 * Calls for a violation for every block of writer @w that holds less than
 * the last demanded update of it.
 */
static void check_cut(struct check *check, uint32_t w, uint64_t *need)
{
	struct view *view = &check->view;
	const struct witness *by = &view->witness[w];
	uint64_t k, block, at, visible;
	uint32_t volume;

	for (k = 1; k <= view->needed[w]; k++) {
		stamp_locate(&check->geo, w, k, &volume, &block);
		need[volume * check->geo.blocks + block] = k;
	}
	for (volume = 0; volume < check->geo.volumes; volume++) {
		for (block = w; block < check->geo.blocks;
		     block += check->geo.writers) {
			at = volume * check->geo.blocks + block;
			visible = view->number[at];
			if (visible >= need[at])
				continue;
			view_violation(view,
				       "%s block %" PRIu64 " holds update %" PRIu64 " of writer %u instead of %" PRIu64 " or later; update %" PRIu64 " of writer %u (volume %u block %" PRIu64 "), which is there, was issued after update %" PRIu64 " of writer %u was acknowledged",
				       check->image[volume], block, visible, w,
				       need[at], by->update, by->writer,
				       by->volume, by->block, view->needed[w],
				       w);
		}
	}
}

static void check_lost(struct check *check, uint32_t w)
{
	uint64_t k, block, visible;
	uint32_t volume;

	for (k = 1; k <= check->acked[w]; k++) {
		stamp_locate(&check->geo, w, k, &volume, &block);
		visible = view_number(&check->view, volume, block);
		if (visible >= k || check->lost++ >= 10)
			continue;
		printf("lost: update %" PRIu64 " of writer %u was acknowledged, but %s block %" PRIu64 " holds update %" PRIu64 "\n",
		       k, w, check->image[volume], block, visible);
	}
}

static void check_run(struct check *check)
{
	uint64_t *need = calloc(check->geo.volumes * check->geo.blocks,
				sizeof(*need));
	uint32_t w;

	if (!need)
		fail("out of memory for %" PRIu64 " blocks of %u volumes",
		     check->geo.blocks, check->geo.volumes);
	check->view.geo = &check->geo;
	check->view.path = check->image;
	view_load(&check->view);
	for (w = 0; w < check->geo.writers; w++)
		check_cut(check, w, need);
	for (w = 0; w < check->geo.writers; w++)
		check_lost(check, w);
	for (; w < MAX_WRITERS; w++)
		if (check->acked[w])
			fail("--acked names writer %u, but the run has only %u writers; it is about another run",
			     w, check->geo.writers);
	free(need);
}

static void report_reference(struct check *check)
{
	struct view ref = {
		.geo = &check->geo,
		.path = check->reference,
		.quiet = true,
		.foreign_ok = true,
	};
	uint64_t behind = 0, ahead = 0, ms = 0;
	uint32_t w;

	view_load(&ref);
	for (w = 0; w < check->geo.writers; w++) {
		if (ref.top[w] > check->view.top[w])
			behind += ref.top[w] - check->view.top[w];
		else
			ahead += check->view.top[w] - ref.top[w];
	}
	if (check->view.stamped && ref.newest_ns > check->view.newest_ns)
		ms = (ref.newest_ns - check->view.newest_ns) / 1000000;
	printf("behind the reference by %" PRIu64 " updates, %" PRIu64 " ms",
	       behind, ms);
	if (ahead)
		printf(" (and ahead of it by %" PRIu64 " updates)", ahead);
	putchar('\n');
	view_free(&ref);
}

static void report_run(struct check *check)
{
	const struct view *view = &check->view;
	bool good = !view->violations && !check->lost;
	char when[64];

	if (view->violations > 10)
		printf("... and %" PRIu64 " more violations\n",
		       view->violations - 10);
	if (check->lost > 10)
		printf("... and %" PRIu64 " more lost updates\n",
		       check->lost - 10);
	if (check->references)
		report_reference(check);
	printf("%s: %u writers, %" PRIu64 " updates visible",
	       view->violations ? "NOT a good cut" : "good cut",
	       check->geo.writers, view_updates(view));
	if (view->stamped) {
		format_time(view->newest_ns, when, sizeof(when));
		printf(" in %" PRIu64 " blocks, newest %" PRIu64 " of writer %u at %s",
		       view->stamped, view->newest.update,
		       view->newest.writer, when);
	} else {
		printf(" (the images are empty)");
	}
	printf(", %" PRIu64 " violations", view->violations);
	if (check->acked_arg)
		printf(", %" PRIu64 " lost acknowledged updates", check->lost);
	printf("; %s ordering, seed %" PRIu64 "%s\n",
	       ordering_name(check->geo.ordering), check->geo.seed,
	       good ? "" : "; keep the images, they are the evidence");
}

/*
 * No stamp at all is a good cut, the one before the first update. The size of
 * the blocks is unknown then, and what is torn cannot be told from the rest.
 */
static void report_empty(struct check *check)
{
	uint32_t w;

	for (w = 0; w < MAX_WRITERS; w++)
		check->lost += check->acked[w];
	if (check->unknown && !check->view.foreign_ok)
		view_violation(&check->view,
			       "%" PRIu64 " sectors are neither blank nor of a whole stamp (if the disk was not blank before the run, say --foreign-ok)",
			       check->unknown);
	printf("%s: the images are empty, no block is stamped%s: 0 updates visible, %" PRIu64 " violations",
	       check->view.violations ? "NOT a good cut" : "good cut",
	       check->have_seed ? " by the run" : "",
	       check->view.violations);
	if (check->acked_arg)
		printf(", %" PRIu64 " lost acknowledged updates", check->lost);
	putchar('\n');
}

static int verdict(const struct check *check)
{
	bool bad = check->view.violations || check->lost;
	uint64_t updates = view_updates(&check->view);

	if (updates < check->min_updates) {
		printf("too few updates: %" PRIu64 " are visible, --min-updates wants %" PRIu64 "; the check proves nothing\n",
		       updates, check->min_updates);
		return EXIT_VIOLATIONS;
	}
	if (!check->expect_violations)
		return bad ? EXIT_VIOLATIONS : EXIT_GOOD;
	if (bad) {
		printf("violations were expected and found\n");
		return EXIT_GOOD;
	}
	printf("violations were expected, but there are none\n");
	return EXIT_VIOLATIONS;
}

int cmd_check(int argc, char **argv)
{
	struct check check = { 0 };
	bool found;
	int ret;

	parse(&check, argc, argv);
	found = find_run(&check);
	if (found) {
		check.seed = check.geo.seed;
		check.have_seed = true;
	}
	if (check.acked_arg)
		acked_read(check.acked_arg,
			   check.have_seed ? &check.seed : NULL, check.acked);
	if (found) {
		check_run(&check);
		report_run(&check);
	} else {
		report_empty(&check);
	}
	ret = verdict(&check);
	view_free(&check.view);
	return ret;
}
