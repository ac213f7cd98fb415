// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes from a hostile peer. What a decoder lets through must be inside all
 * limits and must encode to the very same bytes.
 *
 * The first byte says what the rest is. Unless it says otherwise magic,
 * checksum and session are made to fit, or no input would ever get past them.
 */
#include "fuzz.h"
#include "codec.h"
#include "handshake.h"

#define WHAT		0x07
#define AS_IT_IS	0x08

#define SESSION		0x0123456789abcdefULL

static void seal(void *w, size_t bytes)
{
	u32 crc = cpu_to_le32(crc32c(HM_CRC_SEED, w, bytes - 4));

	memcpy((u8 *)w + bytes - 4, &crc, 4);
}

static const struct hm_record_limits limits = {
	.session = SESSION,
	.sectors = { [0] = 1 << 20, [1] = 1000, [15] = ~0ULL - 7 },
	.logical_block = { [0] = 512, [1] = 512, [15] = 4096 },
};

static void check_control(const struct hm_record *r)
{
	const struct hm_update *u = &r->update;

	check(u->kind <= HM_CTRL_ADOPT);
	check(!r->payload && !u->sectors && !u->group);
	check(!u->sector || (u->kind == HM_CTRL_START &&
			     (u->flags & HM_START_STAGE)));
	check(!(u->flags & ~HM_START_FLAGS));
	check(!u->flags || u->kind == HM_CTRL_START);
	check(u->seq || u->kind != HM_CTRL_START);
	check(!u->seq || u->kind != HM_CTRL_PING);
}

static void fuzz_record(struct hm_wire_record *w, bool as_it_is)
{
	struct hm_wire_record again;
	struct hm_update *u;
	struct hm_record r;

	if (!as_it_is) {
		w->magic = cpu_to_le32(HM_RECORD_MAGIC);
		w->session = cpu_to_le64(SESSION);
		seal(w, sizeof(*w));
	}
	if (hm_decode_record(w, &limits, &r) != HM_DECODE_OK)
		return;
	u = &r.update;
	check(r.session == SESSION);
	check(u->volume < HM_MAX_VOLUMES);
	if (u->kind >= HM_CTRL_START) {
		check_control(&r);
		if (u->kind == HM_CTRL_START)
			hm_encode_start(&again, u->flags, r.session, u->seq,
					u->sector);
		else
			hm_encode_control(&again, u->kind, 0, r.session,
					  u->seq);
	} else {
		check(u->kind >= HM_WRITE && u->kind <= HM_FLUSH);
		check(u->seq && u->group);
		check(u->sector + u->sectors >= u->sector);
		check(u->sector + u->sectors <= limits.sectors[u->volume]);
		check(u->sectors <= HM_CHUNK_SECTORS);
		check((u->kind == HM_FLUSH) == !u->sectors);
		if (u->sectors)
			check(u->sector >> HM_CHUNK_SHIFT ==
			      (u->sector + u->sectors - 1) >> HM_CHUNK_SHIFT);
		check(r.payload <= HM_MAX_PAYLOAD);
		check(r.payload == (u->kind == HM_WRITE ?
				    u->sectors * 512 : 0));
		hm_encode_record(&again, u, r.session, r.payload_crc);
	}
	check(!memcmp(w, &again, sizeof(again)));
}

static void fuzz_ack(struct hm_wire_ack *w, bool as_it_is)
{
	struct hm_wire_ack again;
	struct hm_ack_record a;

	if (!as_it_is) {
		w->magic = cpu_to_le32(HM_ACK_MAGIC);
		w->session = cpu_to_le64(SESSION);
		seal(w, sizeof(*w));
	}
	if (hm_decode_ack(w, SESSION, &a) != HM_DECODE_OK)
		return;
	check(a.acks.durable <= a.acks.applied);
	check(a.acks.applied <= a.acks.received);
	check(a.durable_group <= a.applied_group);
	check(a.failed_volume < HM_MAX_VOLUMES);
	check(a.status <= HM_BACKUP_STARTING);
	check(!a.failed_volume || a.status == HM_BACKUP_SUSPENDED);
	if (a.status == HM_BACKUP_STARTING)
		check(!a.acks.received && !a.applied_group && !a.generation);
	hm_encode_ack(&again, &a);
	check(!memcmp(w, &again, sizeof(again)));
}

static void fuzz_regions(struct hm_wire_regions *w, bool as_it_is)
{
	struct hm_wire_regions again;
	struct hm_range r;

	if (!as_it_is) {
		w->magic = cpu_to_le32(HM_REGIONS_MAGIC);
		w->session = cpu_to_le64(SESSION);
		seal(w, sizeof(*w));
	}
	if (hm_decode_regions(w, &limits, &r) != HM_DECODE_OK)
		return;
	check(r.volume < HM_MAX_VOLUMES);
	if (r.sectors) {
		check(r.sector + r.sectors > r.sector);
		check(r.sector + r.sectors <= limits.sectors[r.volume]);
	} else {
		check(!r.volume && !r.sector);
	}
	hm_encode_regions(&again, &r, SESSION);
	check(!memcmp(w, &again, sizeof(again)));
}

/* Does the other side hold nothing that we, at generation 5, have not seen? */
static bool known_to_us(const struct hm_lineage *l)
{
	unsigned int i;

	for (i = 1; i < HM_GENERATIONS; i++) {
		if (l->generation[i] == 5 && l->generation[0] != 5)
			return false;
	}
	return !l->generation[0] ||
	       (l->generation[0] >= 3 && l->generation[0] <= 5);
}

static void check_way(const struct hm_hello *self, const struct hm_hello *h)
{
	switch (hm_judge_way(self, h)) {
	case HM_WAY_RESUME:
		check(h->stream[0] == 1 && !(h->flags & HM_HELLO_LOST));
		check(!(h->flags & (HM_HELLO_DIRTY | HM_HELLO_GIVES_UP)));
		check(h->lineage.inconsistent ==
		      !!(self->flags & HM_HELLO_COPYING));
		break;
	case HM_WAY_BEGIN:
		check(!h->stream[0] && (self->flags & HM_HELLO_FIRST));
		check(!(h->flags & (HM_HELLO_DIRTY | HM_HELLO_GIVES_UP)));
		break;
	case HM_WAY_COPY:
	case HM_WAY_COPY_ALL:
		break;
	}
}

static struct hm_hello ours(u16 flags)
{
	struct hm_hello h = {
		.stream = { 1 }, .last_seq = 9, .flags = flags, .set = "a",
		.lineage = { .generation = { 5, 4, 3 }, .covered = 2 },
		.volumes = 1,
		.volume = { { .sectors = 8, .logical_block = 512,
			      .physical_block = 512 } },
	};

	return h;
}

/* The primary believes no nonsense of what a backup says. */
static void judge_backup(const struct hm_hello *h, u16 flags)
{
	struct hm_hello self = ours(flags);
	u16 volume;

	if (hm_judge_backup(&self, h, &volume) == HM_WELCOME) {
		check(h->session && h->stream[0] <= 1 && h->volumes == 1 &&
		      h->acks.received <= 9 && h->volume[0].sectors == 8);
		check((h->flags & HM_HELLO_GIVES_UP) ||
		      known_to_us(&h->lineage));
		check_way(&self, h);
	}
	check(volume < HM_MAX_VOLUMES);
	hm_every_group_durable(&self, h);
}

/* Nor does the backup of what a primary says, whatever it is itself. */
static void judge_primary(const struct hm_hello *h)
{
	struct hm_backup_self self = { .hello = *h, .ready = true };
	struct hm_hello us = ours(0);
	u16 volume;

	if (hm_judge_primary(&self, &us, &volume) == HM_WELCOME)
		check((h->flags & HM_HELLO_GIVES_UP) ||
		      known_to_us(&h->lineage));
	check(volume < HM_MAX_VOLUMES);
	self.hello = us;
	if (hm_judge_primary(&self, h, &volume) == HM_WELCOME)
		check(!h->refusal && !h->session &&
		      h->lineage.generation[0] && !h->lineage.inconsistent);
	check(volume < HM_MAX_VOLUMES);
	hm_every_group_durable(h, &us);
}

static void fuzz_hello(struct hm_wire_hello *w, bool as_it_is)
{
	struct hm_wire_hello again;
	struct hm_hello h;
	unsigned int i;

	if (!as_it_is) {
		w->prefix.magic = cpu_to_le64(HM_HELLO_MAGIC);
		w->prefix.version = cpu_to_le16(HM_PROTOCOL_VERSION);
		w->prefix.oldest = cpu_to_le16(HM_PROTOCOL_OLDEST);
		w->prefix.bytes = cpu_to_le32(sizeof(*w));
		seal(w, sizeof(*w));
	}
	if (hm_decode_hello(w, &h) != HM_DECODE_OK)
		return;
	check(memchr(h.set, 0, sizeof(h.set)));
	check(h.volumes <= HM_MAX_VOLUMES);
	check(h.volumes || h.refusal);
	check_lineage(&h.lineage);
	check(!(h.flags & ~HM_HELLO_FLAGS));
	check(h.lineage.inconsistent == !!(h.flags & HM_HELLO_INCONSISTENT));
	check(h.refusal <= HM_REFUSE_LAST);
	for (i = 0; i < h.volumes; i++) {
		check(h.volume[i].number < HM_MAX_VOLUMES);
		check(h.volume[i].logical_block >= 512);
		check(h.volume[i].sectors % (h.volume[i].logical_block / 512)
		      == 0);
	}
	hm_encode_hello(&again, &h);
	check(!memcmp(w, &again, sizeof(again)));
	judge_backup(&h, 0);
	judge_backup(&h, HM_HELLO_FIRST);
	judge_backup(&h, HM_HELLO_COPYING);
	judge_primary(&h);
}

static void fuzz_prefix(struct hm_wire_hello *w, bool as_it_is)
{
	enum hm_decode what;
	struct hm_hello h;
	u16 version = 0;

	if (!as_it_is)
		w->prefix.magic = cpu_to_le64(HM_HELLO_MAGIC);
	what = hm_decode_prefix(&w->prefix, &version);
	if (what != HM_DECODE_MAGIC)
		check(version == le16_to_cpu(w->prefix.version));
	if (what != HM_DECODE_OK)
		check(hm_decode_hello(w, &h) == what);
	else
		check(le32_to_cpu(w->prefix.bytes) == sizeof(*w));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	union {
		struct hm_wire_record record;
		struct hm_wire_ack ack;
		struct hm_wire_hello hello;
		struct hm_wire_regions regions;
	} w;
	bool as_it_is;

	if (!size)
		return 0;
	as_it_is = data[0] & AS_IT_IS;
	memset(&w, 0, sizeof(w));
	memcpy(&w, data + 1, min(size - 1, sizeof(w)));
	switch (data[0] & WHAT) {
	case 0:
		fuzz_record(&w.record, as_it_is);
		break;
	case 1:
		fuzz_ack(&w.ack, as_it_is);
		break;
	case 2:
		fuzz_hello(&w.hello, as_it_is);
		break;
	case 3:
		fuzz_prefix(&w.hello, as_it_is);
		break;
	case 4:
		fuzz_regions(&w.regions, as_it_is);
		break;
	}
	return 0;
}
