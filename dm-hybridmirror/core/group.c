// SPDX-License-Identifier: GPL-2.0-only
/*
 * The algorithm, as "Asynchronous hybrid mirroring" (application 10/758,484)
 * gives it. Updates in flight at the same moment cannot depend on each other:
 * an application that depends on an update waits for its completion.
 *
 *   Primary: an update is issued. No group open: increment the group number,
 *   open the group. Tag the update with the number, send it, issue it locally.
 *   At the first completion of a member of the open group, close the group
 *   (the next update opens a new one), then return that completion to the
 *   application.
 *
 *   Backup: same number as the current group: count it, issue it at once.
 *   Higher number: hold it unless the current group's count is zero, in which
 *   case it becomes the current group. Lower number: a protocol error. A
 *   completion decrements the count; at zero the held updates are looked at
 *   again.
 */
#include "group.h"

/**
 * hm_group_issue() - an update is issued: the number of the group it joins
 * @g: the ordering domain's counter
 *
 * Context: under the domain's lock, in the same step that queues the update.
 */
u64 hm_group_issue(struct hm_grouping *g)
{
	if (!g->open) {
		g->number++;
		g->open = true;
	}
	return g->number;
}

/**
 * hm_group_close() - a member is about to be returned to the application
 * @g: the ordering domain's counter
 * @member: the group that the member was tagged with
 *
 * Only the newest group can be open, so a late member of an old one changes
 * nothing.
 *
 * Context: under the domain's lock, before the completion is delivered.
 */
void hm_group_close(struct hm_grouping *g, u64 member)
{
	if (member == g->number)
		g->open = false;
}

/**
 * hm_gate_arrival() - may an update of this group be performed now?
 * @gate: the backup's gate
 * @group: the update's group
 *
 * Updates must come to the gate in the order of the stream.
 *
 * Context: under the lock that protects @gate.
 */
enum hm_gate_verdict hm_gate_arrival(struct hm_gate *gate, u64 group)
{
	if (group < gate->current_group)
		return HM_GATE_ERROR;
	if (group > gate->current_group) {
		if (gate->outstanding)
			return HM_GATE_HOLD;
		gate->current_group = group;
	}
	gate->outstanding++;
	return HM_GATE_ISSUE;
}

/**
 * hm_gate_completion() - an update of the current group is complete
 * @gate: the backup's gate
 *
 * Return: true at zero: the held updates are to be looked at again.
 *
 * Context: under the lock that protects @gate.
 */
bool hm_gate_completion(struct hm_gate *gate)
{
	return --gate->outstanding == 0;
}
