// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explores the configurations of configs.c and says what it found. Without
 * arguments all that belong to this build; otherwise those named. DEEP=1 takes
 * the larger ones too, VERBOSE=1 shows what the controls find.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model.h"

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

/* A broken world: the claim must be violated, and the history is short. */
static bool run_control(const struct config *c)
{
	struct result r;
	double start = now();

	search_shortest(&r);
	if (r.claim != c->expect) {
		printf("not ok  %s: claim (%c) was to be violated, found %c\n",
		       c->name, c->expect, r.claim ? r.claim : '-');
		if (r.claim)
			search_print(&r);
		return false;
	}
	printf("ok  %s: violates (%c) after %u steps, %.1f s\n", c->name,
	       r.claim, r.steps, now() - start);
	if (set("VERBOSE"))
		search_print(&r);
	return true;
}

static bool run_claims(const struct config *c)
{
	struct result r;
	double start = now();

	search(&r, false);
	if (r.too_many) {
		printf("not ok  %s: too large, gave up after %u states\n",
		       c->name, r.states);
		return false;
	}
	if (r.claim) {
		search_shortest(&r);
		printf("not ok  %s: claim (%c) is violated\n", c->name,
		       r.claim);
		search_print(&r);
		return false;
	}
	printf("ok  %s: %u states, depth %u, %.3g histories, %.1f s\n",
	       c->name, r.states, r.depth, r.histories, now() - start);
	return true;
}

/* Does the key of a state leave out anything that has an influence? */
static bool run_raw(const struct config *c)
{
	struct result r, raw;
	double start = now();

	search(&r, false);
	search(&raw, true);
	if (raw.claim || raw.too_many || raw.canonical != r.states ||
	    raw.histories != r.histories) {
		printf("not ok  %s: keys leave something out: %u states, with whole keys %u\n",
		       c->name, r.states, raw.canonical);
		return false;
	}
	printf("ok  %s: %u states, the same as with whole keys (%u), %.1f s\n",
	       c->name, r.states, raw.states, now() - start);
	return true;
}

static bool run_one(const struct config *c)
{
	bool ok;

	config = c;
	if (c->expect)
		ok = run_control(c);
	else if (c->when == WHEN_RAW)
		ok = run_raw(c);
	else
		ok = run_claims(c);
	fflush(stdout);
	return ok;
}

static bool wanted(const struct config *c, int argc, char **argv)
{
	int i;

	if (strcmp(c->broken ? c->broken : "", control ? control : ""))
		return false;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], c->name))
			return true;
	}
	return argc == 1 && (c->when != WHEN_DEEP || set("DEEP"));
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0;
	const struct config *c;

	for (c = configs; c->name; c++) {
		if (!wanted(c, argc, argv))
			continue;
		if (run_one(c))
			passed++;
		else
			failed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
