// SPDX-License-Identifier: GPL-2.0-only
/*
 * Depth first through all that can happen. A state that was seen is not
 * followed again; the number of histories from it to an end is remembered. No
 * state can come twice in one history, since everything that happens leads on:
 * if one does, the code goes round in circles.
 */
#include <stdio.h>

#include "model.h"

#define MAX_DEPTH	250
#define MAX_STATES	(60U * 1000 * 1000)
#define CHEAP_STATES	(1000U * 1000)
#define ON_PATH		(-1.0)

struct world w;
const struct config *config;

static struct {
	struct visited *seen;
	struct visited *canonical;	/* raw keys: those that also exist */
	unsigned int limit;		/* of depth; 0: none */
	unsigned int deepest;
	unsigned int steps;		/* of the history that violates */
	bool too_many;
	struct event path[MAX_DEPTH];
	struct world saved[MAX_DEPTH];
} s;

void world_init(void)
{
	struct list_head none, released;
	struct hm_acks zero = { 0 };

	memset(&w, 0, sizeof(w));
	INIT_LIST_HEAD(&none);
	INIT_LIST_HEAD(&released);
	hm_stream_init(&w.stream, config->ordering);
	hm_apply_init(&w.apply);
	hm_stream_resume(&w.stream, &zero, &none, &released);
	hm_stream_set_alone(&w.stream, false, &none);
	w.apply.volatile_cache = (config->flags & F_CACHE) &&
				 !(config->flags & F_LIE_CACHE);
	w.apply.every_group_durable = (config->flags & F_EVERY) &&
				      !(config->flags & F_LIE_EVERY);
	if (config->flags & F_LOG)
		hm_apply_use_log(&w.apply, true, 0);
	w.cuts = config->cuts;
	w.fails = config->fails;
}

static void here(u8 *key, u32 *index, bool *fresh)
{
	bool ignored;

	if (s.canonical) {
		world_key(key);
		visited_find(s.canonical, key, &ignored);
		world_raw_key(key);
	} else {
		world_key(key);
	}
	*index = visited_find(s.seen, key, fresh);
}

static double explore(unsigned int depth);

static double follow(unsigned int depth, const struct event *list,
		     unsigned int n)
{
	double histories = n ? 0 : 1;
	unsigned int i;

	s.saved[depth] = w;
	for (i = 0; i < n; i++) {
		if (i)
			w = s.saved[depth];
		s.path[depth] = list[i];
		event_type(list[i].type)->step(list[i].arg);
		histories += explore(depth + 1);
		if (violated_claim || s.too_many)
			break;
	}
	return histories;
}

static double look_around(unsigned int depth)
{
	struct event list[MAX_EVENTS];
	bool progress, idle;
	unsigned int n;

	n = events_enabled(list, &progress, &idle);
	if (!progress)
		claims_idle();
	if (!progress && !idle)
		claims_settled();
	if (violated_claim) {
		s.steps = depth;
		return 0;
	}
	return follow(depth, list, n);
}

/* Looking for the shortest: the value is the least depth at which it came. */
static double explore_to_limit(unsigned int depth, u32 index, bool fresh)
{
	double *value = visited_value(s.seen, index);

	if (depth == s.limit || (!fresh && *value <= depth))
		return 0;
	*value = depth;
	return look_around(depth);
}

static double explore_all(unsigned int depth, u32 index, bool fresh)
{
	double *value = visited_value(s.seen, index);
	double histories;

	if (!fresh) {
		if (*value == ON_PATH) {
			violated('f', "the same state again: no end");
			s.steps = depth;
		}
		return *value;
	}
	*value = ON_PATH;
	histories = look_around(depth);
	/* The table may have moved. */
	*visited_value(s.seen, index) = histories;
	return histories;
}

static double explore(unsigned int depth)
{
	u8 key[MAX_KEY];
	bool fresh;
	u32 index;

	if (!violated_claim)
		claims_now();
	if (violated_claim) {
		s.steps = depth;
		return 0;
	}
	here(key, &index, &fresh);
	s.deepest = max(s.deepest, depth);
	s.too_many |= depth + 1 >= MAX_DEPTH ||
		      visited_count(s.seen) > MAX_STATES;
	if (s.too_many)
		return 0;
	if (s.limit)
		return explore_to_limit(depth, index, fresh);
	return explore_all(depth, index, fresh);
}

static void run(struct result *r, bool raw, unsigned int limit)
{
	u8 key[MAX_KEY];

	world_init();
	memset(r, 0, sizeof(*r));
	violated_claim = 0;
	s.limit = limit;
	s.deepest = 0;
	s.too_many = false;
	s.canonical = raw ? visited_begin(VISITED_CANONICAL, world_key(key)) :
			    NULL;
	s.seen = visited_begin(VISITED, raw ? world_raw_key(key) :
					      world_key(key));
	r->histories = explore(0);
	r->states = visited_count(s.seen);
	r->canonical = raw ? visited_count(s.canonical) : 0;
	r->depth = s.deepest;
	r->claim = violated_claim;
	r->words = violated_words;
	r->steps = s.steps;
	r->too_many = s.too_many;
}

void search(struct result *r, bool raw)
{
	run(r, raw, 0);
}

/*
 * The first violation that a search finds is long; look for a short one, as
 * long as that is cheap.
 */
void search_shortest(struct result *r)
{
	unsigned int limit;
	u32 states = 0;

	for (limit = 1; limit < MAX_DEPTH && states < CHEAP_STATES; limit++) {
		run(r, false, limit);
		if (r->claim)
			return;
		states += r->states;
	}
	run(r, false, 0);
}

void search_print(const struct result *r)
{
	char words[128];
	unsigned int i;

	world_init();
	for (i = 0; i < r->steps; i++) {
		event_words(&s.path[i], words, sizeof(words));
		printf("    %2u. %s\n", i + 1, words);
		event_type(s.path[i].type)->step(s.path[i].arg);
	}
	printf("    violates (%c): %s\n", r->claim, r->words);
}
