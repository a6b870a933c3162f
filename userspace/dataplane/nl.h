/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink requests and events over libmnl: one socket asks, others listen. */
#ifndef SL_DP_NL_H
#define SL_DP_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

struct nl {
	struct mnl_socket *sock;
	int bus;
	uint32_t seq; /* of the last request */
	bool lost;    /* events, and others may be until all pending ones are read */
};

/* Called for each message that belongs to the answer, or for each event. */
typedef int (*nl_fn)(void *arg, const struct nlmsghdr *nlh);

/* A non-blocking, close-on-exec socket on @bus (NETLINK_ROUTE, NETLINK_GENERIC).
 * nl_close() accepts one that is all zero.
 */
int nl_open(int bus, struct nl *ret);
void nl_close(struct nl *s);
int nl_fd(const struct nl *s);

/* Send @req and hand what answers it to @fn (may be NULL), until the kernel says
 * that this was all. The kernel answers while it takes the request, so this does
 * not wait for others. Returns the kernel's error, or @fn's first one, or 0.
 */
int nl_talk(struct nl *s, struct nlmsghdr *req, nl_fn fn, void *arg);

/* The same for a dump, which is repeated when it was inconsistent. */
int nl_dump(struct nl *s, struct nlmsghdr *req, nl_fn fn, void *arg);

/* Subscribe; read pending events, a bounded number. -ENOBUFS: some were lost, and
 * it is time to look at everything. It is told only when none is pending any
 * more: until then the kernel drops new ones, too, without a further word.
 */
int nl_join(struct nl *s, uint32_t group);
int nl_listen(struct nl *s, nl_fn fn, void *arg);

/* Begin a message in @buf with a family's header of @len zeroed bytes. */
#define NL_REQUEST_SIZE 512
struct nlmsghdr *nl_request(char buf[NL_REQUEST_SIZE], uint16_t type, uint16_t flags, size_t len,
			    void **ret_header);

/* Attributes behind a header of @header bytes, by type; others are NULL. */
void nl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **ret, size_t n);
void nl_nested(const struct nlattr *nest, const struct nlattr **ret, size_t n);
/* What is missing or too short is @fallback. */
uint32_t nl_u32(const struct nlattr *a, uint32_t fallback);
uint64_t nl_u64(const struct nlattr *a, uint64_t fallback);

#endif /* SL_DP_NL_H */
