// SPDX-License-Identifier: GPL-2.0-only
/*
 * Breadth first, by the number of steps that somebody has to do; what goes on by
 * itself costs nothing. So the first violation found is the shortest. Worlds
 * that differ only in the names of generations and streams are the same one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "generations.h"
#include "visited.h"

#define MAX_STATES	(24U * 1000 * 1000)
#define MAX_ENABLED	64

struct world w;
const struct config *config;

/* How a state was first reached; depth counts steps that are not free. */
struct arrival {
	u32 from;
	struct step step;
	u8 depth;
	bool done;
};

static struct {
	struct visited *seen;
	struct arrival *arrival;
	u32 room;
	u32 *queue[2];		/* of this depth, of the next one */
	u32 queued[2];
	u32 queue_room[2];
	u32 last;		/* the state that violates */
	struct step last_step;
	bool by_step;
} s;

struct names {
	u8 name[256];
	u8 used;
};

static void rename_one(struct names *n, u8 *value)
{
	if (!*value)
		return;
	if (!n->name[*value])
		n->name[*value] = ++n->used;
	*value = n->name[*value];
}

static void rename_line(struct names *n, struct line *l)
{
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		rename_one(n, &l->generation[i]);
}

static void rename_generations(void)
{
	struct names n = { .used = 0 };
	u8 h;

	for (h = 0; h < HOSTS; h++) {
		rename_line(&n, &w.host[h].super.line);
		rename_line(&n, &w.host[h].line);
	}
	rename_line(&n, &w.link.line);
	rename_line(&n, &w.link.self.line);
	rename_line(&n, &w.link.answer.line);
	for (h = 0; h < HOSTS; h++) {
		rename_one(&n, &w.host[h].p.hello_generation);
		rename_one(&n, &w.host[h].p.origin);
	}
	rename_one(&n, &w.link.ack_generation);
}

static void rename_streams(void)
{
	struct names n = { .used = 0 };
	u8 h;

	for (h = 0; h < HOSTS; h++)
		rename_one(&n, &w.host[h].p.stream);
	rename_one(&n, &w.link.self.stream);
	rename_one(&n, &w.link.answer.stream);
	rename_one(&n, &w.link.stream);
	for (h = 0; h < HOSTS; h++) {
		rename_one(&n, &w.host[h].b.stream);
		rename_one(&n, &w.host[h].super.stream);
	}
}

static u32 intern(bool *fresh)
{
	rename_generations();
	rename_streams();
	return visited_find(s.seen, (const u8 *)&w, fresh);
}

static void push(unsigned int which, u32 index)
{
	if (s.queued[which] == s.queue_room[which]) {
		s.queue_room[which] = 2 * s.queue_room[which] + 1024;
		s.queue[which] = realloc(s.queue[which],
					 s.queue_room[which] * sizeof(u32));
		if (!s.queue[which])
			abort();
	}
	s.queue[which][s.queued[which]++] = index;
}

static struct arrival *arrival(u32 index)
{
	if (index >= s.room) {
		s.room = 2 * s.room + 4096;
		s.arrival = realloc(s.arrival, s.room * sizeof(*s.arrival));
		if (!s.arrival)
			abort();
	}
	return &s.arrival[index];
}

static void come_to(u32 from, const struct step *step, u8 depth,
		    unsigned int which)
{
	struct arrival *a;
	bool fresh;
	u32 index;

	regions_save();
	index = intern(&fresh);
	a = arrival(index);
	if (!fresh && a->depth <= depth)
		return;
	a->from = from;
	a->step = *step;
	a->depth = depth;
	a->done = false;
	push(which, index);
}

static void restore(u32 index)
{
	memcpy(&w, visited_key(s.seen, index), sizeof(w));
	regions_load();
}

/* Return: false if a claim is violated. */
static bool follow(u32 index, struct result *r)
{
	struct step list[MAX_ENABLED];
	unsigned int i, n;
	u8 depth = s.arrival[index].depth;

	restore(index);
	n = steps_enabled(list, MAX_ENABLED);
	for (i = 0; i < n; i++) {
		bool is_free = step_is_free(&list[i]);

		if (!is_free && depth == config->depth)
			continue;
		restore(index);
		step_take(&list[i]);
		r->histories++;
		claims_now();
		if (violated_claim) {
			s.last = index;
			s.last_step = list[i];
			s.by_step = true;
			return false;
		}
		come_to(index, &list[i], depth + !is_free, !is_free);
	}
	return true;
}

/* All of one depth; what is free adds to it while we are at it. */
static bool follow_depth(struct result *r)
{
	u32 i;

	for (i = 0; i < s.queued[0]; i++) {
		u32 index = s.queue[0][i];

		if (s.arrival[index].done)
			continue;
		s.arrival[index].done = true;
		if (!follow(index, r))
			return false;
		r->too_many = visited_count(s.seen) > MAX_STATES;
		if (r->too_many)
			return false;
	}
	return true;
}

static bool next_depth(void)
{
	u32 *queue = s.queue[0], room = s.queue_room[0];

	s.queue[0] = s.queue[1];
	s.queued[0] = s.queued[1];
	s.queue_room[0] = s.queue_room[1];
	s.queue[1] = queue;
	s.queued[1] = 0;
	s.queue_room[1] = room;
	return s.queued[0];
}

/* The first that goes on by itself, and that changes anything */
static bool settle_step(void)
{
	struct step list[MAX_ENABLED];
	struct world before = w;
	unsigned int i, n;

	n = steps_enabled(list, MAX_ENABLED);
	for (i = 0; i < n; i++) {
		if (!step_is_free(&list[i]))
			continue;
		step_take(&list[i]);
		if (memcmp(&before, &w, sizeof(w)))
			return true;
	}
	return false;
}

/* Whatever goes on by itself */
static void settle(void)
{
	while (!violated_claim && settle_step())
		;
}

void world_begin(void)
{
	const struct step *step;

	memset(&w, 0, sizeof(w));
	memset(w.host[0].disk, 1, REGIONS);
	memset(w.host[1].disk, config->flags & G_CLEAN ? 1 : 2, REGIONS);
	w.truth.contents = ORIGINS;
	violated_claim = 0;
	regions_load();
	for (step = config->prefix; step->type && !violated_claim; step++) {
		if (step->type == S_SETTLE)
			settle();
		else
			step_take(step);
		claims_now();
	}
	regions_save();
}

void search(struct result *r)
{
	static const struct step none;

	memset(r, 0, sizeof(*r));
	s.seen = visited_begin(VISITED, sizeof(w));
	s.queued[0] = 0;
	s.queued[1] = 0;
	s.by_step = false;
	world_begin();
	if (!violated_claim) {
		come_to(0, &none, 0, 0);
		s.last = 0;
		while (follow_depth(r) && next_depth())
			r->depth++;
	}
	r->states = visited_count(s.seen);
	r->claim = violated_claim;
	r->words = violated_words;
}

static void print_to(u32 index)
{
	if (!index)
		return;
	print_to(s.arrival[index].from);
	restore(index);
	{
		char words[96];

		step_words(&s.arrival[index].step, words, sizeof(words));
		printf("    %s\n", words);
		world_print();
	}
}

void search_print(void)
{
	char words[96];

	if (!s.by_step) {
		printf("    in the prefix\n");
		return;
	}
	restore(0);
	printf("    to begin with\n");
	world_print();
	print_to(s.last);
	restore(s.last);
	violated_claim = 1;
	step_words(&s.last_step, words, sizeof(words));
	printf("    %s\n", words);
	step_take(&s.last_step);
	world_print();
}
