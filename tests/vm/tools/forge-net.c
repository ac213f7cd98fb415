// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sockets of hm-forge.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forge.h"

/**
 * die() - say what is wrong and end
 * @format: as for printf()
 */
void die(const char *format, ...)
{
	va_list args;

	fputs("hm-forge: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

union net_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int net_socket(const char *addr, const char *port,
		      union net_addr *to, socklen_t *bytes)
{
	int one = 1;
	int fd;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, addr, &to->in.sin_addr) == 1) {
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(atoi(port));
		*bytes = sizeof(to->in);
	} else if (inet_pton(AF_INET6, addr, &to->in6.sin6_addr) == 1) {
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(atoi(port));
		*bytes = sizeof(to->in6);
	} else {
		die("bad address %s", addr);
	}
	fd = socket(to->any.sa_family, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

/**
 * net_connect() - connect to a backup
 * @addr: address literal
 * @port: number
 *
 * Return: a socket. A backup with too many guests may have reset it already.
 */
int net_connect(const char *addr, const char *port)
{
	union net_addr to;
	socklen_t bytes;
	int fd = net_socket(addr, port, &to, &bytes);

	if (connect(fd, &to.any, bytes) && errno != ECONNRESET)
		die("connect: %s", strerror(errno));
	return fd;
}

/**
 * net_accept() - be the address that a primary connects to
 * @addr: address literal
 * @port: number
 *
 * Return: a socket, once somebody has connected.
 */
int net_accept(const char *addr, const char *port)
{
	union net_addr to;
	socklen_t bytes;
	int listener = net_socket(addr, port, &to, &bytes);
	int fd;

	if (bind(listener, &to.any, bytes) || listen(listener, 1))
		die("listen: %s", strerror(errno));
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept: %s", strerror(errno));
	close(listener);
	return fd;
}

/**
 * net_send() - send all, unless the peer has gone
 * @fd: socket
 * @data: what
 * @bytes: how much
 */
void net_send(int fd, const void *data, size_t bytes)
{
	const char *p = data;
	ssize_t n;

	while (bytes) {
		n = send(fd, p, bytes, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		p += n;
		bytes -= n;
	}
}

/**
 * net_recv() - receive until there is enough, or the peer has gone
 * @fd: socket
 * @data: where to
 * @bytes: how much
 *
 * Return: how much came.
 */
size_t net_recv(int fd, void *data, size_t bytes)
{
	char *p = data;
	size_t got = 0;
	ssize_t n;

	while (got < bytes) {
		n = recv(fd, p + got, bytes - got, 0);
		if (n <= 0)
			break;
		got += n;
	}
	return got;
}
