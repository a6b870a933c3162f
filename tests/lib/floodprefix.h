/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A prefix of spoofed sources: addresses of IPv4, or /64s of IPv6. */
#ifndef SL_TEST_FLOODPREFIX_H
#define SL_TEST_FLOODPREFIX_H

#include "tool.h"

struct flood_prefix {
	struct tool_addr from; /* host ::1 in each /64 */
	uint32_t base;	       /* host order: what varies, and it alone */
	uint32_t bits;
	bool is_v6;
};

/* "240.0.0.0/8", or "fdf0::/32": IPv6 varies in its second 32 bits. */
static inline struct flood_prefix flood_prefix(const char *what, const char *text)
{
	struct flood_prefix p = { 0 };
	char *copy = strdup(text), *slash = copy ? strchr(copy, '/') : NULL;
	struct sockaddr_in *in4 = (void *)&p.from.ss;
	struct sockaddr_in6 *in6 = (void *)&p.from.ss;

	if (!slash)
		tool_die("--%s %s: want ADDRESS/LENGTH", what, text);
	*slash = '\0';
	if (!tool_address(copy, &p.from))
		tool_die("--%s %s: want ADDRESS/LENGTH", what, text);
	p.is_v6 = p.from.ss.ss_family == AF_INET6;
	if (p.is_v6) {
		p.bits = 64 - tool_number(what, slash + 1, 32, 63);
		p.base = ntohl(in6->sin6_addr.s6_addr32[1]);
		in6->sin6_addr.s6_addr[15] = 1;
	} else {
		p.bits = 32 - tool_number(what, slash + 1, 1, 31);
		p.base = ntohl(in4->sin_addr.s_addr);
	}
	p.base = p.base >> (p.bits % 32) << (p.bits % 32);
	if (p.bits == 32)
		p.base = 0;
	free(copy);
	return p;
}

#endif /* SL_TEST_FLOODPREFIX_H */
