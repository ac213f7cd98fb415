/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_LINK_H
#define HM_CORE_LINK_H

#include "env.h"

/**
 * enum hm_link - state of a set's connection
 * @HM_LINK_DOWN: no target of the set is active
 * @HM_LINK_CONNECTING: primary: trying, or waiting to try again
 * @HM_LINK_LISTENING: backup: waiting for its primary
 * @HM_LINK_HANDSHAKE: a connection exists, the two sides judge each other
 * @HM_LINK_CONNECTED: records flow
 * @HM_LINK_REFUSED: primary: the last handshake was refused; it is tried again
 * @HM_LINK_STATES: how many there are
 */
enum hm_link {
	HM_LINK_DOWN,
	HM_LINK_CONNECTING,
	HM_LINK_LISTENING,
	HM_LINK_HANDSHAKE,
	HM_LINK_CONNECTED,
	HM_LINK_REFUSED,
	HM_LINK_STATES,
};

/**
 * enum hm_sync - what the copy is worth
 * @HM_SYNC_STREAMING: the backup follows the stream, or can, from the backlog
 * @HM_SYNC_SUSPENDED: the backup's disk refused an update; the backlog is kept,
 *	the message "resume" goes on in order
 * @HM_SYNC_COPYING: the stream is recorded, but does not hold everything: dirty
 *	regions are, or are to be, copied, and the backup is inconsistent meanwhile
 * @HM_SYNC_BEHIND: updates are not recorded, their regions are remembered
 * @HM_SYNC_STATES: how many there are
 */
enum hm_sync {
	HM_SYNC_STREAMING,
	HM_SYNC_SUSPENDED,
	HM_SYNC_COPYING,
	HM_SYNC_BEHIND,
	HM_SYNC_STATES,
};

bool hm_link_allowed(enum hm_link from, enum hm_link to);
const char *hm_link_name(enum hm_link state);
bool hm_sync_allowed(enum hm_sync from, enum hm_sync to);
const char *hm_sync_name(enum hm_sync state);

#endif
