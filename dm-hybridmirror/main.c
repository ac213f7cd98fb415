// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module init and exit.
 */
#include <linux/module.h>
#include <uapi/linux/sched/types.h>

#include "backup.h"
#include "hm.h"
#include "primary.h"

unsigned int hm_peer_timeout_ms = 10000;
module_param_named(peer_timeout_ms, hm_peer_timeout_ms, uint, 0644);
MODULE_PARM_DESC(peer_timeout_ms, "Milliseconds after which a silent peer is given up (10000)");

unsigned int hm_stall_timeout_ms = 60000;
module_param_named(stall_timeout_ms, hm_stall_timeout_ms, uint, 0644);
MODULE_PARM_DESC(stall_timeout_ms, "Milliseconds for which writes are held for the backup's sake before they go on alone (60000)");

struct workqueue_struct *hm_io_wq;
struct workqueue_struct *hm_zero_wq;
struct workqueue_struct *hm_meta_wq;
struct workqueue_struct *hm_misc_wq;

/**
 * hm_thread_gather() - whether a thread lets its work gather
 * @t: the thread
 * @gather: nobody waits for what it does
 *
 * Such a thread does not preempt whoever runs when it is woken: on a processor
 * that is busy updates gather, and share the cost of a send, an interrupt and a
 * wake-up; on an idle one it runs at once, as before. Its share of the time is
 * the same.
 *
 * Context: may sleep.
 */
void hm_thread_gather(struct task_struct *t, bool gather)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = gather ? SCHED_BATCH : SCHED_NORMAL,
	};

	sched_setattr_nocheck(t, &attr);
}

/**
 * hm_thread_yields() - may the current task be kept off the processor for long?
 *
 * Return: true if others go first whenever they want to, or are about to.
 *
 * Context: process.
 */
bool hm_thread_yields(void)
{
	return task_nice(current) > 0 || current->policy == SCHED_IDLE ||
	       need_resched();
}

static int __init hm_init_queues(void)
{
	hm_io_wq = alloc_workqueue("hm_io", WQ_MEM_RECLAIM | WQ_UNBOUND |
				   WQ_HIGHPRI, 0);
	hm_zero_wq = alloc_workqueue("hm_zero", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	hm_meta_wq = alloc_workqueue("hm_meta", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	hm_misc_wq = alloc_workqueue("hm_misc", WQ_UNBOUND, 0);
	return hm_io_wq && hm_zero_wq && hm_meta_wq && hm_misc_wq ?
		       0 : -ENOMEM;
}

static void hm_cleanup(void)
{
	if (hm_misc_wq)
		destroy_workqueue(hm_misc_wq);
	if (hm_meta_wq)
		destroy_workqueue(hm_meta_wq);
	if (hm_zero_wq)
		destroy_workqueue(hm_zero_wq);
	if (hm_io_wq)
		destroy_workqueue(hm_io_wq);
	hm_arrival_cache_exit();
	hm_write_cache_exit();
}

static int __init hm_init(void)
{
	int err;

	hm_crc_choose();
	err = hm_write_cache_init();
	if (!err)
		err = hm_arrival_cache_init();
	if (!err)
		err = hm_init_queues();
	if (!err)
		err = dm_register_target(&hm_backup_target);
	if (err)
		goto cleanup;
	err = dm_register_target(&hm_primary_target);
	if (!err)
		return 0;
	dm_unregister_target(&hm_backup_target);
cleanup:
	hm_cleanup();
	return err;
}

static void __exit hm_exit(void)
{
	dm_unregister_target(&hm_primary_target);
	dm_unregister_target(&hm_backup_target);
	hm_cleanup();
}

module_init(hm_init);
module_exit(hm_exit);

MODULE_DESCRIPTION("device-mapper: asynchronous mirror that keeps the order of dependent writes");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crc32c");
