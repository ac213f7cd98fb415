// SPDX-License-Identifier: GPL-2.0-only
/*
 * The writers of a run, and the vector that each update carries.
 *
 * The vector is a copy of run->acked, taken right before the update is
 * issued. Whatever it names was acknowledged earlier, hence before the update
 * was issued; an acknowledgment that comes in between is missing from it, and
 * errs on the safe side.
 *
 * Completion ordering: acked[w] is the last completed update of writer w.
 *
 * Flush ordering: acked[w] is the greatest k such that each of the updates
 * 1..k of writer w is durable. An update is durable if it was a completed FUA
 * write, or if it had completed when a flush of its own volume was called
 * that has succeeded since. done[] is copied before the flush is called, and
 * flushed[v][w] becomes that copy afterwards: all updates of w up to there
 * that went to volume v are durable. Since the volume of an update is a
 * function of its number, one number for each writer suffices in the vector:
 * acked[w] moves over update k + 1 once that one's volume was flushed. A flush
 * of one volume alone can therefore acknowledge updates that are demanded by
 * the next write to any other volume.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stamp.h"

struct writer {
	struct run *run;
	pthread_t thread;
	uint32_t id;
	uint64_t random;
	struct stamp *stamp;
};

struct run {
	struct run_options opt;
	struct volume *vol;
	struct writer writer[MAX_WRITERS];
	_Atomic uint64_t *acked;
	_Atomic uint64_t done[MAX_WRITERS];	/* completed, durable or not */
	pthread_mutex_t lock;			/* for flushed, and its users */
	uint64_t flushed[MAX_VOLUMES][MAX_WRITERS];
	pthread_barrier_t start;
	_Atomic uint64_t tickets;
	atomic_uint active;
	atomic_bool stop;
	atomic_bool failed;
};

static void run_error(struct run *run, const char *what, uint32_t volume,
		      const struct stamp *stamp, int error)
{
	atomic_store(&run->failed, true);
	atomic_store(&run->stop, true);
	complain("%s %s failed (block %" PRIu64 ", update %" PRIu64 " of writer %u): %s; the run ends here, look for the reason in the kernel log",
		 what, run->vol[volume].path, stamp->block, stamp->update,
		 stamp->writer, strerror(error));
}

static bool is_dsync(const struct run *run, uint64_t update)
{
	return run->opt.dsync_every && update % run->opt.dsync_every == 0;
}

static bool is_durable(const struct run *run, uint32_t w, uint64_t update)
{
	uint32_t volume;
	uint64_t block;

	if (is_dsync(run, update))
		return true;
	stamp_locate(&run->opt.geo, w, update, &volume, &block);
	return update <= run->flushed[volume][w];
}

/* With run->lock held: the only place where flush ordering acknowledges. */
static void advance(struct run *run, uint32_t w)
{
	uint64_t done = atomic_load(&run->done[w]);
	uint64_t k = atomic_load(&run->acked[w]);

	while (k < done && is_durable(run, w, k + 1))
		k++;
	atomic_store(&run->acked[w], k);
}

static bool flush_volume(struct run *run, uint32_t volume,
			 const struct stamp *stamp)
{
	uint64_t before[MAX_WRITERS];
	uint32_t w;

	for (w = 0; w < run->opt.geo.writers; w++)
		before[w] = atomic_load(&run->done[w]);
	if (fdatasync(run->vol[volume].fd)) {
		run_error(run, "flushing", volume, stamp, errno);
		return false;
	}
	if (run->opt.geo.ordering != ORDER_FLUSH)
		return true;
	pthread_mutex_lock(&run->lock);
	for (w = 0; w < run->opt.geo.writers; w++) {
		/* Flushes overlap; the one that ends last may know less. */
		if (run->flushed[volume][w] < before[w])
			run->flushed[volume][w] = before[w];
		advance(run, w);
	}
	pthread_mutex_unlock(&run->lock);
	return true;
}

/* Is called when the update has completed, before anything else happens. */
static void completed(struct run *run, uint32_t w, uint64_t update)
{
	atomic_store(&run->done[w], update);
	if (run->opt.geo.ordering == ORDER_COMPLETION) {
		atomic_store(&run->acked[w], update);
	} else if (is_dsync(run, update)) {
		pthread_mutex_lock(&run->lock);
		advance(run, w);
		pthread_mutex_unlock(&run->lock);
	}
}

/*
 * An update is in the journal before it is issued and after all that its
 * vector names: every beginning of the journal is a good cut.
 */
static bool journal_add(struct run *run, const struct stamp *stamp)
{
	ssize_t ret;

	if (run->opt.journal < 0)
		return true;
	ret = write(run->opt.journal, stamp, stamp->geo.block_size);
	if (ret == (ssize_t)stamp->geo.block_size)
		return true;
	run_error(run, "writing the journal of updates to", stamp->volume,
		  stamp, ret < 0 ? errno : ENOSPC);
	return false;
}

static bool do_update(struct writer *writer, uint64_t update)
{
	struct run *run = writer->run;
	struct stamp *stamp = writer->stamp;
	struct timespec now;
	uint32_t w;
	int ret;

	stamp_fill(&run->opt.geo, writer->id, update, stamp);
	clock_gettime(CLOCK_REALTIME, &now);
	stamp->issued_ns = (uint64_t)now.tv_sec * 1000000000 +
			   (uint64_t)now.tv_nsec;
	for (w = 0; w < run->opt.geo.writers; w++)
		stamp->acked[w] = atomic_load(&run->acked[w]);
	stamp_seal(stamp);
	if (!journal_add(run, stamp))
		return false;
	ret = volume_write(&run->vol[stamp->volume], stamp,
			   run->opt.geo.block_size,
			   stamp->block * run->opt.geo.block_size,
			   is_dsync(run, update));
	if (ret) {
		run_error(run, "writing to", stamp->volume, stamp, -ret);
		return false;
	}
	completed(run, writer->id, update);
	if (run->opt.flush_every && update % run->opt.flush_every == 0)
		return flush_volume(run, stamp->volume, stamp);
	return true;
}

static void think(struct writer *writer)
{
	struct timespec pause;
	uint64_t us;

	if (!writer->run->opt.think_us)
		return;
	writer->random = stamp_mix(writer->random);
	us = writer->random % (writer->run->opt.think_us + 1);
	pause.tv_sec = (time_t)(us / 1000000);
	pause.tv_nsec = (long)(us % 1000000) * 1000;
	nanosleep(&pause, NULL);
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	struct run *run = writer->run;
	uint64_t update;

	/* On a fast device the first one could do all before the last began. */
	pthread_barrier_wait(&run->start);
	for (update = 1; update <= MAX_UPDATES; update++) {
		if (atomic_load(&run->stop))
			break;
		if (run->opt.updates &&
		    atomic_fetch_add(&run->tickets, 1) >= run->opt.updates)
			break;
		if (!do_update(writer, update))
			break;
		think(writer);
	}
	atomic_fetch_sub(&run->active, 1);
	return NULL;
}

struct run *run_start(const struct run_options *opt, struct volume *vol,
		      _Atomic uint64_t *acked)
{
	struct run *run = calloc(1, sizeof(*run));
	struct writer *writer;
	uint32_t w;
	int ret;

	if (!run)
		fail("out of memory");
	run->opt = *opt;
	run->vol = vol;
	run->acked = acked;
	pthread_mutex_init(&run->lock, NULL);
	pthread_barrier_init(&run->start, NULL, opt->geo.writers);
	atomic_store(&run->active, opt->geo.writers);
	for (w = 0; w < opt->geo.writers; w++) {
		writer = &run->writer[w];
		writer->run = run;
		writer->id = w;
		writer->random = stamp_mix(~opt->geo.seed) ^ w;
		writer->stamp = alloc_aligned(opt->geo.block_size);
		ret = pthread_create(&writer->thread, NULL, writer_main,
				     writer);
		if (ret)
			fail("cannot start writer %u: %s", w, strerror(ret));
	}
	return run;
}

bool run_active(struct run *run)
{
	return atomic_load(&run->active) && !atomic_load(&run->stop);
}

void run_stop(struct run *run)
{
	atomic_store(&run->stop, true);
}

/* Waits for the updates that are under way. False if there was an error. */
bool run_finish(struct run *run, uint64_t *updates)
{
	uint32_t w;
	bool good;

	for (w = 0; w < run->opt.geo.writers; w++)
		pthread_join(run->writer[w].thread, NULL);
	*updates = 0;
	for (w = 0; w < run->opt.geo.writers; w++) {
		*updates += atomic_load(&run->done[w]);
		free(run->writer[w].stamp);
	}
	good = !atomic_load(&run->failed);
	pthread_barrier_destroy(&run->start);
	pthread_mutex_destroy(&run->lock);
	free(run);
	return good;
}
