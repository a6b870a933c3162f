// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <linux/netlink.h>
#include "nl.h"

#define NL_BUFFER	32768 /* the kernel fills no more at a time */
#define NL_EVENT_BUFFER (1 << 20)
#define NL_READS_MAX	65536 /* of one dump */
#define NL_EVENTS_MAX	1024  /* at a time */
#define NL_DUMPS_MAX	3
#define NL_TIMEOUT_MS	1000

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

int nl_open(int bus, struct nl *ret)
{
	struct nl s = { .bus = bus, .seq = (uint32_t)time(NULL) };
	int one = 1, err;

	s.sock = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s.sock)
		return -errno;
	if (mnl_socket_bind(s.sock, 0, MNL_SOCKET_AUTOPID)) {
		err = -errno;
		nl_close(&s);
		return err;
	}
	/* Dumps are filtered, and wrong requests refused; from 4.20 on. */
	(void)mnl_socket_setsockopt(s.sock, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	*ret = s;
	return 0;
}

void nl_close(struct nl *s)
{
	if (s->sock)
		(void)mnl_socket_close(s->sock);
	s->sock = NULL;
}

int nl_fd(const struct nl *s)
{
	return mnl_socket_get_fd(s->sock);
}

/* An answer that did not come whole would be mistaken for the next one's, and a
 * dump in progress would refuse the next: begin with a new socket.
 */
static void reopen(struct nl *s)
{
	struct nl fresh;

	if (nl_open(s->bus, &fresh))
		return;
	fresh.seq = s->seq;
	nl_close(s);
	*s = fresh;
}

static ssize_t receive(struct nl *s, char *buf)
{
	struct pollfd p = { .fd = nl_fd(s), .events = POLLIN };
	ssize_t len;

	do {
		len = mnl_socket_recvfrom(s->sock, buf, NL_BUFFER);
		if (len >= 0)
			return len;
		if (errno == EAGAIN && poll(&p, 1, NL_TIMEOUT_MS) == 0)
			return -ETIMEDOUT;
	} while (errno == EAGAIN || errno == EINTR);
	return -errno;
}

/* The state of one answer. */
struct answer {
	nl_fn fn;
	void *arg;
	int err; /* of @fn, the first one */
	int interrupted, done;
};

static void end(struct answer *a, const struct nlmsghdr *nlh)
{
	int code = 0;

	/* Both sorts of end begin with a negative errno, or 0. */
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	a->done = 1;
	if (code < 0)
		a->err = code;
}

static void walk(const struct nl *s, struct answer *a, const char *buf, ssize_t size)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int len = (int)size;

	for (; !a->done && mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != s->seq ||
		    !mnl_nlmsg_portid_ok(nlh, mnl_socket_get_portid(s->sock)))
			continue; /* of a request that was given up */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			a->interrupted = 1;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			end(a, nlh);
		else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && a->fn && !a->err)
			a->err = a->fn(a->arg, nlh);
	}
}

int nl_talk(struct nl *s, struct nlmsghdr *req, nl_fn fn, void *arg)
{
	struct answer a = { .fn = fn, .arg = arg };
	char buf[NL_BUFFER] __attribute__((aligned(8)));

	req->nlmsg_seq = ++s->seq;
	if (mnl_socket_sendto(s->sock, req, req->nlmsg_len) < 0)
		return -errno;
	for (int i = 0; !a.done; i++) {
		ssize_t len = i < NL_READS_MAX ? receive(s, buf) : -EOVERFLOW;

		if (len < 0) {
			reopen(s);
			return (int)len;
		}
		walk(s, &a, buf, len);
	}
	return a.err ? a.err : a.interrupted ? -EINTR : 0;
}

int nl_dump(struct nl *s, struct nlmsghdr *req, nl_fn fn, void *arg)
{
	int err = -EINTR;

	for (int i = 0; i < NL_DUMPS_MAX && err == -EINTR; i++)
		err = nl_talk(s, req, fn, arg);
	return err == -EINTR ? 0 : err; /* what changed meanwhile comes as an event */
}

int nl_join(struct nl *s, uint32_t group)
{
	int size = NL_EVENT_BUFFER;

	if (setsockopt(nl_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(nl_fd(s), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return mnl_socket_setsockopt(s->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))
		       ? -errno
		       : 0;
}

static bool is_pending(const struct nl *s)
{
	struct pollfd p = { .fd = nl_fd(s), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* One buffer of events. -EAGAIN: there is none. */
static int listen_once(struct nl *s, nl_fn fn, void *arg)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	ssize_t size = mnl_socket_recvfrom(s->sock, buf, sizeof(buf));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int len = (int)size;

	if (size < 0 && (errno == ENOBUFS || errno == ENOSPC))
		s->lost = true;
	else if (size < 0)
		return errno == EINTR ? 0 : -errno;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
			(void)fn(arg, nlh);
	return 0;
}

int nl_listen(struct nl *s, nl_fn fn, void *arg)
{
	int err = 0;

	for (int i = 0; i < NL_EVENTS_MAX && !err; i++)
		err = listen_once(s, fn, arg);
	if (err && err != -EAGAIN)
		return err;
	if (!s->lost || is_pending(s))
		return 0;
	s->lost = false;
	return -ENOBUFS;
}

struct nlmsghdr *nl_request(char buf[NL_REQUEST_SIZE], uint16_t type, uint16_t flags, size_t len,
			    void **ret_header)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags | (flags & NLM_F_DUMP ? 0 : NLM_F_ACK);
	*ret_header = mnl_nlmsg_put_extra_header(nlh, len);
	return nlh;
}

void nl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **ret, size_t n)
{
	const struct nlattr *a;

	memset(ret, 0, n * sizeof(*ret));
	if (mnl_nlmsg_get_payload_len(nlh) < header)
		return;
	mnl_attr_for_each(a, nlh, header) if (mnl_attr_get_type(a) < n) ret[mnl_attr_get_type(a)] =
		a;
}

void nl_nested(const struct nlattr *nest, const struct nlattr **ret, size_t n)
{
	const struct nlattr *a;

	memset(ret, 0, n * sizeof(*ret));
	if (!nest)
		return;
	mnl_attr_for_each_nested(a, nest) if (mnl_attr_get_type(a) < n) ret[mnl_attr_get_type(a)] =
		a;
}

uint32_t nl_u32(const struct nlattr *a, uint32_t fallback)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a)
								    : fallback;
}

uint64_t nl_u64(const struct nlattr *a, uint64_t fallback)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint64_t) ? mnl_attr_get_u64(a)
								    : fallback;
}
