/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world that the explorer drives: an application, a primary and a backup
 * running the code of core/, a wire, and two disks. There is one world, at one
 * address: its lists point into it, so copying it away and back restores it.
 */
#ifndef HM_MODEL_H
#define HM_MODEL_H

#include "apply.h"
#include "stream.h"
#include "visited.h"

#define MAX_UPDATES	5
#define MAX_MENU	8
#define MAX_FLIGHT	2	/* acknowledgments on their way */
#define MAX_LAYERS	8	/* writes of one block that landed */
#define BLOCKS		4	/* two volumes of two blocks */
#define BLOCK_SECTORS	8

/* config.flags: what is explored, each a source of more interleavings */
#define F_LATE_SENT	0x0001	/* the sender is through later than the wire */
#define F_LAND		0x0002	/* a write lands before its completion */
#define F_LAZY		0x0004	/* hm_apply_next() is called later */
#define F_LATE_DELIVERY	0x0008	/* completions reach the application later */
#define F_WANT_ANYTIME	0x0010	/* the glue asks for flushes at any time */
#define F_CRASH		0x0020	/* the primary may die */
#define F_STALL		0x0040	/* on_disconnect stall */
#define F_CACHE		0x0080	/* the backup's disk has a volatile cache */
#define F_EVERY		0x0100	/* every_group_durable */
#define F_LOG		0x0200	/* the backup has a log */

/* config.flags of negative controls: the glue is wrong on purpose */
#define F_LIE_FLUSH	0x1000	/* a flush answers and has done nothing */
#define F_LIE_CACHE	0x2000	/* core/ is not told of the volatile cache */
#define F_LIE_EVERY	0x4000	/* core/ is not told every_group_durable */
#define F_LIE_ACK	0x8000	/* received is acknowledged on sending */
#define F_LIE_LOST	0x10000	/* a flush never answers */
#define F_LIE_LOG	0x20000	/* the log answers and has kept nothing */

/* What the application may issue */
struct item {
	const char *words;
	u8 kind;
	u8 flags;
	u8 volume;
	u8 block;
	u8 blocks;
	u8 ack;
};

struct config {
	const char *name;
	u8 updates;
	u8 ordering;
	u8 cuts;
	u8 fails;
	u8 acks;		/* on their way at one time */
	u32 flags;
	enum { WHEN_ALWAYS, WHEN_DEEP, WHEN_RAW } when;
	const char *broken;	/* belongs to the build with that control */
	char expect;		/* the claim that must be violated, or 0 */
	struct item menu[MAX_MENU];
};

/*
 * The backup's disk. The writes of a block that landed lie in layers, the
 * newest is visible; a loss of power takes away any that are above the floor.
 */
struct disk {
	u8 flight;		/* issued, not answered */
	u8 landed;		/* of flight: visible */
	u8 done;		/* answered */
	u8 visible;		/* ever landed */
	u8 depth[BLOCKS];
	u8 layer[BLOCKS][MAX_LAYERS];
	u8 floor[BLOCKS];
	u8 covered[BLOCKS];	/* the floor once the running flush is done */
	bool flushing;
};

enum link { LINK_UP, LINK_GONE, LINK_HELLO };

/* Update number n (its seq) is bit n - 1 of a mask and at [n - 1]. */
struct world {
	struct hm_stream stream;
	struct hm_apply apply;
	struct hm_update primary[MAX_UPDATES];
	struct hm_update backup[MAX_UPDATES];
	u8 issued;
	u8 item[MAX_UPDATES];
	u8 delivered;		/* completions that the application knows */
	u8 owed;		/* completions on their way to it */
	u8 needs[MAX_UPDATES];	/* on which it depends */
	u8 needs_flushed[MAX_UPDATES];	/* likewise, with a volatile cache */
	u8 local;		/* in flight on the primary's disk */
	u8 image[BLOCKS];	/* of the primary's disk: number of the writer */
	struct disk disk;
	u8 ring;		/* the newest update in the log */
	u8 link;
	u8 wire_end;		/* the newest update on the wire */
	u8 through;		/* the newest that the sender is done with */
	u8 cuts;		/* left */
	u8 fails;		/* left */
	u8 acks;		/* on their way */
	struct hm_acks ack[MAX_FLIGHT];
	struct hm_acks last_ack;
	bool dead;		/* the primary */
	u64 late_close;		/* controls/close.c: group to be closed later */
};

struct event {
	u8 type;
	u8 arg;
};

/* An event that can happen; the table is in events.c */
struct event_type {
	const char *words;	/* %d: number of the update */
	enum { FOR_ONE, FOR_UPDATE, FOR_ITEM } args;
	enum { PROGRESS, IDLE, FAULT } nature;
	bool (*enabled)(int arg);
	void (*step)(int arg);
};

extern struct world w;
extern const struct config *config;
extern const char *const control;	/* the part that is broken, or NULL */
extern const struct config configs[];

#define bit(i)		(1U << (i))

static inline const struct item *item_of(int i)
{
	return &config->menu[w.item[i]];
}

static inline bool covers(int i, int block)
{
	const struct item *it = item_of(i);

	return block >= it->volume * 2 + it->block &&
	       block < it->volume * 2 + it->block + it->blocks;
}

void world_init(void);

/* primary.c */
extern const struct event_type primary_events[];
extern const unsigned int primary_events_nr;

/* wire.c */
extern const struct event_type wire_events[];
extern const unsigned int wire_events_nr;
void take_completed(struct list_head *completed);
void take_released(struct list_head *released);

/* backup.c */
extern const struct event_type backup_events[];
extern const unsigned int backup_events_nr;
void backup_pump(void);

/* log.c */
extern const struct event_type log_events[];
extern const unsigned int log_events_nr;
void log_append(struct hm_update *first);
bool log_visible(int i);
void claims_log(void);

/* disk.c */
void disk_issue(struct disk *d, int i);
void disk_land(struct disk *d, int i);
void disk_complete(struct disk *d, int i);
void disk_fail(struct disk *d, int i);
void disk_flush_start(struct disk *d);
void disk_flush_done(struct disk *d);
bool disk_survives(const struct disk *d, int i);

/* events.c */
const struct event_type *event_type(unsigned int type);
unsigned int events_enabled(struct event *list, bool *progress, bool *idle);
void event_words(const struct event *e, char *buf, size_t bytes);

#define MAX_EVENTS	64

/* claims.c */
extern char violated_claim;
extern const char *violated_words;
void violated(char claim, const char *words);
void claims_on_completion(const struct hm_update *u);
void claims_now(void);
void claims_idle(void);
void claims_settled(void);
void claims_on_issue(int i);
bool durable_on_backup(int i);

/* key.c */
#define MAX_KEY		2048
unsigned int world_key(u8 *key);
unsigned int world_raw_key(u8 *key);

/* search.c */
struct result {
	u32 states;
	u32 canonical;		/* with raw keys: how many other keys */
	unsigned int depth;
	double histories;
	char claim;
	const char *words;
	unsigned int steps;
	bool too_many;
};

void search(struct result *r, bool raw);
void search_shortest(struct result *r);
void search_print(const struct result *r);

#endif
