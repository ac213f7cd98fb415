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
	HM_REFUSE_OUTDATED	= 8,	/* the backup's data is newer */
	HM_REFUSE_NOT_READY	= 9,	/* the backup's target is suspended or stopping */
	HM_REFUSE_DAMAGED	= 10,	/* the hello is damaged or malformed */
	HM_REFUSE_DIVERGED	= 11,	/* both sides were written apart */
	HM_REFUSE_UNRELATED	= 12,	/* the two hold data of different origin */
	HM_REFUSE_ANSWER	= 13,	/* the answer cannot be true */
	HM_REFUSE_METADATA	= 14,	/* the backup cannot write its metadata */
	HM_REFUSE_LAST		= HM_REFUSE_METADATA,
};

const char *hm_refusal_text(enum hm_refusal why);
bool hm_refusal_names_volume(enum hm_refusal why);
bool hm_refusal_of_lineage(enum hm_refusal why);

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

/**
 * enum hm_way - how two sides that belong together go on
 * @HM_WAY_RESUME: the stream goes on after what the backup has received
 * @HM_WAY_BEGIN: the backup holds what the primary held when its stream began:
 *	the stream is sent from its beginning
 * @HM_WAY_COPY: what the stream does not hold, and what the backup may have
 *	changed by itself, is copied; the backup is inconsistent meanwhile
 * @HM_WAY_COPY_ALL: likewise, everything
 */
enum hm_way {
	HM_WAY_RESUME,
	HM_WAY_BEGIN,
	HM_WAY_COPY,
	HM_WAY_COPY_ALL,
};

bool hm_hello_adopted(const struct hm_hello *primary,
		      const struct hm_hello *backup, u64 told);
enum hm_way hm_judge_way(const struct hm_hello *primary,
			 const struct hm_hello *backup);
enum hm_refusal hm_judge_primary(const struct hm_backup_self *self,
				 const struct hm_hello *primary, u16 *volume);
enum hm_refusal hm_judge_backup(const struct hm_hello *self,
				const struct hm_hello *backup, u16 *volume);
bool hm_every_group_durable(const struct hm_hello *primary,
			    const struct hm_hello *backup);

#endif
