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

#define WHAT		0x03
#define AS_IT_IS	0x04

#define SESSION		0x0123456789abcdefULL

static void seal(void *w, size_t bytes)
{
	u32 crc = cpu_to_le32(crc32c(HM_CRC_SEED, w, bytes - 4));

	memcpy((u8 *)w + bytes - 4, &crc, 4);
}

static void fuzz_record(struct hm_wire_record *w, bool as_it_is)
{
	struct hm_record_limits limits = {
		.session = SESSION,
		.sectors = { [0] = 1 << 20, [1] = 1000, [15] = ~0ULL - 7 },
		.logical_block = { [0] = 512, [1] = 512, [15] = 4096 },
	};
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
		check(!r.payload && !u->sectors && !u->sector && !u->group);
		hm_encode_control(&again, u->kind, r.session, u->seq);
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
	hm_encode_ack(&again, &a);
	check(!memcmp(w, &again, sizeof(again)));
}

/* Neither side may trip over what the other says, nor believe nonsense. */
static void judge(const struct hm_hello *h)
{
	struct hm_backup_self self = { .hello = *h, .ready = true };
	struct hm_hello ours = { .set = "a", .volumes = 1, .last_seq = 9 };
	u16 volume;

	ours.stream[0] = 1;
	ours.volume[0].sectors = 8;
	ours.volume[0].logical_block = 512;
	ours.volume[0].physical_block = 512;
	if (hm_judge_backup(&ours, h, &volume) == HM_WELCOME)
		check(h->session && h->stream[0] == 1 && h->volumes == 1 &&
		      h->acks.received <= 9 && h->volume[0].sectors == 8);
	check(volume < HM_MAX_VOLUMES);
	if (hm_judge_primary(&self, &ours, &volume) == HM_WELCOME)
		check(h->stream[0] == 1);
	check(volume < HM_MAX_VOLUMES);
	self.hello = ours;
	if (hm_judge_primary(&self, h, &volume) == HM_WELCOME)
		check(!h->refusal && h->stream[0] == 1);
	check(volume < HM_MAX_VOLUMES);
	hm_every_group_durable(&ours, h);
	hm_every_group_durable(h, &ours);
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
	check(h.refusal <= HM_REFUSE_ANSWER);
	for (i = 0; i < h.volumes; i++) {
		check(h.volume[i].number < HM_MAX_VOLUMES);
		check(h.volume[i].logical_block >= 512);
		check(h.volume[i].sectors % (h.volume[i].logical_block / 512)
		      == 0);
	}
	hm_encode_hello(&again, &h);
	check(!memcmp(w, &again, sizeof(again)));
	judge(&h);
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
	}
	return 0;
}
