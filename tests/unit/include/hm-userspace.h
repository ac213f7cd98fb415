/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * core/ outside of the kernel: the few names that core/env.h promises, for the
 * unit tests, the fuzzers, the model explorer and the tools.
 */
#ifndef HM_USERSPACE_H
#define HM_USERSPACE_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef uint16_t __le16;
typedef uint32_t __le32;
typedef uint64_t __le64;

#define __packed		__attribute__((packed))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define BIT(n)			(1UL << (n))
#define SZ_1M			(1U << 20)

/* As the kernel's: the message may be left out. */
#undef static_assert
#define static_assert(expr, ...) \
	__static_assert(expr, ##__VA_ARGS__, #expr)
#define __static_assert(expr, msg, ...)	_Static_assert(expr, msg)

#define cpu_to_le16(x)		htole16(x)
#define cpu_to_le32(x)		htole32(x)
#define cpu_to_le64(x)		htole64(x)
#define le16_to_cpu(x)		le16toh(x)
#define le32_to_cpu(x)		le32toh(x)
#define le64_to_cpu(x)		le64toh(x)

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* memchr_inv() of the kernel: the first byte that is not @c, or NULL */
/* linux/math64.h: 32-bit kernels have no division of 64-bit numbers */
static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline const void *memchr_inv(const void *p, int c, size_t bytes)
{
	const u8 *b = p;

	for (; bytes; bytes--, b++) {
		if (*b != (u8)c)
			return b;
	}
	return NULL;
}

/* CRC-32C (Castagnoli), byte by byte: no seed or final inversion, as the kernel */
static inline u32 crc32c(u32 crc, const void *data, unsigned int bytes)
{
	static u32 table[256];
	const u8 *p = data;
	u32 byte, c;
	int bit;

	for (byte = 0; !table[1] && byte < 256; byte++) {
		c = 255 - byte;
		for (bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (0x82f63b78U & -(c & 1));
		table[255 - byte] = c;
	}
	while (bytes--)
		crc = crc >> 8 ^ table[(u8)crc ^ *p++];
	return crc;
}

/* Bitmaps, as the kernel's: arrays of unsigned long, bit 0 the lowest. */
#define BITS_PER_LONG		(8 * (unsigned int)sizeof(unsigned long))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)

static inline unsigned int hweight_long(unsigned long w)
{
	return (unsigned int)__builtin_popcountl(w);
}

/* The lowest bit that is set; there is one. */
static inline unsigned long __ffs(unsigned long w)
{
	return (unsigned long)__builtin_ctzl(w);
}

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1;
}

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= BIT(n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~BIT(n % BITS_PER_LONG);
}

static inline void bitmap_set(unsigned long *map, unsigned int start,
			      unsigned int bits)
{
	while (bits--)
		__set_bit(start++, map);
}

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(*map));
}

/* The first bit from @from on that is @value; @bits if there is none. */
static inline unsigned long hm_find_bit(const unsigned long *map,
					unsigned long bits, unsigned long from,
					bool value)
{
	unsigned long w;

	while (from < bits) {
		w = map[from / BITS_PER_LONG] ^ (value ? 0 : ~0UL);
		w >>= from % BITS_PER_LONG;
		if (w) {
			from += __ffs(w);
			break;
		}
		from += BITS_PER_LONG - from % BITS_PER_LONG;
	}
	return min(from, bits);
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long bits,
					  unsigned long from)
{
	return hm_find_bit(map, bits, from, true);
}

static inline unsigned long find_next_zero_bit(const unsigned long *map,
					       unsigned long bits,
					       unsigned long from)
{
	return hm_find_bit(map, bits, from, false);
}

struct list_head {
	struct list_head *next, *prev;
};

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define list_entry(ptr, type, member)	container_of(ptr, type, member)
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_last_entry(head, type, member) \
	list_entry((head)->prev, type, member)
#define list_next_entry(pos, member) \
	list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_prev_entry(pos, member) \
	list_entry((pos)->member.prev, __typeof__(*(pos)), member)
#define list_for_each_entry(pos, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_next_entry(pos, member))
#define list_for_each_entry_reverse(pos, head, member)			\
	for (pos = list_entry((head)->prev, __typeof__(*pos), member);	\
	     &pos->member != (head);					\
	     pos = list_prev_entry(pos, member))
#define list_for_each_entry_from(pos, head, member)			\
	for (; &pos->member != (head);					\
	     pos = list_next_entry(pos, member))
#define list_for_each_entry_continue(pos, head, member)			\
	for (pos = list_next_entry(pos, member);			\
	     &pos->member != (head);					\
	     pos = list_next_entry(pos, member))
#define list_for_each_entry_safe(pos, n, head, member)			\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),	\
	     n = list_next_entry(pos, member);				\
	     &pos->member != (head);					\
	     pos = n, n = list_next_entry(n, member))

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline bool list_is_last(const struct list_head *e,
				const struct list_head *head)
{
	return e->next == head;
}

static inline void list_add_tail(struct list_head *e, struct list_head *head)
{
	e->prev = head->prev;
	e->next = head;
	head->prev->next = e;
	head->prev = e;
}

static inline void list_del_init(struct list_head *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	INIT_LIST_HEAD(e);
}

static inline void list_move_tail(struct list_head *e, struct list_head *head)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_add_tail(e, head);
}

static inline void list_splice_init(struct list_head *from,
				    struct list_head *head)
{
	if (list_empty(from))
		return;
	from->prev->next = head->next;
	head->next->prev = from->prev;
	from->next->prev = head;
	head->next = from->next;
	INIT_LIST_HEAD(from);
}

#endif
