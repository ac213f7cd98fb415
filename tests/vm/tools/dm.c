// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmsetup for guests, with its words: what scenarios do often is done here, and
 * the rest by dmsetup itself. To load its libraries takes an emulated guest ten
 * times as long as all the work. There is no udev, and nothing may hang for ever:
 * the alarm outlives exec.
 *
 *   dm create NAME [--table TABLE]     the table may come from standard input
 *   dm load NAME [--table TABLE]
 *   dm suspend|resume [--noflush] [--nolockfs] NAME
 *   dm remove NAME
 *   dm message NAME SECTOR WORD...
 *   dm status|table NAME
 *
 * With HM_FAIL_NTH=N in its environment, the Nth allocation of each of the
 * kernel's answers fails (the kernel has to have fault injection). The exit
 * status is 99 if all went well, and none of them had so many.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>

#define SECONDS 300
#define UNSPENT 99

static union {
	struct dm_ioctl io;
	char bytes[65536];
} buffer;

static const char *name, *table;
static __u32 suspend_flags;
static unsigned long fail_nth;
static bool failed_once;

static void die(const char *what)
{
	fprintf(stderr, "dm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *payload(void)
{
	return buffer.bytes + sizeof(struct dm_ioctl);
}

/* From now on the nth allocation fails; 0: none. Returns how many were left. */
static unsigned long inject(unsigned long nth)
{
	static int fd = -1;
	char text[32] = "";
	unsigned long left;

	if (fd < 0)
		fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) < 0)
		die("/proc/self/fail-nth");
	left = strtoul(text, NULL, 0);
	snprintf(text, sizeof(text), "%lu", nth);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		die("/proc/self/fail-nth");
	return left;
}

/* The kernel's answer to one request; what goes along is in payload(). */
static bool try_ioctl(unsigned long request, __u32 flags, __u32 targets)
{
	static int fd = -1;
	struct dm_ioctl *io = &buffer.io;
	int error;

	if (fd < 0)
		fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/mapper/control");
	memset(io, 0, sizeof(*io));
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = sizeof(*io);
	io->flags = flags;
	io->target_count = targets;
	snprintf(io->name, sizeof(io->name), "%s", name);
	if (fail_nth)
		inject(fail_nth);
	error = ioctl(fd, request, io) ? errno : 0;
	if (fail_nth && !inject(0))
		failed_once = true;
	errno = error;
	return !error;
}

static void dm_ioctl(const char *what, unsigned long request, __u32 flags)
{
	if (try_ioctl(request, flags, 0))
		return;
	fprintf(stderr, "device-mapper: %s ioctl on %s failed: %s\n", what,
		name, strerror(errno));
	exit(1);
}

/* Append the target of one line of a table; returns where the next begins. */
static char *add_target(char *at, char *line)
{
	struct dm_target_spec *spec = (void *)at;
	char *end = buffer.bytes + sizeof(buffer);
	unsigned long long start, length;
	size_t size;
	int used = 0;

	memset(spec, 0, sizeof(*spec));
	if (sscanf(line, "%llu %llu %15s %n", &start, &length,
		   spec->target_type, &used) < 3 || !used) {
		fprintf(stderr, "dm: not a table: %s\n", line);
		exit(1);
	}
	spec->sector_start = start;
	spec->length = length;
	size = strlen(line + used) + 1;
	if (size > (size_t)(end - at) - sizeof(*spec) - 8) {
		fprintf(stderr, "dm: the table is too long\n");
		exit(1);
	}
	memcpy(at + sizeof(*spec), line + used, size);
	spec->next = (sizeof(*spec) + size + 7) & ~7UL;
	return at + spec->next;
}

static char *table_from_input(void)
{
	static char text[32768];
	size_t length = fread(text, 1, sizeof(text) - 1, stdin);

	text[length] = 0;
	return text;
}

/* False: the kernel refused it. */
static bool load(void)
{
	char *text = table ? strdup(table) : table_from_input();
	char *line, *rest = NULL, *at = payload();
	__u32 targets = 0;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		at = add_target(at, line);
		targets++;
	}
	if (try_ioctl(DM_TABLE_LOAD, 0, targets))
		return true;
	fprintf(stderr, "device-mapper: reload ioctl on %s failed: %s\n", name,
		strerror(errno));
	return false;
}

static char *node(void)
{
	char *path;

	if (asprintf(&path, "/dev/mapper/%s", name) < 0)
		die(name);
	return path;
}

static void make_node(__u64 device)
{
	unsigned int minor = (device & 0xff) | ((device >> 12) & ~0xffU);
	char *path = node();

	unlink(path);
	if (mknod(path, S_IFBLK | 0600, makedev((device >> 8) & 0xfff, minor)))
		die(path);
}

static int create(void)
{
	dm_ioctl("create", DM_DEV_CREATE, 0);
	if (!load() || !try_ioctl(DM_DEV_SUSPEND, 0, 0)) {
		fprintf(stderr, "dm: %s is not created\n", name);
		fail_nth = 0;
		try_ioctl(DM_DEV_REMOVE, 0, 0);
		return 1;
	}
	make_node(buffer.io.dev);
	return 0;
}

static int delete(void)
{
	dm_ioctl("remove", DM_DEV_REMOVE, 0);
	unlink(node());
	return 0;
}

static int message(char **words)
{
	struct dm_target_msg *msg = (void *)payload();
	char *at = msg->message, *end = buffer.bytes + sizeof(buffer);

	memset(msg, 0, sizeof(*msg));
	msg->sector = strtoull(*words, NULL, 0);
	while (*++words)
		at += snprintf(at, end - at, "%s%s",
			       at == msg->message ? "" : " ", *words);
	dm_ioctl("message", DM_TARGET_MSG, 0);
	if (buffer.io.flags & DM_DATA_OUT_FLAG)
		printf("%s\n", buffer.bytes + buffer.io.data_start);
	return 0;
}

static int show(__u32 flags)
{
	char *first = payload(), *at = first;
	__u32 i;

	dm_ioctl("table", DM_TABLE_STATUS, flags);
	for (i = 0; i < buffer.io.target_count; i++) {
		struct dm_target_spec *spec = (void *)at;

		printf("%llu %llu %s %s\n", spec->sector_start, spec->length,
		       spec->target_type, at + sizeof(*spec));
		at = first + spec->next;
	}
	return 0;
}

static int dmsetup(int argc, char **argv)
{
	char **words = calloc(argc + 3, sizeof(*words));

	if (!words)
		return 1;
	words[0] = "dmsetup";
	words[1] = "--noudevsync";
	words[2] = "--noudevrules";
	memcpy(words + 3, argv + 1, (argc - 1) * sizeof(*words));
	execvp(words[0], words);
	die(words[0]);
	return 127;
}

/* Take the name and the options; false if something else is among the words. */
static bool understand(char **words)
{
	for (; *words; words++) {
		if (!strcmp(*words, "--noflush"))
			suspend_flags |= DM_NOFLUSH_FLAG;
		else if (!strcmp(*words, "--nolockfs"))
			suspend_flags |= DM_SKIP_LOCKFS_FLAG;
		else if (!strcmp(*words, "--table") && words[1])
			table = *++words;
		else if (**words == '-' || name)
			return false;
		else
			name = *words;
	}
	return name;
}

static int perform(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "message") && argc > 4) {
		name = argv[2];
		return message(argv + 3);
	}
	if (argc < 3 || !understand(argv + 2))
		return dmsetup(argc, argv);
	if (!strcmp(what, "create"))
		return create();
	if (!strcmp(what, "load"))
		return !load();
	if (!strcmp(what, "remove"))
		return delete();
	if (!strcmp(what, "status"))
		return show(0);
	if (!strcmp(what, "table"))
		return show(DM_STATUS_TABLE_FLAG);
	if (!strcmp(what, "suspend"))
		dm_ioctl("suspend", DM_DEV_SUSPEND,
			 DM_SUSPEND_FLAG | suspend_flags);
	else if (!strcmp(what, "resume"))
		dm_ioctl("resume", DM_DEV_SUSPEND, suspend_flags);
	else
		return dmsetup(argc, argv);
	return 0;
}

int main(int argc, char **argv)
{
	const char *nth = getenv("HM_FAIL_NTH");
	int result;

	alarm(SECONDS);
	fail_nth = nth ? strtoul(nth, NULL, 0) : 0;
	result = perform(argc, argv);
	return fail_nth && !result && !failed_once ? UNSPENT : result;
}
