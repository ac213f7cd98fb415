/* SPDX-License-Identifier: GPL-2.0-only */
/* A superblock in which no two fields are alike. */
#ifndef HM_FORMAT_TEST_H
#define HM_FORMAT_TEST_H

#include "hm-test.h"
#include "format.h"

#define assert_format(got, want) do {					\
	enum hm_format _got = (got), _want = (want);			\
	if (_got != _want)						\
		fail_msg("got \"%s\", want \"%s\"",			\
			 hm_format_text(_got), hm_format_text(_want));	\
} while (0)

/* A backup that was stopped cleanly in the middle of a copy. */
static inline struct hm_super sample_super(void)
{
	struct hm_super s = {
		.sequence = 0x0102030405060708ULL,
		.volume_uuid = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
				 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e,
				 0x1f },
		.set_uuid = { 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
			      0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f },
		.set = "orders",
		.volume = 3,
		.role = HM_SUPER_BACKUP,
		.region_shift = 11,
		.sectors = 0x0000000212345678ULL,
		.lineage = {
			.generation = { 0x3132333435363738ULL,
					0x4142434445464748ULL,
					0x5152535455565758ULL },
			.covered = 2,
			.covers_fresh = true,
			.inconsistent = true,
		},
		.stream = { 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67,
			    0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f },
		.position = true,
		.seq = 0x7172737475767778ULL,
		.group = 0x0182838485868788ULL,
		.since = 0x0000000065a1b2c3ULL,
		.members = 0x8029,
	};

	s.bitmap_blocks = hm_format_bitmap_blocks(s.sectors, s.region_shift);
	return s;
}

static inline struct hm_disk_super encoded(const struct hm_super *s)
{
	struct hm_disk_super d;

	memset(&d, 0xa5, sizeof(d));
	hm_encode_super(&d, s);
	return d;
}

/* The checksum is made to fit again. */
static inline void reseal(void *sector, size_t crc_at)
{
	u32 crc;

	memset((u8 *)sector + crc_at, 0, 4);
	crc = cpu_to_le32(crc32c(HM_CRC_SEED, sector, HM_META_SECTOR));
	memcpy((u8 *)sector + crc_at, &crc, 4);
}

static inline void reseal_super(struct hm_disk_super *d)
{
	reseal(d, offsetof(struct hm_disk_super, crc));
}

#endif
