// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that breaks the protocol.
 *
 *   hm-forge ADDRESS PORT hold COUNT SECONDS    connections that say nothing
 *   hm-forge ADDRESS PORT random BYTES          anything but the protocol
 *   hm-forge ADDRESS PORT half SECONDS          half a hello
 *   hm-forge ADDRESS PORT hello HOW             a primary's hello; see hellos[]
 *   hm-forge ADDRESS PORT learn FILE            a primary's hello, into a file
 *   hm-forge ADDRESS PORT record HOW FILE       its record; see records[]
 *   hm-forge ADDRESS PORT answer HOW            a backup's; see answers[]
 *
 * "hello" prints what the backup answers. "learn" waits for a primary, whose
 * place "record" takes: it sends one bad record and prints whether the backup
 * hangs up; it fails if the backup acknowledges anything. "answer" waits for a
 * primary to connect and prints whether it hangs up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "forge.h"

#define MANY	64	/* connections held at most */

struct peer {
	const char *addr;
	const char *port;
	int fd;
	struct hm_hello hello;	/* what it said */
};

/* ---- a primary's hello ---- */

static void hello_good(struct hm_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->version = HM_PROTOCOL_VERSION;
	h->oldest = HM_PROTOCOL_OLDEST;
	h->flags = HM_HELLO_FIRST;
	memset(h->stream, 0x5a, sizeof(h->stream));
	h->lineage.generation[0] = 1;
	h->lineage.covered = 1;
	h->volumes = 1;
	h->volume[0].sectors = 8;
	h->volume[0].logical_block = 512;
	h->volume[0].physical_block = 512;
}

static void hello_version(struct hm_wire_hello *w, struct hm_hello *h)
{
	h->version = HM_PROTOCOL_VERSION + 1;
	h->oldest = HM_PROTOCOL_VERSION + 1;
	hm_encode_hello(w, h);
}

static void hello_newer(struct hm_wire_hello *w, struct hm_hello *h)
{
	h->version = HM_PROTOCOL_VERSION + 7;
	hm_encode_hello(w, h);
}

static void hello_features(struct hm_wire_hello *w, struct hm_hello *h)
{
	h->features = 1ULL << 40;
	hm_encode_hello(w, h);
}

static void hello_crc(struct hm_wire_hello *w, struct hm_hello *h)
{
	hm_encode_hello(w, h);
	w->set[3] ^= 1;
}

static void hello_size(struct hm_wire_hello *w, struct hm_hello *h)
{
	hm_encode_hello(w, h);
	w->prefix.bytes = cpu_to_le32(0x7fffffff);
}

static void hello_magic(struct hm_wire_hello *w, struct hm_hello *h)
{
	hm_encode_hello(w, h);
	w->prefix.magic ^= 1;
}

static void hello_stranger(struct hm_wire_hello *w, struct hm_hello *h)
{
	hm_encode_hello(w, h);
}

struct hello_kind {
	const char *name;
	void (*make)(struct hm_wire_hello *w, struct hm_hello *h);
};

static const struct hello_kind hellos[] = {
	{ "version", hello_version },	/* no version in common */
	{ "newer", hello_newer },	/* newer, but speaks ours */
	{ "features", hello_features },	/* needs what nobody has */
	{ "crc", hello_crc },
	{ "size", hello_size },
	{ "magic", hello_magic },
	{ "stranger", hello_stranger },	/* valid, of another set */
};

static bool peer_hello(struct peer *p)
{
	struct hm_wire_hello wire;
	enum hm_decode what;

	if (net_recv(p->fd, &wire, sizeof(wire)) != sizeof(wire))
		return false;
	what = hm_decode_hello(&wire, &p->hello);
	if (what != HM_DECODE_OK)
		die("the answer: %s", hm_decode_text(what));
	return true;
}

static void do_hello(struct peer *p, const char *how)
{
	struct hm_wire_hello wire;
	struct hm_hello h;
	unsigned int i;

	hello_good(&h);
	for (i = 0; i < ARRAY_SIZE(hellos); i++) {
		if (!strcmp(hellos[i].name, how))
			break;
	}
	if (i == ARRAY_SIZE(hellos))
		die("unknown hello %s", how);
	hellos[i].make(&wire, &h);
	p->fd = net_connect(p->addr, p->port);
	net_send(p->fd, &wire, sizeof(wire));
	if (!peer_hello(p))
		puts("closed");
	else
		printf("version %u refusal %u\n", p->hello.version,
		       p->hello.refusal);
}

/* ---- a primary's record ---- */

static void do_learn(struct peer *p, const char *path)
{
	struct hm_wire_hello wire;
	FILE *file = fopen(path, "wb");

	p->fd = net_accept(p->addr, p->port);
	if (net_recv(p->fd, &wire, sizeof(wire)) != sizeof(wire))
		die("the primary says nothing");
	if (!file || fwrite(&wire, sizeof(wire), 1, file) != 1 || fclose(file))
		die("%s: %s", path, strerror(errno));
	puts("learned");
}

/* Say what the backup's primary says; the answer is a session. */
static void take_place(struct peer *p, const char *path)
{
	struct hm_wire_hello wire;
	struct hm_hello h;
	FILE *file = fopen(path, "rb");

	if (!file || fread(&wire, sizeof(wire), 1, file) != 1)
		die("%s: %s", path, strerror(errno));
	fclose(file);
	if (hm_decode_hello(&wire, &h) != HM_DECODE_OK)
		die("%s: not a hello", path);
	h.flags = 0;
	h.last_seq += 1000000;
	hm_encode_hello(&wire, &h);
	p->fd = net_connect(p->addr, p->port);
	net_send(p->fd, &wire, sizeof(wire));
	if (!peer_hello(p) || p->hello.refusal)
		die("not welcome: %u", p->hello.refusal);
}

/**
 * struct forged - what goes out
 * @u: the update, good as it is
 * @session: of the connection
 * @crc: of the payload
 * @start: the seq to begin with; 0: do not
 * @wire: encoded
 * @payload: what follows
 */
struct forged {
	struct hm_update u;
	u64 session;
	u32 crc;
	u64 start;
	struct hm_wire_record wire;
	u8 payload[4096];
};

static void reseal(struct hm_wire_record *w)
{
	w->crc = cpu_to_le32(crc32c(HM_CRC_SEED, w,
				    offsetof(struct hm_wire_record, crc)));
}

static void encode(struct forged *f)
{
	hm_encode_record(&f->wire, &f->u, f->session, f->crc);
}

static void record_header_crc(struct forged *f, const struct hm_hello *b)
{
	encode(f);
	f->wire.sector ^= cpu_to_le64(8);
}

static void record_payload_crc(struct forged *f, const struct hm_hello *b)
{
	encode(f);
	f->payload[100] ^= 1;
}

static void record_session(struct forged *f, const struct hm_hello *b)
{
	f->session ^= 1;
	encode(f);
}

static void record_gap(struct forged *f, const struct hm_hello *b)
{
	f->u.seq++;
	encode(f);
}

static void record_again(struct forged *f, const struct hm_hello *b)
{
	f->u.seq--;
	encode(f);
}

static void record_group(struct forged *f, const struct hm_hello *b)
{
	f->u.group = 1;
	encode(f);
}

static void record_range(struct forged *f, const struct hm_hello *b)
{
	f->u.sector = b->volume[0].sectors;
	encode(f);
}

static void record_wrap(struct forged *f, const struct hm_hello *b)
{
	f->u.sector = ~7ULL;
	encode(f);
}

static void record_volume(struct forged *f, const struct hm_hello *b)
{
	f->u.volume = HM_MAX_VOLUMES - 1;
	encode(f);
}

static void record_oversize(struct forged *f, const struct hm_hello *b)
{
	encode(f);
	f->wire.sectors = cpu_to_le32(0x7fffff);
	f->wire.payload = cpu_to_le32(0xfffffe00);
	reseal(&f->wire);
}

static void record_length(struct forged *f, const struct hm_hello *b)
{
	encode(f);
	f->wire.payload = cpu_to_le32(512);
	reseal(&f->wire);
}

static void record_kind(struct forged *f, const struct hm_hello *b)
{
	f->u.kind = 0x7f;
	encode(f);
}

static void record_reserved(struct forged *f, const struct hm_hello *b)
{
	encode(f);
	f->wire.reserved2 = 1;
	reseal(&f->wire);
}

static void record_no_start(struct forged *f, const struct hm_hello *b)
{
	f->start = 0;
	encode(f);
}

static void record_start(struct forged *f, const struct hm_hello *b)
{
	f->start += 5;
	encode(f);
}

struct record_kind {
	const char *name;
	void (*make)(struct forged *f, const struct hm_hello *b);
};

static const struct record_kind records[] = {
	{ "header-crc", record_header_crc },
	{ "payload-crc", record_payload_crc },
	{ "session", record_session },
	{ "gap", record_gap },
	{ "again", record_again },
	{ "group", record_group },	/* one that is over */
	{ "range", record_range },
	{ "wrap", record_wrap },	/* sector plus length overflows */
	{ "volume", record_volume },
	{ "oversize", record_oversize },
	{ "length", record_length },
	{ "kind", record_kind },
	{ "reserved", record_reserved },
	{ "no-start", record_no_start },
	{ "start", record_start },
};

/* Returns when the backup hangs up. */
static void await_end(struct peer *p, u64 received)
{
	struct hm_wire_ack wire;
	struct hm_ack_record a;

	while (net_recv(p->fd, &wire, sizeof(wire)) == sizeof(wire)) {
		if (hm_decode_ack(&wire, p->hello.session, &a) != HM_DECODE_OK)
			die("bad acknowledgment");
		if (a.status != HM_BACKUP_STARTING &&
		    a.acks.received != received)
			die("the backup acknowledges %ju", a.acks.received);
	}
	puts("closed");
}

static void do_record(struct peer *p, const char *how, const char *path)
{
	struct hm_wire_record start;
	struct forged f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(records); i++) {
		if (!strcmp(records[i].name, how))
			break;
	}
	if (i == ARRAY_SIZE(records))
		die("unknown record %s", how);
	take_place(p, path);

	memset(&f, 0, sizeof(f));
	memset(f.payload, 0xee, sizeof(f.payload));
	f.session = p->hello.session;
	f.start = p->hello.acks.received + 1;
	f.crc = crc32c(HM_CRC_SEED, f.payload, sizeof(f.payload));
	f.u.kind = HM_WRITE;
	f.u.volume = p->hello.volume[0].number;
	f.u.seq = f.start;
	f.u.group = 1ULL << 40;
	f.u.sectors = sizeof(f.payload) >> HM_SECTOR_SHIFT;
	records[i].make(&f, &p->hello);

	if (f.start) {
		hm_encode_control(&start, HM_CTRL_START, 0, p->hello.session,
				  f.start);
		net_send(p->fd, &start, sizeof(start));
	}
	net_send(p->fd, &f.wire, sizeof(f.wire));
	net_send(p->fd, f.payload, sizeof(f.payload));
	await_end(p, p->hello.acks.received);
}

/* ---- a backup's answer ---- */

static void send_hello(struct peer *p, const struct hm_hello *h)
{
	struct hm_wire_hello wire;

	hm_encode_hello(&wire, h);
	net_send(p->fd, &wire, sizeof(wire));
}

/* Another version: what it says after the prefix cannot be understood. */
static void answer_version(struct peer *p, struct hm_hello *h)
{
	h->version = HM_PROTOCOL_VERSION + 1;
	h->oldest = HM_PROTOCOL_VERSION + 1;
	send_hello(p, h);
}

static void answer_random(struct peer *p, struct hm_hello *h)
{
	static const char text[] = "SSH-2.0-OpenSSH_9.2p1 and so on and on\r\n";

	net_send(p->fd, text, sizeof(text));
}

static void answer_stream(struct peer *p, struct hm_hello *h)
{
	h->stream[0] ^= 1;
	send_hello(p, h);
}

static void answer_future(struct peer *p, struct hm_hello *h)
{
	h->acks.received = h->last_seq + 1000;
	send_hello(p, h);
}

static void send_ack(struct peer *p, const struct hm_hello *h, bool damage)
{
	struct hm_ack_record a = { .session = h->session, .acks = h->acks };
	struct hm_wire_ack wire;

	if (!damage)
		a.acks.received += 100000;
	hm_encode_ack(&wire, &a);
	if (damage)
		wire.received ^= 1;
	net_send(p->fd, &wire, sizeof(wire));
}

static void answer_ack(struct peer *p, struct hm_hello *h)
{
	send_hello(p, h);
	send_ack(p, h, false);
}

static void answer_ack_crc(struct peer *p, struct hm_hello *h)
{
	send_hello(p, h);
	send_ack(p, h, true);
}

struct answer_kind {
	const char *name;
	void (*give)(struct peer *p, struct hm_hello *h);
};

static const struct answer_kind answers[] = {
	{ "version", answer_version },
	{ "random", answer_random },
	{ "stream", answer_stream },	/* welcome, but to another stream */
	{ "future", answer_future },	/* has what was never sent */
	{ "ack", answer_ack },		/* acknowledges what was never sent */
	{ "ack-crc", answer_ack_crc },
};

static void do_answer(struct peer *p, const char *how)
{
	char drain[4096];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		if (!strcmp(answers[i].name, how))
			break;
	}
	if (i == ARRAY_SIZE(answers))
		die("unknown answer %s", how);
	p->fd = net_accept(p->addr, p->port);
	if (!peer_hello(p))
		die("the primary says nothing");
	p->hello.session = 7777;
	p->hello.flags = 0;
	/* What the primary has sent before, if anything, we have. */
	p->hello.acks.received = p->hello.last_seq;
	p->hello.acks.applied = p->hello.last_seq;
	p->hello.acks.durable = p->hello.last_seq;
	answers[i].give(p, &p->hello);
	while (net_recv(p->fd, drain, sizeof(drain)) == sizeof(drain))
		;
	puts("closed");
}

/* ---- strangers ---- */

static void do_hold(struct peer *p, unsigned int count, unsigned int seconds)
{
	unsigned int i;

	if (count > MANY)
		die("at most %d connections", MANY);
	for (i = 0; i < count; i++)
		net_connect(p->addr, p->port);
	puts("held");
	fflush(stdout);
	sleep(seconds);
}

static void do_random(struct peer *p, unsigned int bytes)
{
	unsigned int i;
	u8 byte;

	p->fd = net_connect(p->addr, p->port);
	srand(bytes);
	for (i = 0; i < bytes; i++) {
		byte = rand() >> 7;
		net_send(p->fd, &byte, 1);
	}
	net_recv(p->fd, &byte, 1);
	puts("closed");
}

static void do_half(struct peer *p, unsigned int seconds)
{
	struct hm_wire_hello wire;
	struct hm_hello h;

	hello_good(&h);
	hm_encode_hello(&wire, &h);
	p->fd = net_connect(p->addr, p->port);
	net_send(p->fd, &wire, sizeof(wire) / 2);
	puts("held");
	fflush(stdout);
	sleep(seconds);
}

int main(int argc, char **argv)
{
	struct peer p = { .fd = -1 };
	const char *what;

	if (argc < 5)
		die("usage: ADDRESS PORT hold|random|half|hello|learn|record|answer HOW...");
	p.addr = argv[1];
	p.port = argv[2];
	what = argv[3];
	if (!strcmp(what, "hold") && argc == 6)
		do_hold(&p, atoi(argv[4]), atoi(argv[5]));
	else if (!strcmp(what, "random"))
		do_random(&p, atoi(argv[4]));
	else if (!strcmp(what, "half"))
		do_half(&p, atoi(argv[4]));
	else if (!strcmp(what, "hello"))
		do_hello(&p, argv[4]);
	else if (!strcmp(what, "learn"))
		do_learn(&p, argv[4]);
	else if (!strcmp(what, "record") && argc == 6)
		do_record(&p, argv[4], argv[5]);
	else if (!strcmp(what, "answer"))
		do_answer(&p, argv[4]);
	else
		die("unknown: %s", what);
	return 0;
}
