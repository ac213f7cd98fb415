// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can happen next. Some of it somebody has to do, and counts as a step; the
 * rest goes on by itself, but may be overtaken by anything.
 */
#include <stdio.h>

#include "generations.h"

struct list {
	struct step *step;
	unsigned int n;
	unsigned int room;
};

static bool has(u32 flag)
{
	return config->flags & flag;
}

static void offer(struct list *l, bool can, u8 type, u8 h, u8 region)
{
	if (!can || l->n == l->room)
		return;
	l->step[l->n].type = type;
	l->step[l->n++].arg = h | region << 1;
}

static void offer_writes(struct list *l, u8 h)
{
	u8 r;

	for (r = 0; r < REGIONS; r++) {
		offer(l, may_write(h), S_WRITE, h, r);
		offer(l, may_write(h) && has(G_SLOW), S_SLOW, h, r);
	}
	offer(l, wants_apart(h) && has(G_APART), S_APART, h, 0);
}

static void offer_primary(struct list *l, u8 h)
{
	const struct primary *p = &w.host[h].p;
	u8 region = 0;
	bool copy = may_copy(h, &region);

	offer(l, p->flight, S_LOCAL, h, 0);
	offer(l, p->ended, S_ALONE, h, 0);
	offer(l, may_catch_up(h), S_CATCH_UP, h, 0);
	offer(l, linked(h) && unsettled(h), S_END_SESSION, h, 0);
	offer(l, linked(h) && !has_session(!h), S_NOTICE, h, 0);
	offer(l, may_hello(h), S_HELLO, h, 0);
	offer(l, may_heed(h), S_ANSWER, h, 0);
	offer(l, may_offer(h), S_OFFER, h, 0);
	offer(l, may_send(h), S_SEND, h, 0);
	offer(l, linked(h) && w.link.ack, S_ACKED, h, 0);
	offer(l, copy, S_COPY, h, region);
	offer(l, may_cycle(h) && has(G_CLEANING), S_CYCLE, h, 0);
	offer(l, may_clean(h), S_CLEAN, h, 0);
	offer_writes(l, h);
	offer(l, p->sync != BEHIND && has(G_BEHIND), S_BEHIND, h, 0);
}

static void offer_backup(struct list *l, u8 h)
{
	offer(l, may_begin(h), S_BEGIN, h, 0);
	offer(l, may_forget(h), S_FORGET, h, 0);
	offer(l, may_unstage(h) && has(G_STAGE), S_UNSTAGE, h, 0);
	offer(l, may_adopt(h), S_ADOPT, h, 0);
	offer(l, may_receive(h), S_RECEIVE, h, 0);
	offer(l, w.host[h].b.pendings, S_APPLY, h, 0);
	offer(l, may_ack(h), S_ACK, h, 0);
	offer(l, has_session(h) && w.link.stage == APART, S_NOTICE, h, 0);
	offer(l, may_force(h) && has(G_FORCE), S_FORCE, h, 0);
	offer(l, may_give_up(h), S_GIVE_UP, h, 0);
}

static void offer_host(struct list *l, u8 h)
{
	u8 role = w.host[h].role;

	if (role == PRIMARY)
		offer_primary(l, h);
	else if (role == BACKUP)
		offer_backup(l, h);
	offer(l, may_start(h, PRIMARY), S_PRIMARY, h, 0);
	offer(l, may_start(h, BACKUP), S_BACKUP, h, 0);
	offer(l, role && !w.host[h].p.flight, S_STOP, h, 0);
	offer(l, role && may_switch(h), S_SWITCH, h, 0);
	offer(l, role && !w.host[h].p.flight && has(G_BOUNCE), S_BOUNCE, h, 0);
	offer(l, role, S_CRASH, h, 0);
	offer(l, !role && has(G_REPLACE) && w.truth.declared, S_REPLACE, h, 0);
}

unsigned int steps_enabled(struct step *list, unsigned int room)
{
	struct list l = { list, 0, room };
	u8 h;

	for (h = 0; h < HOSTS; h++)
		offer_host(&l, h);
	offer(&l, w.link.stage != APART && w.link.session, S_CUT, 0, 0);
	offer(&l, w.link.stage != APART && w.link.session && has(G_DROP),
	      S_DROP, w.link.primary, 0);
	return l.n;
}

bool step_is_free(const struct step *s)
{
	return s->type >= S_LOCAL;
}

static void take_of_host(u8 type, u8 h, u8 region)
{
	switch (type) {
	case S_WRITE:
	case S_SLOW:
		write_region(h, region, type == S_SLOW);
		break;
	case S_APART:
		write_apart(h);
		break;
	case S_BEHIND:
		fall_behind(h);
		break;
	case S_CUT:
	case S_NOTICE:
		link_cut();
		break;
	case S_DROP:
	case S_END_SESSION:
		link_drop(h);
		break;
	case S_CRASH:
		crash(h);
		break;
	case S_STOP:
		stop(h);
		break;
	case S_SWITCH:
		switch_role(h);
		break;
	case S_BOUNCE:
		bounce(h);
		break;
	case S_PRIMARY:
		start_primary(h);
		break;
	case S_BACKUP:
		start_backup(h);
		break;
	case S_FORCE:
		force(h);
		break;
	case S_GIVE_UP:
		give_up(h);
		break;
	case S_REPLACE:
		replace(h);
		break;
	}
}

static void take_by_itself(u8 type, u8 h, u8 region)
{
	switch (type) {
	case S_LOCAL:
		local_done(h);
		break;
	case S_ALONE:
		be_alone(h);
		break;
	case S_CATCH_UP:
		catch_up(h);
		break;
	case S_HELLO:
		shake_hands(h);
		break;
	case S_ANSWER:
		heed_answer(h);
		break;
	case S_BEGIN:
		begin(h);
		break;
	case S_FORGET:
		forget_regions(h);
		break;
	case S_UNSTAGE:
		unstage(h);
		break;
	case S_SEND:
		send_record(h);
		break;
	case S_OFFER:
		offer_adoption(h);
		break;
	case S_RECEIVE:
		receive(h);
		break;
	case S_APPLY:
		apply_next(h);
		break;
	case S_ADOPT:
		adopt(h);
		break;
	case S_ACK:
		send_ack(h);
		if (!has(G_LATE_ACK))
			acked(!h);
		break;
	case S_ACKED:
		acked(h);
		break;
	case S_COPY:
		copy_region(h, region);
		break;
	case S_CYCLE:
		cycle(h);
		break;
	case S_CLEAN:
		clean(h);
		break;
	}
}

void step_take(const struct step *s)
{
	take_of_host(s->type, s->arg & 1, s->arg >> 1);
	take_by_itself(s->type, s->arg & 1, s->arg >> 1);
}

void step_words(const struct step *s, char *words, size_t bytes)
{
	static const char * const text[S_TYPES] = {
		[S_WRITE] = "writes region",
		[S_SLOW] = "writes, its disk has not answered, region",
		[S_APART] = "begins a generation for a write to come",
		[S_BEHIND] = "falls behind",
		[S_CUT] = "or the other: the link is cut",
		[S_DROP] = "drops the link, what it sent may arrive",
		[S_CRASH] = "crashes",
		[S_SWITCH] = "changes its role",
		[S_BOUNCE] = "is suspended and resumed",
		[S_STOP] = "is stopped",
		[S_PRIMARY] = "starts as primary",
		[S_BACKUP] = "starts as backup",
		[S_FORCE] = "may be promoted though inconsistent",
		[S_GIVE_UP] = "gives up what it alone has",
		[S_REPLACE] = "gets another disk and empty metadata",
		[S_LOCAL] = "has its disk's answer",
		[S_ALONE] = "goes on alone",
		[S_CATCH_UP] = "has its backup close behind",
		[S_END_SESSION] = "ends the session to settle something",
		[S_NOTICE] = "sees that the link is gone",
		[S_HELLO] = "connects, the backup answers",
		[S_ANSWER] = "heeds the answer",
		[S_BEGIN] = "begins as it is told",
		[S_FORGET] = "forgets regions of its own",
		[S_UNSTAGE] = "has no more room to stage",
		[S_SEND] = "sends an update",
		[S_OFFER] = "offers its generation",
		[S_RECEIVE] = "receives an update",
		[S_APPLY] = "applies an update",
		[S_ADOPT] = "adopts the generation",
		[S_ACK] = "acknowledges",
		[S_ACKED] = "has the acknowledgment",
		[S_COPY] = "copies region",
		[S_CYCLE] = "begins to clean",
		[S_CLEAN] = "cleans",
	};
	bool of_region = s->type == S_WRITE || s->type == S_SLOW ||
			 s->type == S_COPY;

	snprintf(words, bytes, "%c %s%s", 'a' + (s->arg & 1), text[s->type],
		 !of_region ? "" : s->arg >> 1 ? " 1" : " 0");
}

static void print_line(const struct line *l)
{
	unsigned int i;

	printf("[");
	for (i = 0; i < HM_GENERATIONS && l->generation[i]; i++)
		printf("%s%u", i ? " " : "", l->generation[i]);
	printf("] %u%s%s%s", l->covered, l->covers_fresh ? " covers fresh" : "",
	       l->inconsistent ? " inconsistent" : "",
	       l->untold ? " untold" : "");
}

static void print_memory(u8 h)
{
	static const char * const sync[] = { "streaming", "copying", "behind" };
	const struct host *host = &w.host[h];
	const struct primary *p = &host->p;
	const struct backup *b = &host->b;

	printf("; ");
	print_line(&host->line);
	printf(" dirty %lx unsynced %lx", *regions[h].dirty,
	       *regions[h].unsynced);
	if (host->role == PRIMARY)
		printf(" %s seq %u taken %u durable %u%s%s%s%s%s", sync[p->sync],
		       p->last_seq, p->taken, p->durable,
		       p->alone ? " alone" : "", p->apart ? " apart" : "",
		       p->copying ? " told to copy" : "",
		       p->staged ? " staged" : "",
		       linked(h) ? " linked" : "");
	else
		printf(" received %u durable %u%s%s%s", b->received, b->durable,
		       b->lost ? " lost" : "", b->staging ? " staging" : "",
		       b->gives_up ? " gives up" : "");
}

void world_print(void)
{
	static const char * const role[] = { "down", "primary", "backup" };
	u8 h;

	for (h = 0; h < HOSTS; h++) {
		const struct host *host = &w.host[h];

		printf("        %c %-7s disk %u %u metadata ", 'a' + h,
		       role[host->role], host->disk[0], host->disk[1]);
		if (host->super.formatted)
			printf("%s ", role[host->super.role]);
		print_line(&host->super.line);
		printf(" dirty %x", host->super.bitmap);
		if (host->role)
			print_memory(h);
		printf("\n");
	}
}
