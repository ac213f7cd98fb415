/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both roles share: names, parameters, log prefixes.
 *
 * Arrows run one way: targets -> sets and connections -> core. Two objects
 * carry all state: struct hm_primary and struct hm_backup, each one ordering
 * domain ("set"). A set lives as long as a target instance refers to it, so the
 * stream survives a table reload.
 */
#ifndef HM_H
#define HM_H

#include <linux/device-mapper.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "core/args.h"
#include "core/codec.h"
#include "core/link.h"

#define DM_MSG_PREFIX "hybridmirror"

/* Reserves of each set: one update of the largest size can always be held. */
#define HM_RESERVED_UPDATES	64
#define HM_RESERVED_PAGES	((HM_MAX_PAYLOAD >> PAGE_SHIFT) + 64)

/* Milliseconds between signs of life on an idle connection. */
#define HM_HEARTBEAT_MS		1000

extern unsigned int hm_peer_timeout_ms;
extern unsigned int hm_stall_timeout_ms;

/*
 * hm_io_wq: what completions need (submitting held updates); nothing on it waits
 * for the network, or for a disk longer than until its queue has room, which it
 * makes by itself. hm_zero_wq: zeroing by hand, which waits for what the disk
 * performs. hm_meta_wq: writes that wait for their metadata. hm_misc_wq: handshakes
 * and events.
 */
extern struct workqueue_struct *hm_io_wq;
extern struct workqueue_struct *hm_zero_wq;
extern struct workqueue_struct *hm_meta_wq;
extern struct workqueue_struct *hm_misc_wq;

/* crc.c */
u32 hm_crc(u32 crc, const void *from, size_t bytes);
void hm_crc_choose(void);

void hm_thread_gather(struct task_struct *t, bool gather);
bool hm_thread_yields(void);

extern struct target_type hm_primary_target;
extern struct target_type hm_backup_target;

#endif
