// SPDX-License-Identifier: GPL-2.0-only
/*
 * The connection: the sender, records on the wire, acknowledgments, cuts and
 * handshakes. What was on the wire when the primary lost the connection may
 * still reach the backup until it sees the next handshake.
 */
#include "model.h"

void take_completed(struct list_head *completed)
{
	struct hm_update *u;

	while ((u = list_first_entry_or_null(completed, struct hm_update,
					     ready))) {
		list_del_init(&u->ready);
		claims_on_completion(u);
		if (violated_claim)
			return;
		w.owed |= bit(u->seq - 1);
	}
	if (!(config->flags & F_LATE_DELIVERY)) {
		w.delivered |= w.owed;
		w.owed = 0;
	}
}

void take_released(struct list_head *released)
{
	struct hm_update *u;

	while ((u = list_first_entry_or_null(released, struct hm_update,
					     stream)))
		list_del_init(&u->stream);
}

static void sent(void)
{
	struct list_head completed, released;

	INIT_LIST_HEAD(&completed);
	INIT_LIST_HEAD(&released);
	w.through = w.wire_end;
	hm_stream_sent(&w.stream, w.through, &completed, &released);
	take_completed(&completed);
	take_released(&released);
}

static bool take_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.stream.unsent;
}

static void take_step(int arg)
{
	struct hm_update *u = hm_stream_take(&w.stream);

	(void)arg;
	if (!u || u->seq != w.wire_end + 1U) {
		violated('f', "the sender was not given the next record");
		return;
	}
	w.wire_end = (u8)u->seq;
	if (!(config->flags & F_LATE_SENT))
		sent();
}

static bool sent_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.through < w.wire_end;
}

static void sent_step(int arg)
{
	(void)arg;
	sent();
}

static bool ack_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.acks < config->acks &&
	       memcmp(&w.last_ack, &w.apply.at, sizeof(w.last_ack));
}

static void ack_step(int arg)
{
	(void)arg;
	w.last_ack = w.apply.at;
	w.ack[w.acks] = w.apply.at;
	if (config->flags & F_LIE_ACK)
		w.ack[w.acks].received = w.stream.taken;
	w.acks++;
}

static bool ack_arrives_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.acks;
}

static void ack_arrives_step(int arg)
{
	struct list_head completed, released;
	bool ok;

	(void)arg;
	INIT_LIST_HEAD(&completed);
	INIT_LIST_HEAD(&released);
	ok = hm_stream_ack(&w.stream, &w.ack[0], &completed, &released);
	if (!ok)
		violated('e', "the primary refuses a true acknowledgment");
	take_completed(&completed);
	take_released(&released);
	w.acks--;
	memmove(&w.ack[0], &w.ack[1], sizeof(w.ack[0]) * (MAX_FLIGHT - 1));
	memset(&w.ack[w.acks], 0, sizeof(w.ack[0]));
}

static bool cut_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.cuts;
}

static void cut_step(int arg)
{
	struct list_head completed;

	(void)arg;
	w.cuts--;
	w.link = LINK_GONE;
	w.acks = 0;
	memset(w.ack, 0, sizeof(w.ack));
	if (config->flags & F_STALL)
		return;
	INIT_LIST_HEAD(&completed);
	hm_stream_set_alone(&w.stream, true, &completed);
	take_completed(&completed);
}

static bool hello_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_GONE;
}

static void hello_step(int arg)
{
	(void)arg;
	w.link = LINK_HELLO;
	w.ack[0] = w.apply.at;
	w.last_ack = w.apply.at;
	w.wire_end = (u8)w.apply.at.received;
	w.through = w.wire_end;
}

static bool resume_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_HELLO;
}

static void resume_step(int arg)
{
	struct list_head completed, released;

	(void)arg;
	w.link = LINK_UP;
	INIT_LIST_HEAD(&completed);
	INIT_LIST_HEAD(&released);
	if (!hm_stream_resume(&w.stream, &w.ack[0], &completed, &released))
		violated('f', "the primary cannot go on after a cut");
	memset(w.ack, 0, sizeof(w.ack));
	take_completed(&completed);
	take_released(&released);
	hm_stream_set_alone(&w.stream, false, &completed);
	take_completed(&completed);
}

const struct event_type wire_events[] = {
	{ "a record is put on the wire", FOR_ONE, PROGRESS,
	  take_enabled, take_step },
	{ "the sender is through with what it put there", FOR_ONE, PROGRESS,
	  sent_enabled, sent_step },
	{ "the backup sends an acknowledgment", FOR_ONE, PROGRESS,
	  ack_enabled, ack_step },
	{ "an acknowledgment reaches the primary", FOR_ONE, PROGRESS,
	  ack_arrives_enabled, ack_arrives_step },
	{ "the primary loses the connection", FOR_ONE, FAULT,
	  cut_enabled, cut_step },
	{ "a new connection: the backup says how far it is", FOR_ONE, PROGRESS,
	  hello_enabled, hello_step },
	{ "the primary goes on after that", FOR_ONE, PROGRESS,
	  resume_enabled, resume_step },
};
const unsigned int wire_events_nr = ARRAY_SIZE(wire_events);
