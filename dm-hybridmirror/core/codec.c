// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between the structures and the wire. Everything that comes from the peer
 * passes one of the decoders below; what they let through can be used without
 * another look.
 */
#include "codec.h"
#include "handshake.h"

static u32 hm_codec_crc(const void *from, size_t bytes)
{
	return crc32c(HM_CRC_SEED, from, bytes);
}

static bool hm_acks_consistent(const struct hm_acks *acks)
{
	return acks->durable <= acks->applied && acks->applied <= acks->received;
}

/**
 * hm_decode_text() - words for what is wrong with bytes from the peer
 * @what: what a decoder returned
 *
 * Return: a static string without a trailing period.
 *
 * Context: any.
 */
const char *hm_decode_text(enum hm_decode what)
{
	static const char * const text[] = {
		[HM_DECODE_OK] = "nothing is wrong",
		[HM_DECODE_MAGIC] = "it does not speak this protocol",
		[HM_DECODE_VERSION] = "no protocol version in common",
		[HM_DECODE_SIZE] = "a size that this protocol version does not have",
		[HM_DECODE_CRC] = "the checksum does not fit",
		[HM_DECODE_RESERVED] = "reserved bytes or unknown flags are set",
		[HM_DECODE_SESSION] = "it belongs to another connection",
		[HM_DECODE_KIND] = "unknown kind of record",
		[HM_DECODE_VOLUME] = "no such volume",
		[HM_DECODE_RANGE] = "a range that the volume cannot have",
		[HM_DECODE_PAYLOAD] = "the payload does not fit the range",
		[HM_DECODE_NUMBER] = "sequence or group numbers that cannot be true",
		[HM_DECODE_STATUS] = "unknown status",
		[HM_DECODE_NAME] = "malformed set name",
		[HM_DECODE_LINEAGE] = "a lineage that cannot be",
	};

	if ((unsigned int)what >= ARRAY_SIZE(text))
		return "unknown error";
	return text[what];
}

static void hm_seal_record(struct hm_wire_record *w)
{
	w->crc = cpu_to_le32(hm_codec_crc(w, offsetof(struct hm_wire_record,
						      crc)));
}

/**
 * hm_encode_record() - the header of an update
 * @w: filled in
 * @u: the update: seq, group, sector, sectors, volume, kind and flags are used
 * @session: of the connection
 * @payload_crc: of the payload; not used if the kind has none
 *
 * Context: any.
 */
void hm_encode_record(struct hm_wire_record *w, const struct hm_update *u,
		      u64 session, u32 payload_crc)
{
	memset(w, 0, sizeof(*w));
	w->magic = cpu_to_le32(HM_RECORD_MAGIC);
	w->kind = u->kind;
	w->flags = u->flags;
	w->volume = cpu_to_le16(u->volume);
	w->session = cpu_to_le64(session);
	w->seq = cpu_to_le64(u->seq);
	w->group = cpu_to_le64(u->group);
	w->sector = cpu_to_le64(u->sector);
	w->sectors = cpu_to_le32(u->sectors);
	if (u->kind == HM_WRITE) {
		w->payload = cpu_to_le32(u->sectors << HM_SECTOR_SHIFT);
		w->payload_crc = cpu_to_le32(payload_crc);
	}
	hm_seal_record(w);
}

/**
 * hm_encode_control() - a record that is not an update
 * @w: filled in
 * @kind: HM_CTRL_*
 * @flags: with HM_CTRL_START: HM_START_*; else 0
 * @session: of the connection
 * @seq: with HM_CTRL_START: the first update to follow; with HM_CTRL_ADOPT: the
 *	last one before it; else 0
 *
 * Context: any.
 */
void hm_encode_control(struct hm_wire_record *w, u8 kind, u8 flags, u64 session,
		       u64 seq)
{
	memset(w, 0, sizeof(*w));
	w->magic = cpu_to_le32(HM_RECORD_MAGIC);
	w->kind = kind;
	w->flags = flags;
	w->session = cpu_to_le64(session);
	w->seq = cpu_to_le64(seq);
	hm_seal_record(w);
}

/**
 * hm_encode_start() - the record that begins a session
 * @w: filled in
 * @flags: HM_START_*
 * @session: of the connection
 * @seq: the first update to follow
 * @sectors: with HM_START_STAGE: what is to be copied, sectors of 512 bytes; else 0
 *
 * Context: any.
 */
void hm_encode_start(struct hm_wire_record *w, u8 flags, u64 session, u64 seq,
		     u64 sectors)
{
	hm_encode_control(w, HM_CTRL_START, flags, session, seq);
	w->sector = cpu_to_le64(sectors);
	hm_seal_record(w);
}

static bool hm_flags_sensible(const struct hm_update *u)
{
	if (u->flags & ~HM_UPDATE_FLAGS)
		return false;
	if ((u->flags & HM_NOUNMAP) && u->kind != HM_WRITE_ZEROES)
		return false;
	return !(u->flags & HM_FUA) || u->kind != HM_FLUSH;
}

static bool hm_range_fits(const struct hm_update *u,
			  const struct hm_record_limits *limits)
{
	u64 size = limits->sectors[u->volume];
	/* A block size below a sector, a mistake of ours, lets nothing through. */
	u32 unaligned = (limits->logical_block[u->volume] >> HM_SECTOR_SHIFT) - 1;

	if (u->kind == HM_FLUSH)
		return !u->sector && !u->sectors;
	if (!u->sectors || u->sector >= size || u->sectors > size - u->sector)
		return false;
	if (u->sectors > HM_CHUNK_SECTORS -
			 (u32)(u->sector & (HM_CHUNK_SECTORS - 1)))
		return false;
	return !((u32)u->sector & unaligned) && !(u->sectors & unaligned);
}

static bool hm_payload_fits(const struct hm_record *r)
{
	if (r->update.kind == HM_WRITE)
		return r->payload == r->update.sectors << HM_SECTOR_SHIFT;
	return !r->payload && !r->payload_crc;
}

static enum hm_decode hm_check_update(const struct hm_record *r,
				      const struct hm_record_limits *limits)
{
	const struct hm_update *u = &r->update;

	if (!hm_flags_sensible(u))
		return HM_DECODE_RESERVED;
	if (u->volume >= HM_MAX_VOLUMES || !limits->sectors[u->volume])
		return HM_DECODE_VOLUME;
	if (!hm_range_fits(u, limits))
		return HM_DECODE_RANGE;
	if (!hm_payload_fits(r))
		return HM_DECODE_PAYLOAD;
	if (!u->seq || !u->group)
		return HM_DECODE_NUMBER;
	return HM_DECODE_OK;
}

static enum hm_decode hm_check_control(const struct hm_record *r)
{
	const struct hm_update *u = &r->update;
	u8 flags = u->kind == HM_CTRL_START ? HM_START_FLAGS : 0;
	bool stage = u->kind == HM_CTRL_START && (u->flags & HM_START_STAGE);

	if (u->flags & ~flags)
		return HM_DECODE_RESERVED;
	/* What is staged begins with a jump, and ends with an adoption. */
	if (stage && (~u->flags & (HM_START_JUMP | HM_START_COPY)))
		return HM_DECODE_RESERVED;
	if (u->volume)
		return HM_DECODE_VOLUME;
	if ((u->sector && !stage) || u->sectors)
		return HM_DECODE_RANGE;
	if (r->payload || r->payload_crc)
		return HM_DECODE_PAYLOAD;
	if (u->group)
		return HM_DECODE_NUMBER;
	/* A start says what follows, an adoption what came before it. */
	if (u->kind == HM_CTRL_START ? !u->seq :
	    u->kind == HM_CTRL_PING && u->seq)
		return HM_DECODE_NUMBER;
	return HM_DECODE_OK;
}

/**
 * hm_decode_record() - check and decode a record's header from the peer
 * @w: the header
 * @limits: what it may say
 * @r: filled in; meaningless unless the result is HM_DECODE_OK
 *
 * Whether seq and group are the next ones is for hm_apply_receive() to say.
 * The payload's own checksum is for the caller to compare.
 *
 * Return: HM_DECODE_OK, or what is wrong.
 *
 * Context: any.
 */
enum hm_decode hm_decode_record(const struct hm_wire_record *w,
				const struct hm_record_limits *limits,
				struct hm_record *r)
{
	struct hm_update *u = &r->update;

	if (le32_to_cpu(w->magic) != HM_RECORD_MAGIC)
		return HM_DECODE_MAGIC;
	if (le32_to_cpu(w->crc) !=
	    hm_codec_crc(w, offsetof(struct hm_wire_record, crc)))
		return HM_DECODE_CRC;
	if (w->reserved || w->reserved2)
		return HM_DECODE_RESERVED;

	memset(r, 0, sizeof(*r));
	u->seq = le64_to_cpu(w->seq);
	u->group = le64_to_cpu(w->group);
	u->sector = le64_to_cpu(w->sector);
	u->sectors = le32_to_cpu(w->sectors);
	u->volume = le16_to_cpu(w->volume);
	u->kind = w->kind;
	u->flags = w->flags;
	r->session = le64_to_cpu(w->session);
	r->payload = le32_to_cpu(w->payload);
	r->payload_crc = le32_to_cpu(w->payload_crc);

	if (r->session != limits->session)
		return HM_DECODE_SESSION;
	switch (u->kind) {
	case HM_WRITE:
	case HM_WRITE_ZEROES:
	case HM_DISCARD:
	case HM_FLUSH:
		return hm_check_update(r, limits);
	case HM_CTRL_START:
	case HM_CTRL_PING:
	case HM_CTRL_ADOPT:
		return hm_check_control(r);
	default:
		return HM_DECODE_KIND;
	}
}

/**
 * hm_encode_ack() - an acknowledgment
 * @w: filled in
 * @a: what it says
 *
 * Context: any.
 */
void hm_encode_ack(struct hm_wire_ack *w, const struct hm_ack_record *a)
{
	memset(w, 0, sizeof(*w));
	w->magic = cpu_to_le32(HM_ACK_MAGIC);
	w->status = cpu_to_le32(a->status);
	w->session = cpu_to_le64(a->session);
	w->received = cpu_to_le64(a->acks.received);
	w->applied = cpu_to_le64(a->acks.applied);
	w->durable = cpu_to_le64(a->acks.durable);
	w->applied_group = cpu_to_le64(a->applied_group);
	w->durable_group = cpu_to_le64(a->durable_group);
	w->generation = cpu_to_le64(a->generation);
	w->failed_volume = cpu_to_le16(a->failed_volume);
	w->flags = cpu_to_le16(a->staging ? HM_ACK_STAGING : 0);
	w->crc = cpu_to_le32(hm_codec_crc(w, offsetof(struct hm_wire_ack, crc)));
}

/**
 * hm_decode_ack() - check and decode an acknowledgment from the peer
 * @w: the acknowledgment
 * @session: of this connection
 * @a: filled in; meaningless unless the result is HM_DECODE_OK
 *
 * Whether the numbers fit what was sent is for hm_stream_ack() to say.
 *
 * Return: HM_DECODE_OK, or what is wrong.
 *
 * Context: any.
 */
enum hm_decode hm_decode_ack(const struct hm_wire_ack *w, u64 session,
			     struct hm_ack_record *a)
{
	u32 status = le32_to_cpu(w->status);

	if (le32_to_cpu(w->magic) != HM_ACK_MAGIC)
		return HM_DECODE_MAGIC;
	if (le32_to_cpu(w->crc) !=
	    hm_codec_crc(w, offsetof(struct hm_wire_ack, crc)))
		return HM_DECODE_CRC;
	if (le16_to_cpu(w->flags) & ~HM_ACK_FLAGS)
		return HM_DECODE_RESERVED;

	memset(a, 0, sizeof(*a));
	a->staging = le16_to_cpu(w->flags) & HM_ACK_STAGING;
	a->session = le64_to_cpu(w->session);
	a->acks.received = le64_to_cpu(w->received);
	a->acks.applied = le64_to_cpu(w->applied);
	a->acks.durable = le64_to_cpu(w->durable);
	a->applied_group = le64_to_cpu(w->applied_group);
	a->durable_group = le64_to_cpu(w->durable_group);
	a->generation = le64_to_cpu(w->generation);
	a->failed_volume = le16_to_cpu(w->failed_volume);

	if (a->session != session)
		return HM_DECODE_SESSION;
	if (status > HM_BACKUP_STARTING)
		return HM_DECODE_STATUS;
	a->status = status;
	if (status == HM_BACKUP_STARTING &&
	    (a->acks.received || a->applied_group || a->generation ||
	     a->staging))
		return HM_DECODE_NUMBER;
	if (!hm_acks_consistent(&a->acks) || a->durable_group > a->applied_group)
		return HM_DECODE_NUMBER;
	if (a->failed_volume >= HM_MAX_VOLUMES ||
	    (a->failed_volume && status != HM_BACKUP_SUSPENDED))
		return HM_DECODE_VOLUME;
	return HM_DECODE_OK;
}

/**
 * hm_encode_regions() - sectors that the backup may have changed by itself
 * @w: filled in
 * @r: the range; no sectors: that was all
 * @session: of the connection
 *
 * Context: any.
 */
void hm_encode_regions(struct hm_wire_regions *w, const struct hm_range *r,
		       u64 session)
{
	memset(w, 0, sizeof(*w));
	w->magic = cpu_to_le32(HM_REGIONS_MAGIC);
	w->session = cpu_to_le64(session);
	if (r->sectors) {
		w->volume = cpu_to_le16(r->volume);
		w->sector = cpu_to_le64(r->sector);
		w->sectors = cpu_to_le64(r->sectors);
	} else {
		w->flags = cpu_to_le16(HM_REGIONS_LAST);
	}
	w->crc = cpu_to_le32(hm_codec_crc(w, offsetof(struct hm_wire_regions,
						      crc)));
}

/**
 * hm_decode_regions() - check and decode what the backup says it has changed
 * @w: the record
 * @limits: the volumes, and the session
 * @r: filled in; meaningless unless the result is HM_DECODE_OK
 *
 * Return: HM_DECODE_OK, or what is wrong.
 *
 * Context: any.
 */
enum hm_decode hm_decode_regions(const struct hm_wire_regions *w,
				 const struct hm_record_limits *limits,
				 struct hm_range *r)
{
	u16 flags = le16_to_cpu(w->flags);
	u64 size;

	if (le32_to_cpu(w->magic) != HM_REGIONS_MAGIC)
		return HM_DECODE_MAGIC;
	if (le32_to_cpu(w->crc) !=
	    hm_codec_crc(w, offsetof(struct hm_wire_regions, crc)))
		return HM_DECODE_CRC;
	if ((flags & ~HM_REGIONS_LAST) ||
	    memchr_inv(w->reserved, 0, sizeof(w->reserved)))
		return HM_DECODE_RESERVED;
	if (le64_to_cpu(w->session) != limits->session)
		return HM_DECODE_SESSION;
	memset(r, 0, sizeof(*r));
	r->volume = le16_to_cpu(w->volume);
	r->sector = le64_to_cpu(w->sector);
	r->sectors = le64_to_cpu(w->sectors);
	if (flags & HM_REGIONS_LAST)
		return r->volume || r->sector || r->sectors ?
			       HM_DECODE_RANGE : HM_DECODE_OK;
	if (r->volume >= HM_MAX_VOLUMES || !limits->sectors[r->volume])
		return HM_DECODE_VOLUME;
	size = limits->sectors[r->volume];
	if (!r->sectors || r->sector >= size || r->sectors > size - r->sector)
		return HM_DECODE_RANGE;
	return HM_DECODE_OK;
}

static void hm_encode_lineage(struct hm_wire_hello *w,
			      const struct hm_lineage *l)
{
	u16 flags = le16_to_cpu(w->flags);
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		w->generation[i] = cpu_to_le64(l->generation[i]);
	w->covered = l->covered;
	if (l->covers_fresh)
		flags |= HM_HELLO_COVERS_FRESH;
	if (l->inconsistent)
		flags |= HM_HELLO_INCONSISTENT;
	w->flags = cpu_to_le16(flags);
}

static bool hm_decode_lineage(const struct hm_wire_hello *w,
			      struct hm_lineage *l)
{
	u16 flags = le16_to_cpu(w->flags);
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		l->generation[i] = le64_to_cpu(w->generation[i]);
	l->covered = w->covered;
	l->covers_fresh = flags & HM_HELLO_COVERS_FRESH;
	l->inconsistent = flags & HM_HELLO_INCONSISTENT;
	return hm_lineage_valid(l);
}

/**
 * hm_encode_hello() - a handshake
 * @w: filled in
 * @h: what it says, version and oldest included; no more than HM_MAX_VOLUMES
 *	volumes
 *
 * Context: any.
 */
void hm_encode_hello(struct hm_wire_hello *w, const struct hm_hello *h)
{
	unsigned int i;

	memset(w, 0, sizeof(*w));
	w->prefix.magic = cpu_to_le64(HM_HELLO_MAGIC);
	w->prefix.version = cpu_to_le16(h->version);
	w->prefix.oldest = cpu_to_le16(h->oldest);
	w->prefix.bytes = cpu_to_le32(sizeof(*w));
	w->features = cpu_to_le64(h->features);
	memcpy(w->stream, h->stream, sizeof(w->stream));
	w->session = cpu_to_le64(h->session);
	w->received = cpu_to_le64(h->acks.received);
	w->applied = cpu_to_le64(h->acks.applied);
	w->durable = cpu_to_le64(h->acks.durable);
	w->last_seq = cpu_to_le64(h->last_seq);
	w->refusal = cpu_to_le16(h->refusal);
	w->flags = cpu_to_le16(h->flags);
	hm_encode_lineage(w, &h->lineage);
	w->origin = h->origin;
	/* Not memcpy(): bytes of ours beyond the terminator are not sent. */
	for (i = 0; i < HM_SET_NAME_MAX - 1 && h->set[i]; i++)
		w->set[i] = h->set[i];
	w->volumes = cpu_to_le16(h->volumes);
	for (i = 0; i < h->volumes && i < HM_MAX_VOLUMES; i++) {
		w->volume[i].number = cpu_to_le16(h->volume[i].number);
		w->volume[i].flags = cpu_to_le16(h->volume[i].flags);
		w->volume[i].logical_block =
			cpu_to_le32(h->volume[i].logical_block);
		w->volume[i].physical_block =
			cpu_to_le32(h->volume[i].physical_block);
		w->volume[i].sectors = cpu_to_le64(h->volume[i].sectors);
	}
	w->crc = cpu_to_le32(hm_codec_crc(w, offsetof(struct hm_wire_hello,
						      crc)));
}

/**
 * hm_decode_prefix() - can the rest of the peer's hello be understood?
 * @w: the first bytes from the peer
 * @version: the newest version that the peer speaks; filled in unless the
 *	result is HM_DECODE_MAGIC
 *
 * Nothing protects these bytes yet; hm_decode_hello() looks at them again,
 * under the checksum.
 *
 * Return: HM_DECODE_OK, HM_DECODE_MAGIC, HM_DECODE_VERSION or HM_DECODE_SIZE.
 *
 * Context: any.
 */
enum hm_decode hm_decode_prefix(const struct hm_wire_prefix *w, u16 *version)
{
	u16 oldest = le16_to_cpu(w->oldest);

	if (le64_to_cpu(w->magic) != HM_HELLO_MAGIC)
		return HM_DECODE_MAGIC;
	*version = le16_to_cpu(w->version);
	if (oldest > *version || oldest > HM_PROTOCOL_VERSION ||
	    *version < HM_PROTOCOL_OLDEST)
		return HM_DECODE_VERSION;
	if (le32_to_cpu(w->bytes) != sizeof(struct hm_wire_hello))
		return HM_DECODE_SIZE;
	return HM_DECODE_OK;
}

/**
 * hm_set_name_fits() - can it be printed and compared without care?
 * @name: HM_SET_NAME_MAX bytes of a set's name from elsewhere; it may be empty
 *
 * Return: true if it is printable, without blanks, terminated, and zero padded.
 *
 * Context: any.
 */
bool hm_set_name_fits(const u8 *name)
{
	unsigned int i;

	for (i = 0; i < HM_SET_NAME_MAX && name[i]; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return i < HM_SET_NAME_MAX &&
	       !memchr_inv(name + i, 0, HM_SET_NAME_MAX - i);
}

static bool hm_block_size_fits(u32 bytes)
{
	return is_power_of_2(bytes) && bytes >= (1U << HM_SECTOR_SHIFT) &&
	       bytes <= HM_MAX_PAYLOAD;
}

static enum hm_decode hm_decode_volume(const struct hm_wire_volume *w,
				       struct hm_volume_info *v)
{
	if (w->reserved || (le16_to_cpu(w->flags) & ~HM_VOLUME_FLAGS))
		return HM_DECODE_RESERVED;
	v->number = le16_to_cpu(w->number);
	v->flags = le16_to_cpu(w->flags);
	v->logical_block = le32_to_cpu(w->logical_block);
	v->physical_block = le32_to_cpu(w->physical_block);
	v->sectors = le64_to_cpu(w->sectors);
	if (v->number >= HM_MAX_VOLUMES)
		return HM_DECODE_VOLUME;
	if (!hm_block_size_fits(v->logical_block) ||
	    !hm_block_size_fits(v->physical_block) || !v->sectors ||
	    (v->sectors & ((v->logical_block >> HM_SECTOR_SHIFT) - 1)))
		return HM_DECODE_RANGE;
	return HM_DECODE_OK;
}

static enum hm_decode hm_decode_volumes(const struct hm_wire_hello *w,
					struct hm_hello *h)
{
	enum hm_decode what;
	unsigned int i;

	h->volumes = le16_to_cpu(w->volumes);
	if (h->volumes > HM_MAX_VOLUMES || (!h->volumes && !h->refusal))
		return HM_DECODE_VOLUME;
	for (i = 0; i < h->volumes; i++) {
		what = hm_decode_volume(&w->volume[i], &h->volume[i]);
		if (what != HM_DECODE_OK)
			return what;
		if (i && h->volume[i].number <= h->volume[i - 1].number)
			return HM_DECODE_VOLUME;
	}
	if (memchr_inv(&w->volume[i], 0,
		       (HM_MAX_VOLUMES - i) * sizeof(w->volume[0])))
		return HM_DECODE_RESERVED;
	return HM_DECODE_OK;
}

/**
 * hm_decode_hello() - check and decode a handshake from the peer
 * @w: the handshake
 * @h: filled in; meaningless unless the result is HM_DECODE_OK
 *
 * Unknown features are let through: hm_judge_primary() and hm_judge_backup()
 * name them. A hello that refuses may have no volumes.
 *
 * Return: HM_DECODE_OK, or what is wrong.
 *
 * Context: any.
 */
enum hm_decode hm_decode_hello(const struct hm_wire_hello *w,
			       struct hm_hello *h)
{
	enum hm_decode what;

	memset(h, 0, sizeof(*h));
	what = hm_decode_prefix(&w->prefix, &h->version);
	if (what != HM_DECODE_OK)
		return what;
	if (le32_to_cpu(w->crc) !=
	    hm_codec_crc(w, offsetof(struct hm_wire_hello, crc)))
		return HM_DECODE_CRC;
	if (w->reserved || w->reserved2 ||
	    memchr_inv(w->reserved3, 0, sizeof(w->reserved3)) ||
	    (le16_to_cpu(w->flags) & ~HM_HELLO_FLAGS))
		return HM_DECODE_RESERVED;
	if (!hm_set_name_fits(w->set))
		return HM_DECODE_NAME;

	h->oldest = le16_to_cpu(w->prefix.oldest);
	h->features = le64_to_cpu(w->features);
	memcpy(h->stream, w->stream, sizeof(h->stream));
	h->session = le64_to_cpu(w->session);
	h->acks.received = le64_to_cpu(w->received);
	h->acks.applied = le64_to_cpu(w->applied);
	h->acks.durable = le64_to_cpu(w->durable);
	h->last_seq = le64_to_cpu(w->last_seq);
	h->refusal = le16_to_cpu(w->refusal);
	h->flags = le16_to_cpu(w->flags);
	memcpy(h->set, w->set, sizeof(h->set));
	h->origin = w->origin;

	if (!hm_acks_consistent(&h->acks))
		return HM_DECODE_NUMBER;
	if (!hm_decode_lineage(w, &h->lineage) || h->origin > HM_GENERATIONS ||
	    (h->origin && h->origin < HM_GENERATIONS &&
	     !h->lineage.generation[h->origin]))
		return HM_DECODE_LINEAGE;
	if (h->refusal > HM_REFUSE_LAST)
		return HM_DECODE_STATUS;
	return hm_decode_volumes(w, h);
}
