// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets only: creating, options, sending, receiving, ending. All of it runs
 * in threads and works of ours, which block in the socket and are woken by a
 * shutdown. Silence is noticed by the heartbeats of the protocol, and by TCP only
 * on the backup, whose primary always reads: a backup that does not read because
 * its disk is slow is not gone.
 */
#include <linux/in.h>
#include <linux/inet.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "hm.h"
#include "sock.h"

static unsigned int hm_sockaddr_bytes(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					     sizeof(struct sockaddr_in);
}

/* For writeback through the mirror: no I/O to find memory. */
static void hm_sock_options(struct socket *sock)
{
	struct sock *sk = sock->sk;

	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
	tcp_sock_set_nodelay(sk);
	sock_set_keepalive(sk);
}

/**
 * hm_sock_parse() - an address literal and a port
 * @net: network namespace, for the scope of a link-local address
 * @addr: IPv4 or IPv6 literal
 * @port: TCP port
 * @out: the result
 *
 * Return: 0 or -EINVAL.
 *
 * Context: may sleep.
 */
int hm_sock_parse(struct net *net, const char *addr, u16 port,
		  struct sockaddr_storage *out)
{
	char text[8];

	/* Addresses are compared as a whole. */
	memset(out, 0, sizeof(*out));
	snprintf(text, sizeof(text), "%u", port);
	return inet_pton_with_scope(net, AF_UNSPEC, addr, text, out);
}

/*
 * The socket gets no lock classes of ours: to lockdep the kernel's sockets are not
 * those of users anyway, and a kernel with lockdep holds the module until the last
 * socket with a class of it is freed, which may be long after its release.
 */
static int hm_sock_create(struct net *net, int family, struct socket **out)
{
	return sock_create_kern(net, family, SOCK_STREAM, IPPROTO_TCP, out);
}

/* Closing without waiting is safe while SYN_SENT, so no attempt is stuck. */
static int hm_sock_wait_connected(struct socket *sock, unsigned int timeout_ms)
{
	struct sock *sk = sock->sk;

	wait_event_interruptible_timeout(*sk_sleep(sk),
					 READ_ONCE(sk->sk_state) != TCP_SYN_SENT ||
					 kthread_should_stop(),
					 msecs_to_jiffies(timeout_ms));
	if (READ_ONCE(sk->sk_state) == TCP_ESTABLISHED)
		return 0;
	return sock_error(sk) ?: -ETIMEDOUT;
}

/**
 * hm_sock_connect() - connect to the backup
 * @net: network namespace
 * @addr: the backup's address
 * @timeout_ms: give up after so many milliseconds
 * @out: the socket; hm_sock_release() it
 *
 * Return: 0 or a negative errno.
 *
 * Context: in a kthread; returns early once it should stop.
 */
int hm_sock_connect(struct net *net, struct sockaddr_storage *addr,
		    unsigned int timeout_ms, struct socket **out)
{
	struct socket *sock;
	int err;

	err = hm_sock_create(net, addr->ss_family, &sock);
	if (err)
		return err;
	hm_sock_options(sock);
	err = kernel_connect(sock, (struct sockaddr *)addr,
			     hm_sockaddr_bytes(addr), O_NONBLOCK);
	if (err == -EINPROGRESS)
		err = hm_sock_wait_connected(sock, timeout_ms);
	if (err) {
		hm_sock_release(sock);
		return err;
	}
	*out = sock;
	return 0;
}

/**
 * hm_sock_listen() - wait for the primary at an address
 * @net: network namespace
 * @addr: where
 * @out: the listening socket; sock_release() it
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep.
 */
int hm_sock_listen(struct net *net, struct sockaddr_storage *addr,
		   struct socket **out)
{
	struct socket *sock;
	int err;

	err = hm_sock_create(net, addr->ss_family, &sock);
	if (err)
		return err;
	sock_set_reuseaddr(sock->sk);
	err = kernel_bind(sock, (struct sockaddr *)addr,
			  hm_sockaddr_bytes(addr));
	if (!err)
		err = kernel_listen(sock, 8);
	if (err) {
		sock_release(sock);
		return err;
	}
	*out = sock;
	return 0;
}

/**
 * hm_sock_accept() - the next connection
 * @listener: listening socket; its receive timeout bounds the wait
 * @out: the connection; hm_sock_release() it
 *
 * Return: 0, -EAGAIN at the timeout, or a negative errno.
 *
 * Context: may sleep.
 */
int hm_sock_accept(struct socket *listener, struct socket **out)
{
	unsigned int ms = READ_ONCE(hm_peer_timeout_ms);
	int err = kernel_accept(listener, out, 0);

	if (err)
		return err;
	hm_sock_options(*out);
	/* A peer that reads nothing is as good as a silent one. */
	WRITE_ONCE((*out)->sk->sk_sndtimeo, msecs_to_jiffies(ms));
	/* So is one that does not take our signs of life, while we do not read. */
	tcp_sock_set_user_timeout((*out)->sk, ms);
	return 0;
}

/**
 * hm_sock_trust() - the connection may use the reserves of memory
 * @sock: the socket, of a peer that is known
 *
 * Context: may sleep.
 */
void hm_sock_trust(struct socket *sock)
{
	sk_set_memalloc(sock->sk);
}

/**
 * hm_sock_set_timeout() - bound each wait for the peer's bytes
 * @sock: the socket
 * @ms: milliseconds
 *
 * Context: any.
 */
void hm_sock_set_timeout(struct socket *sock, unsigned int ms)
{
	WRITE_ONCE(sock->sk->sk_rcvtimeo, msecs_to_jiffies(ms));
}

/**
 * hm_sock_send_some() - send what the socket takes without waiting for the peer
 * @sock: the socket
 * @bvec: what to send; what is taken is copied before this returns
 * @count: entries
 * @bytes: their sum
 *
 * Return: bytes taken; 0 also if the connection is of no more use, which the next
 * hm_sock_send() will say.
 *
 * Context: may sleep for the socket's lock, which nobody holds while waiting, and
 * reclaims no memory.
 */
size_t hm_sock_send_some(struct socket *sock, struct bio_vec *bvec,
			 unsigned int count, size_t bytes)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT };
	unsigned int flags = memalloc_noreclaim_save();
	int n;

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, count, bytes);
	n = sock_sendmsg(sock, &msg);
	memalloc_noreclaim_restore(flags);
	return max(n, 0);
}

/**
 * hm_sock_send() - send all of it
 * @sock: the socket
 * @bvec: what to send; copied into the socket before this returns
 * @count: entries
 * @bytes: their sum
 * @skip: so many bytes were sent already
 *
 * Return: 0 or a negative errno; then the connection is of no more use.
 *
 * Context: may sleep as long as the peer does not read; hm_sock_shutdown()
 * ends that.
 */
int hm_sock_send(struct socket *sock, struct bio_vec *bvec, unsigned int count,
		 size_t bytes, size_t skip)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	unsigned int flags = memalloc_noreclaim_save();
	int n = 0;

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, count, bytes);
	iov_iter_advance(&msg.msg_iter, skip);
	while (msg_data_left(&msg)) {
		n = sock_sendmsg(sock, &msg);
		if (n <= 0)
			break;
	}
	memalloc_noreclaim_restore(flags);
	if (msg_data_left(&msg))
		return n < 0 ? n : -EPIPE;
	return 0;
}

/**
 * hm_sock_send_buffer() - send a small message
 * @sock: the socket
 * @buffer: in the kernel's linear map
 * @bytes: its length
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, see hm_sock_send().
 */
int hm_sock_send_buffer(struct socket *sock, void *buffer, size_t bytes)
{
	struct bio_vec bvec;

	bvec_set_page(&bvec, virt_to_page(buffer), bytes,
		      offset_in_page(buffer));
	return hm_sock_send(sock, &bvec, 1, bytes, 0);
}

/**
 * hm_sock_recv() - receive what there is
 * @sock: the socket
 * @bvec: where to put it
 * @count: entries
 * @bytes: their sum
 * @skip: so many bytes are there already
 * @wait: wait for the first byte, up to the socket's timeout
 *
 * Return: bytes received, -EAGAIN if nothing came, -EPIPE at the peer's end,
 * or a negative errno.
 *
 * Context: may sleep; hm_sock_shutdown() ends that.
 */
int hm_sock_recv(struct socket *sock, struct bio_vec *bvec, unsigned int count,
		 size_t bytes, size_t skip, bool wait)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	int n;

	iov_iter_bvec(&msg.msg_iter, ITER_DEST, bvec, count, bytes);
	iov_iter_advance(&msg.msg_iter, skip);
	n = sock_recvmsg(sock, &msg, msg.msg_flags | (wait ? 0 : MSG_DONTWAIT));
	return n ?: -EPIPE;
}

/**
 * hm_sock_recv_exact() - receive a message of known length
 * @sock: the socket
 * @buffer: in the kernel's linear map
 * @bytes: its length
 * @timeout_ms: for all of it, milliseconds
 *
 * Return: 0, -ETIMEDOUT, or a negative errno.
 *
 * Context: may sleep; hm_sock_shutdown() ends that.
 */
int hm_sock_recv_exact(struct socket *sock, void *buffer, size_t bytes,
		       unsigned int timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);
	struct bio_vec bvec;
	size_t got = 0;
	long left;
	int n;

	bvec_set_page(&bvec, virt_to_page(buffer), bytes,
		      offset_in_page(buffer));
	while (got < bytes) {
		left = (long)(end - jiffies);
		if (left <= 0)
			return -ETIMEDOUT;
		WRITE_ONCE(sock->sk->sk_rcvtimeo, left);
		n = hm_sock_recv(sock, &bvec, 1, bytes, got, true);
		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : n;
		got += n;
	}
	return 0;
}

/**
 * hm_sock_has_room() - would the socket take a small message without waiting?
 * @sock: the socket
 *
 * Context: any.
 */
bool hm_sock_has_room(struct socket *sock)
{
	return sk_stream_memory_free(sock->sk);
}

/**
 * hm_sock_is_down() - either side has ended the connection
 * @sock: the socket
 *
 * Context: any.
 */
bool hm_sock_is_down(struct socket *sock)
{
	return READ_ONCE(sock->sk->sk_shutdown);
}

/**
 * hm_sock_shutdown() - end a connection; whoever blocks in it returns
 * @sock: the socket
 *
 * Context: may sleep.
 */
void hm_sock_shutdown(struct socket *sock)
{
	kernel_sock_shutdown(sock, SHUT_RDWR);
}

/**
 * hm_sock_release() - free a socket that nobody uses any more
 * @sock: the socket; connected, or on the way there
 *
 * A socket of the kernel has no timers once it is closed. If it then waited for
 * the peer to confirm the end, and the peer was gone, it would stay for ever. So it
 * ends at once, with a reset: the peer still reads what has arrived, but nothing is
 * sent again.
 *
 * To give up the reserves takes a lock that others hold while they allocate memory,
 * so it must not be done under the socket's, which writeback waits for in map(). Once
 * the socket is closed nothing changes its accounts any more.
 *
 * Context: may sleep.
 */
void hm_sock_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	bool trusted = sock_flag(sk, SOCK_MEMALLOC);

	sock_hold(sk);
	sock_no_linger(sk);
	sock_release(sock);
	if (trusted)
		sk_clear_memalloc(sk);
	sock_put(sk);
}
