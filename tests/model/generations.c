// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explores the configurations of generations-configs.c and says what it found.
 * Without arguments all that belong to this build; otherwise those named.
 * DEEP=1 takes the larger ones too, VERBOSE=1 shows what the controls find, and
 * DEPTH=n goes to another depth.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "generations.h"

static bool set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value && strcmp(value, "0");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool report(const struct config *c, const struct result *r, double took)
{
	bool ok = r->claim == c->expect && !r->too_many;

	if (r->too_many)
		printf("not ok  %s: too large, gave up after %u states\n",
		       c->name, r->states);
	else if (!ok)
		printf("not ok  %s: claim (%c) expected to be violated, found (%c) after %u steps: %s\n",
		       c->name, c->expect ? c->expect : '-',
		       r->claim ? r->claim : '-', r->depth,
		       r->claim ? r->words : "nothing");
	else if (c->expect)
		printf("ok  %s: violates (%c) after %u steps, %.1f s\n",
		       c->name, r->claim, r->depth, took);
	else
		printf("ok  %s: %u states, %u steps deep, %.3g moves, %.1f s\n",
		       c->name, r->states, r->depth, r->histories, took);
	return ok;
}

static bool run(const struct config *c)
{
	const char *depth = getenv("DEPTH");
	struct config changed = *c;
	double start = now();
	struct result r;
	bool ok;

	if (depth)
		changed.depth = (u8)atoi(depth);
	config = &changed;
	search(&r);
	ok = report(c, &r, now() - start);
	if (r.claim && (!ok || set("VERBOSE")))
		search_print();
	fflush(stdout);
	return ok;
}

static bool wanted(const struct config *c, int argc, char **argv)
{
	int i;

	if (strcmp(c->control ? c->control : "", control ? control : ""))
		return false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], c->name))
			return true;
	}
	return argc == 1 && (!c->deep || set("DEEP"));
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0;
	const struct config *c;

	for (c = configs; c->name; c++) {
		if (!wanted(c, argc, argv))
			continue;
		if (run(c))
			passed++;
		else
			failed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
