/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_SOCK_H
#define HM_SOCK_H

#include <linux/socket.h>
#include <linux/uio.h>

struct net;
struct socket;

int hm_sock_parse(struct net *net, const char *addr, u16 port,
		  struct sockaddr_storage *out);
int hm_sock_connect(struct net *net, struct sockaddr_storage *addr,
		    unsigned int timeout_ms, struct socket **out);
int hm_sock_listen(struct net *net, struct sockaddr_storage *addr,
		   struct socket **out);
int hm_sock_accept(struct socket *listener, struct socket **out);
void hm_sock_trust(struct socket *sock);
void hm_sock_set_timeout(struct socket *sock, unsigned int ms);
size_t hm_sock_send_some(struct socket *sock, struct bio_vec *bvec,
			 unsigned int count, size_t bytes);
int hm_sock_send(struct socket *sock, struct bio_vec *bvec, unsigned int count,
		 size_t bytes, size_t skip);
int hm_sock_send_buffer(struct socket *sock, void *buffer, size_t bytes);
int hm_sock_recv(struct socket *sock, struct bio_vec *bvec, unsigned int count,
		 size_t bytes, size_t skip, bool wait);
int hm_sock_recv_exact(struct socket *sock, void *buffer, size_t bytes,
		       unsigned int timeout_ms);
bool hm_sock_has_room(struct socket *sock);
bool hm_sock_is_down(struct socket *sock);
void hm_sock_shutdown(struct socket *sock);
void hm_sock_release(struct socket *sock);

#endif
