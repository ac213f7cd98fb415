// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the status of a mapped device says.
 *
 *   hm-status NAME FIELD...    prints the values of fields, in one line
 *
 * "dmsetup status" with awk behind it says the same. Scenarios ask so often that
 * an emulated guest would be busy with loading libraries.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/dm-ioctl.h>

static union {
	struct dm_ioctl io;
	char bytes[16384];
} buffer;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The status line of the device's first target, without place and name. */
static char *status(const char *name)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	struct dm_ioctl *io = &buffer.io;

	if (fd < 0)
		die("/dev/mapper/control");
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = sizeof(*io);
	snprintf(io->name, sizeof(io->name), "%s", name);
	if (ioctl(fd, DM_TABLE_STATUS, io))
		die(name);
	if (!io->target_count) {
		fprintf(stderr, "%s has no table\n", name);
		exit(1);
	}
	return buffer.bytes + io->data_start + sizeof(struct dm_target_spec);
}

/* The value of a field among "field value field value..."; "" if it is not. */
static void print_value(const char *line, const char *field)
{
	const char *end;
	bool found;

	while (*line) {
		end = strchrnul(line, ' ');
		found = !strncmp(line, field, end - line) &&
			!field[end - line];
		line = end + strspn(end, " ");
		end = strchrnul(line, ' ');
		if (found) {
			fwrite(line, 1, end - line, stdout);
			return;
		}
		line = end + strspn(end, " ");
	}
}

int main(int argc, char **argv)
{
	const char *line;
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: hm-status NAME FIELD...\n");
		return 2;
	}
	line = status(argv[1]);
	for (i = 2; i < argc; i++) {
		print_value(line, argv[i]);
		putchar(i + 1 < argc ? ' ' : '\n');
	}
	return 0;
}
