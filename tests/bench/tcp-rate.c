// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast bare TCP is, until the last byte has been read.
 *
 *   tcp-rate PORT                receive from one peer, then tell it
 *   tcp-rate PORT ADDRESS MIB    send; prints MiB/s
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRIES 600

static char buffer[64 << 10];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		die("socket");
	return fd;
}

static void receive(struct sockaddr_in *address)
{
	int listener = new_socket(), fd;

	if (bind(listener, (struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, 1))
		die("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	if (write(fd, "", 1) != 1)
		die("write");
	close(fd);
}

static int connect_to(struct sockaddr_in *address)
{
	int fd, try;

	for (try = 0; try < TRIES; try++) {
		fd = new_socket();
		if (!connect(fd, (struct sockaddr *)address, sizeof(*address)))
			return fd;
		close(fd);
		usleep(100000);
	}
	die("connect");
	return -1;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void send_all(struct sockaddr_in *address, long mib)
{
	int fd = connect_to(address);
	double started = now();
	long i;

	for (i = 0; i < mib << 4; i++)
		if (send(fd, buffer, sizeof(buffer), 0) !=
		    sizeof(buffer))
			die("send");
	shutdown(fd, SHUT_WR);
	if (read(fd, buffer, 1) != 1)
		die("read");
	printf("%.3f\n", mib / (now() - started));
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: tcp-rate PORT [ADDRESS MIB]\n");
		return 2;
	}
	address.sin_port = htons(atoi(argv[1]));
	if (argc == 2) {
		receive(&address);
	} else {
		if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
			return 2;
		send_all(&address, atol(argv[3]));
	}
	return 0;
}
