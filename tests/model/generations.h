/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two hosts that lose each other, crash, return and change roles. What decides
 * is the code of core/: lineage.c, handshake.c and regions.c. What surrounds it
 * follows the module's glue step by step; each function here names the one that
 * it stands for.
 *
 * The world is bytes only, so that copying it is all there is to saving it. The
 * bits of the regions lie in arrays outside of it, since struct hm_regions has
 * pointers; see regions_load().
 */
#ifndef HM_GENERATIONS_H
#define HM_GENERATIONS_H

#include "handshake.h"
#include "regions.h"

#define HOSTS		2
#define REGIONS		2
#define BACKLOG		6
#define ORIGINS		3	/* contents that nobody wrote: 1 and 2; 0: none */
#define CONTENTS	8
#define ACCEPTED	6
#define REGION_SECTORS	128U

enum role { DOWN, PRIMARY, BACKUP };
enum sync { STREAMING, COPYING, BEHIND };
enum stage { APART, ANSWERED, LINKED };
enum message { NOTHING, START, RECORD, ADOPT };
enum started { NOT_STARTED, BEGUN, STARTED };

/* struct hm_lineage, its generations numbered */
struct line {
	u8 generation[HM_GENERATIONS];
	u8 covered;
	u8 covers_fresh;
	u8 inconsistent;
	u8 untold;
};

/* An update, or the copy of a region: afterwards it holds this content. */
struct record {
	u8 region;
	u8 content;
	u8 copy;
};

/* struct hm_super and the bitmap, as on the metadata device */
struct super {
	u8 formatted;
	u8 role;
	u8 forced;
	u8 stream;
	u8 position;
	u8 seq;
	u8 bitmap;
	struct line line;
};

/* struct hm_primary and its hm_stream; acked.applied is acked.durable */
struct primary {
	u8 stream;
	u8 last_seq;
	u8 taken;
	u8 received;
	u8 durable;
	u8 told;
	struct record backlog[BACKLOG];	/* of durable + 1 and so on */
	u8 backlogged;
	u8 sync;
	u8 alone;
	u8 apart;
	u8 origin;
	u8 first[REGIONS];	/* its disk when the stream began */
	u8 adopted;
	u8 copying;
	u8 adopt;
	u8 adopt_sent;
	u8 adopt_after;
	u8 hello_generation;
	u8 cleaning;
	u8 clean_after;
	u8 clean_flight;	/* in flight when the cycle began */
	u8 flight;	/* the local disk has not answered; 0: none */
	u8 flight_region;
	u8 undelivered;	/* contents done locally, not yet completed; a mask */
	u8 staged;
	u8 waits_after;
	u8 ended;	/* hm_conn_ended() is to go alone */
};

/* struct hm_backup; what is applied is durable */
struct backup {
	u8 stream;
	u8 lost;
	u8 position;
	u8 received;
	u8 durable;
	struct record pending[BACKLOG];
	u8 pendings;
	u8 staging;
	u8 image[REGIONS];	/* the disk, were what is staged performed */
	u8 gives_up;
	u8 refusal;
	u8 forced;
};

struct host {
	u8 disk[REGIONS];
	struct super super;
	u8 role;
	struct line line;
	u8 bits[6];		/* of struct hm_regions */
	struct primary p;
	struct backup b;
};

/* What matters of struct hm_hello */
struct hello {
	struct line line;
	u8 stream;
	u8 origin;
	u8 last_seq;
	u8 received;
	u8 durable;
	u8 flags;
	u8 flags_high;
};

/*
 * The connection. The primary's end may be gone while the backup still receives,
 * and the other way round.
 */
struct link {
	u8 stage;		/* the primary's end */
	u8 primary;		/* which host that is */
	struct hello self;	/* while ANSWERED */
	struct hello answer;
	u8 session;		/* the backup's end is there */
	u8 started;
	u8 stream;		/* of the session */
	struct line line;	/* the primary's, as the backup was told */
	u8 origin;		/* likewise */
	u8 wire;		/* enum message */
	u8 wire_flags;
	u8 wire_seq;
	struct record wire_record;
	u8 expected[REGIONS];	/* if it adopts: what the backup must hold */
	u8 ack;			/* an acknowledgment is on its way */
	u8 ack_received;
	u8 ack_durable;
	u8 ack_generation;
	u8 ack_staging;
};

/*
 * What no host knows: which content each was written over, the disk after it,
 * and what became of it. Masks are by content.
 */
struct truth {
	u8 contents;		/* the next one's number */
	u8 over[CONTENTS];
	u8 image[CONTENTS];
	u8 accepted[ACCEPTED];	/* images that the operator declared to be good */
	u16 acked;		/* completed to the application */
	u16 mirrored;		/* completed since the backup had it */
	u16 forgotten;		/* lost with the backup's memory */
	u16 risk;		/* likewise, and the primary has not owned up */
	u16 owned;		/* a primary that held it was stopped in order */
	u16 given;		/* the operator let it go */
	u8 forced;		/* bit h: promoted by force, the other one was whole */
	u8 paired;		/* both remember that they were equal */
	u8 replaced;		/* a side has lost its disk */
	u8 declared;		/* a primary has begun with what it found */
};

struct world {
	struct host host[HOSTS];
	struct link link;
	struct truth truth;
};

/* config.flags: how the hosts are set up */
#define G_CLEAN		0x01	/* the sides are declared to be equal */
#define G_STALL		0x02	/* on_disconnect stall */

/* config.flags: each a source of more interleavings */
#define G_SLOW		0x0100	/* the local disk answers late */
#define G_DROP		0x0200	/* what is on the wire outlives the primary's end */
#define G_LATE_ACK	0x0400	/* likewise acknowledgments, and the backup */
#define G_BEHIND	0x0800	/* the backlog is full */
#define G_CLEANING	0x1000	/* regions are cleaned while linked */
#define G_REPLACE	0x2000	/* a disk is lost for good */
#define G_FORCE		0x4000	/* an inconsistent side may be promoted */
#define G_BOUNCE	0x80	/* suspended and resumed */
#define G_APART		0x8000	/* a write to come has begun a generation */

/* config.flags of negative controls: the glue is wrong on purpose */
#define G_IN_FLIGHT	0x40	/* a region is cleaned before the local disk has it */
#define G_EARLY		0x04	/* control: it is adopted before all is durable */
#define G_FORGETFUL	0x08	/* control: what is to be copied is not made dirty */
#define G_HASTY		0x20	/* control: adoption does not wait for the last copy */
#define G_LAZY		0x10	/* control: nor is what is to be written */
#define G_LAG		0x20000	/* the backup may be far behind when it connects */
#define G_STAGE		0x40000	/* copies are staged, as long as there is room */
#define G_WORD		0x80000	/* control: its word counts for what is staged */
#define G_UNCLEAN	0x100000 /* control: regions are cleaned meanwhile */
#define G_TRUSTING	0x200000 /* control: what was staged is thought to be there */
#define G_SAME		0x10000	/* control: a copy begins no generation */

struct step {
	u8 type;
	u8 arg;
};

#define MAX_PREFIX	48
#define FORGETS(h)	(1U << (h))	/* config.forgets: no metadata device */

struct config {
	const char *name;
	u32 flags;
	u8 forgets;
	u8 writes;
	u8 depth;
	bool deep;		/* large: only if asked for */
	const char *control;	/* belongs to the build with that control */
	char expect;		/* the claim that must be violated, or 0 */
	struct step prefix[MAX_PREFIX];
};

enum step_type {
	S_END, S_WRITE, S_SLOW, S_APART, S_BEHIND, S_CUT, S_DROP, S_CRASH,
	S_STOP, S_PRIMARY, S_BACKUP, S_FORCE, S_GIVE_UP, S_REPLACE, S_SWITCH,
	S_BOUNCE,
	/* What goes on by itself */
	S_LOCAL, S_CATCH_UP, S_ALONE, S_END_SESSION, S_NOTICE, S_HELLO, S_ANSWER, S_BEGIN,
	S_FORGET, S_UNSTAGE, S_SEND, S_OFFER, S_RECEIVE, S_APPLY, S_ADOPT, S_ACK,
	S_ACKED, S_COPY, S_CYCLE, S_CLEAN,
	S_TYPES,
	S_SETTLE = S_TYPES,	/* in a prefix: all that goes on by itself */
};

extern struct world w;
extern const struct config *config;
extern struct hm_regions regions[HOSTS];
extern const char *const control;
extern const struct config configs[];

/* generations-host.c */
void regions_load(void);
void regions_save(void);
struct hm_lineage line_get(const struct line *l);
void line_put(struct line *to, const struct hm_lineage *from);
u8 new_generation(void);
u8 new_stream(void);
bool forgets(u8 h);
void write_supers(u8 h, const struct hm_lineage *l);
void write_regions(u8 h);
bool may_start(u8 h, u8 role);
void start_primary(u8 h);
void start_backup(u8 h);
void stop(u8 h);
void bounce(u8 h);
void switch_role(u8 h);
bool may_switch(u8 h);
void crash(u8 h);
void replace(u8 h);

/* generations-primary.c */
bool linked(u8 h);
bool wants_apart(u8 h);
void write_apart(u8 h);
bool may_write(u8 h);
void write_region(u8 h, u8 region, bool slow);
void local_done(u8 h);
void fall_behind(u8 h);
bool unsettled(u8 h);
void be_alone(u8 h);
bool may_catch_up(u8 h);
void catch_up(u8 h);
bool may_send(u8 h);
void send_record(u8 h);
bool may_offer(u8 h);
void offer_adoption(u8 h);
bool may_copy(u8 h, u8 *region);
void copy_region(u8 h, u8 region);
bool may_cycle(u8 h);
bool may_clean(u8 h);
void cycle(u8 h);
void clean(u8 h);
void acked(u8 h);
void complete(u8 h);
void lose_backlog(u8 h);
void drop_backlog(u8 h);

/* generations-link.c */
void link_cut(void);
void link_drop(u8 h);
bool has_session(u8 h);
void session_over(u8 h);
bool may_hello(u8 h);
bool may_heed(u8 h);
void shake_hands(u8 h);
void heed_answer(u8 h);

/* generations-backup.c */
bool may_begin(u8 h);
void begin(u8 h);
bool may_unstage(u8 h);
void unstage(u8 h);
bool may_forget(u8 h);
void forget_regions(u8 h);
bool may_receive(u8 h);
void receive(u8 h);
void apply_next(u8 h);
bool may_adopt(u8 h);
void adopt(u8 h);
bool may_ack(u8 h);
void send_ack(u8 h);
bool may_force(u8 h);
void force(u8 h);
bool may_give_up(u8 h);
void give_up(u8 h);
void note_position(u8 h);

/* generations-claims.c */
extern char violated_claim;
extern const char *violated_words;
void violated(char claim, const char *words);
u16 below(u8 content);
u16 held_by(u8 h);
void accept_image(u8 h);
void claims_now(void);
void claim_welcome(u8 primary, u8 backup);
void claim_partial(u8 primary, u8 backup);
void claim_promotion(u8 h, bool forced);
void expect_adoption(u8 h);
void claim_adopted(u8 h);

/* generations-events.c */
unsigned int steps_enabled(struct step *list, unsigned int room);
bool step_is_free(const struct step *s);
void step_take(const struct step *s);
void step_words(const struct step *s, char *words, size_t bytes);
void world_print(void);

/* generations-search.c */
struct result {
	u32 states;
	unsigned int depth;
	double histories;
	char claim;
	const char *words;
	bool too_many;
};

void world_begin(void);
void search(struct result *r);
void search_print(void);

#endif
