/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FORGE_H
#define FORGE_H

#include "codec.h"
#include "handshake.h"

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *format, ...);

int net_connect(const char *addr, const char *port);
int net_accept(const char *addr, const char *port);
void net_send(int fd, const void *data, size_t bytes);
size_t net_recv(int fd, void *data, size_t bytes);

#endif
