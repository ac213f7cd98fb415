/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_HANDSHAKE_H
#define HM_CORE_HANDSHAKE_H

#include "codec.h"

/*
 * enum hm_refusal - why two hosts do not mirror; the numbers are on the wire
 *
 * hm_refusal_text() has the words. The backup finds most and says so in its
 * hello; the primary judges that hello again and does not trust it.
 */
enum hm_refusal {
	HM_WELCOME		= 0,
	HM_REFUSE_VERSION	= 1,	/* no version in common */
	HM_REFUSE_FEATURES	= 2,	/* the peer needs a feature we lack */
	HM_REFUSE_SET		= 3,	/* set names differ */
	HM_REFUSE_VOLUMES	= 4,	/* volume numbers differ */
	HM_REFUSE_SIZE		= 5,	/* a volume's sizes differ */
	HM_REFUSE_BLOCK		= 6,	/* the backup's logical block is larger than ours */
	HM_REFUSE_BUSY		= 7,	/* another primary is connected */
	HM_REFUSE_STREAM	= 8,	/* the backup follows another stream */
	HM_REFUSE_NOT_READY	= 9,	/* the backup's target is suspended or stopping */
	HM_REFUSE_DAMAGED	= 10,	/* the hello is damaged or malformed */
	HM_REFUSE_POSITION	= 11,	/* the backlog lacks what the backup needs next */
	HM_REFUSE_RESTARTED	= 12,	/* the backup has no memory of the stream */
	HM_REFUSE_ANSWER	= 13,	/* the answer cannot be true */
};

const char *hm_refusal_text(enum hm_refusal why);
bool hm_refusal_names_volume(enum hm_refusal why);

/**
 * struct hm_backup_self - what the backup knows when a hello arrives
 * @hello: what it would say: stream (zero if none), set, volumes, acks
 * @connected: a session is live
 * @ready: its targets are resumed
 */
struct hm_backup_self {
	struct hm_hello hello;
	bool connected;
	bool ready;
};

enum hm_refusal hm_judge_primary(const struct hm_backup_self *self,
				 const struct hm_hello *primary, u16 *volume);
enum hm_refusal hm_judge_backup(const struct hm_hello *self,
				const struct hm_hello *backup, u16 *volume);
bool hm_every_group_durable(const struct hm_hello *primary,
			    const struct hm_hello *backup);

#endif
