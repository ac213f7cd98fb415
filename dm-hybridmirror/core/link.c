// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states that the status line shows, and which may follow which. Every
 * change in the glue passes through one function that asks here.
 */
#include "link.h"

/**
 * hm_link_allowed() - may the connection go from one state to another?
 * @from: the state it is in
 * @to: the state it would enter
 *
 * Return: true if it may. To stay in a state is not a change, and is allowed
 * only in HM_LINK_DOWN, which every state may enter at any time.
 *
 * Context: any.
 */
bool hm_link_allowed(enum hm_link from, enum hm_link to)
{
	static const u32 allowed[HM_LINK_STATES] = {
		[HM_LINK_DOWN] = BIT(HM_LINK_CONNECTING) |
				 BIT(HM_LINK_LISTENING),
		[HM_LINK_CONNECTING] = BIT(HM_LINK_HANDSHAKE),
		[HM_LINK_LISTENING] = BIT(HM_LINK_HANDSHAKE) |
				      BIT(HM_LINK_CONNECTED),
		[HM_LINK_HANDSHAKE] = BIT(HM_LINK_CONNECTED) |
				      BIT(HM_LINK_REFUSED) |
				      BIT(HM_LINK_CONNECTING) |
				      BIT(HM_LINK_LISTENING),
		[HM_LINK_CONNECTED] = BIT(HM_LINK_CONNECTING) |
				      BIT(HM_LINK_LISTENING),
		[HM_LINK_REFUSED] = BIT(HM_LINK_CONNECTING) |
				    BIT(HM_LINK_HANDSHAKE),
	};

	if ((unsigned int)from >= HM_LINK_STATES ||
	    (unsigned int)to >= HM_LINK_STATES)
		return false;
	return to == HM_LINK_DOWN || (allowed[from] & BIT(to));
}

/**
 * hm_link_name() - the word for a state of the connection
 * @state: the state
 *
 * Return: a static string, as the status line has it.
 *
 * Context: any.
 */
const char *hm_link_name(enum hm_link state)
{
	static const char * const name[HM_LINK_STATES] = {
		[HM_LINK_DOWN] = "down",
		[HM_LINK_CONNECTING] = "connecting",
		[HM_LINK_LISTENING] = "listening",
		[HM_LINK_HANDSHAKE] = "handshake",
		[HM_LINK_CONNECTED] = "connected",
		[HM_LINK_REFUSED] = "refused",
	};

	if ((unsigned int)state >= HM_LINK_STATES)
		return "unknown";
	return name[state];
}

/**
 * hm_sync_allowed() - may the copy's worth go from one state to another?
 * @from: the state it is in
 * @to: the state it would enter
 *
 * What was not recorded cannot be sent: out of HM_SYNC_BEHIND leads only the
 * copying of its regions.
 *
 * Return: true if it may. To stay in a state is not a change.
 *
 * Context: any.
 */
bool hm_sync_allowed(enum hm_sync from, enum hm_sync to)
{
	static const u32 allowed[HM_SYNC_STATES] = {
		[HM_SYNC_STREAMING] = BIT(HM_SYNC_SUSPENDED) |
				      BIT(HM_SYNC_COPYING) |
				      BIT(HM_SYNC_BEHIND),
		[HM_SYNC_SUSPENDED] = BIT(HM_SYNC_STREAMING) |
				      BIT(HM_SYNC_COPYING) |
				      BIT(HM_SYNC_BEHIND),
		[HM_SYNC_COPYING] = BIT(HM_SYNC_STREAMING) |
				    BIT(HM_SYNC_SUSPENDED) |
				    BIT(HM_SYNC_BEHIND),
		[HM_SYNC_BEHIND] = BIT(HM_SYNC_COPYING),
	};

	if ((unsigned int)from >= HM_SYNC_STATES ||
	    (unsigned int)to >= HM_SYNC_STATES)
		return false;
	return allowed[from] & BIT(to);
}

/**
 * hm_sync_name() - the word for the copy's worth
 * @state: the state
 *
 * Return: a static string, as the status line has it.
 *
 * Context: any.
 */
const char *hm_sync_name(enum hm_sync state)
{
	static const char * const name[HM_SYNC_STATES] = {
		[HM_SYNC_STREAMING] = "streaming",
		[HM_SYNC_SUSPENDED] = "suspended",
		[HM_SYNC_COPYING] = "copying",
		[HM_SYNC_BEHIND] = "behind",
	};

	if ((unsigned int)state >= HM_SYNC_STATES)
		return "unknown";
	return name[state];
}
