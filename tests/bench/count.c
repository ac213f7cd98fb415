// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU: how many instructions a guest has executed, for each block
 * of code by its address. The counters lie in a shared file, for profiler.py:
 * struct entry, open hashing, an address of 0 being free.
 *
 *   -plugin count.so,counts=PATH
 *
 * Debian does not package the header of QEMU's plugin interface (version 1).
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define ENTRIES (1u << 20)

struct entry {
	uint64_t address;
	uint64_t count;
};

struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef uint64_t plugin_id;
typedef void (*tb_callback)(plugin_id id, struct qemu_plugin_tb *tb);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, tb_callback cb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
					      enum qemu_plugin_op op, void *ptr,
					      uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 1;

static struct entry *table;

static struct entry *find(uint64_t address)
{
	uint32_t i = (address * 0x9e3779b97f4a7c15ull) >> 44;

	while (table[i].address && table[i].address != address)
		i = (i + 1) % ENTRIES;
	table[i].address = address;
	return &table[i];
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);

	/* all of user space is one */
	if (!(address >> 63))
		address = 1;
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64,
						 &find(address)->count,
						 qemu_plugin_tb_n_insns(tb));
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc,
			       char **argv)
{
	size_t size = ENTRIES * sizeof(*table);
	int fd;

	(void)info;
	if (argc != 1 || strncmp(argv[0], "counts=", 7))
		return -1;
	fd = open(argv[0] + 7, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, size))
		return -1;
	table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (table == MAP_FAILED)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
