// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices and image files, past the page cache wherever possible.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stamp.h"

void complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	flockfile(stderr);
	fputs("hm-stamp: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(args);
}

void fail(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, fmt);
	fputs("hm-stamp: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_ERROR);
}

uint64_t parse_number(const char *what, const char *text, uint64_t min,
		      uint64_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' ||
	    value < min || value > max)
		fail("%s must be a number from %llu to %llu, not \"%s\"",
		     what, (unsigned long long)min, (unsigned long long)max,
		     text);
	return value;
}

void *alloc_aligned(size_t size)
{
	void *buf = NULL;

	if (posix_memalign(&buf, 4096, size))
		fail("out of memory (%zu bytes wanted)", size);
	memset(buf, 0, size);
	return buf;
}

/*
 * O_DIRECT is what makes "completed" mean that the device said so, and a read
 * mean what the device holds. Some file systems refuse it for image files;
 * there the page cache is all there is to ask.
 */
static int open_direct(const char *path, int flags, bool is_device)
{
	int fd = open(path, flags | O_DIRECT);

	if (fd < 0 && errno == EINVAL && !is_device)
		fd = open(path, flags);
	return fd;
}

void volume_open(struct volume *vol, const char *path, bool writable)
{
	int flags = O_CLOEXEC | (writable ? O_RDWR : O_RDONLY);
	struct stat st;
	off_t end;

	if (stat(path, &st))
		fail("cannot use %s: %s", path, strerror(errno));
	vol->path = path;
	vol->is_device = S_ISBLK(st.st_mode);
	if (!vol->is_device && !S_ISREG(st.st_mode))
		fail("%s is neither a block device nor a file", path);
	/* The kernel refuses an exclusive open of a mounted device. */
	if (vol->is_device && writable)
		flags |= O_EXCL;
	vol->fd = open_direct(path, flags, vol->is_device);
	if (vol->fd < 0 && errno == EBUSY)
		fail("%s is in use; unmount it, or name the device on top of it",
		     path);
	if (vol->fd < 0)
		fail("cannot open %s: %s", path, strerror(errno));
	end = lseek(vol->fd, 0, SEEK_END);
	if (end < 0)
		fail("cannot tell the size of %s: %s", path, strerror(errno));
	vol->size = (uint64_t)end;
	/* Needs privilege, and is only a second line behind O_DIRECT. */
	if (vol->is_device && !writable)
		(void)ioctl(vol->fd, BLKFLSBUF, 0);
	if (!vol->is_device && !writable)
		(void)posix_fadvise(vol->fd, 0, 0, POSIX_FADV_DONTNEED);
}

void volume_close(struct volume *vol)
{
	if (vol->fd >= 0)
		close(vol->fd);
	vol->fd = -1;
}

/*
 * An image file may sit on a disk with larger sectors than its blocks. Only
 * reads find out, and whoever writes reads one block first: the writers share
 * a descriptor, and must not change it under each other.
 */
static bool drop_direct(struct volume *vol)
{
	int flags = fcntl(vol->fd, F_GETFL);

	if (vol->is_device || flags < 0 || !(flags & O_DIRECT))
		return false;
	return !fcntl(vol->fd, F_SETFL, flags & ~O_DIRECT);
}

/* Returns less than @len at the end of the volume only. */
size_t volume_read(struct volume *vol, void *buf, size_t len, uint64_t offset)
{
	size_t got = 0;
	ssize_t ret;

	while (got < len && offset + got < vol->size) {
		ret = pread(vol->fd, (char *)buf + got, len - got,
			    (off_t)(offset + got));
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0 && errno == EINVAL && drop_direct(vol))
			continue;
		if (ret < 0)
			fail("cannot read %s at byte %llu: %s", vol->path,
			     (unsigned long long)(offset + got),
			     strerror(errno));
		if (!ret)
			break;
		got += (size_t)ret;
	}
	return got;
}

/* One write, never split: what is torn was torn underneath. */
int volume_write(struct volume *vol, const void *buf, size_t len,
		 uint64_t offset, bool dsync)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
			     .iov_len = len };
	ssize_t ret;

	do {
		ret = pwritev2(vol->fd, &iov, 1, (off_t)offset,
			       dsync ? RWF_DSYNC : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return (size_t)ret == len ? 0 : -ENOSPC;
}
