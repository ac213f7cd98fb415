// SPDX-License-Identifier: GPL-2.0-only
/* All that can happen, and what it is called. */
#include <stdio.h>

#include "model.h"

const struct event_type *event_type(unsigned int type)
{
	if (type < primary_events_nr)
		return &primary_events[type];
	type -= primary_events_nr;
	if (type < wire_events_nr)
		return &wire_events[type];
	type -= wire_events_nr;
	if (type < backup_events_nr)
		return &backup_events[type];
	type -= backup_events_nr;
	return type < log_events_nr ? &log_events[type] : NULL;
}

static unsigned int event_args(const struct event_type *t)
{
	switch (t->args) {
	case FOR_UPDATE:
		return w.issued;
	case FOR_ITEM:
		return MAX_MENU;
	default:
		return 1;
	}
}

/*
 * An event of nature IDLE is one that the glue is free to leave out for as
 * long as anything else goes on.
 */
unsigned int events_enabled(struct event *list, bool *progress, bool *idle)
{
	const struct event_type *t;
	unsigned int type, arg, n = 0;

	*progress = false;
	*idle = false;
	for (type = 0; (t = event_type(type)); type++) {
		if (t->nature == IDLE && *progress &&
		    !(config->flags & F_WANT_ANYTIME))
			continue;
		for (arg = 0; arg < event_args(t); arg++) {
			if (!t->enabled((int)arg))
				continue;
			*progress |= t->nature == PROGRESS;
			*idle |= t->nature == IDLE;
			list[n].type = (u8)type;
			list[n++].arg = (u8)arg;
		}
	}
	return n;
}

/* Before it happens: the number of an update to be issued is the next one. */
void event_words(const struct event *e, char *buf, size_t bytes)
{
	const struct event_type *t = event_type(e->type);

	switch (t->args) {
	case FOR_ITEM:
		snprintf(buf, bytes, "%s #%d: %s", t->words, w.issued + 1,
			 config->menu[e->arg].words);
		break;
	case FOR_UPDATE:
		snprintf(buf, bytes, t->words, e->arg + 1);
		break;
	default:
		snprintf(buf, bytes, "%s", t->words);
	}
}
