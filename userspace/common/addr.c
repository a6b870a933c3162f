// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses as text, see addr.h; mapping by RFC 4291 2.5.5.2, text by RFC 5952. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "addr.h"
#include "num.h"

#define MAPPED_WORD 0x0000ffffu

bool addr_is_v4(const struct sl_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(MAPPED_WORD);
}

bool addr_equal(const struct sl_addr *a, const struct sl_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int addr_parse(const char *text, struct sl_addr *ret)
{
	struct sl_addr a = {};

	if (inet_pton(AF_INET, text, &a.w[3]) == 1) {
		a.w[2] = htonl(MAPPED_WORD);
		*ret = a;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a) != 1)
		return -EINVAL;
	if (addr_is_v4(&a))
		return -EAFNOSUPPORT;
	*ret = a;
	return 0;
}

/* Cut @text at its @len-th byte and parse the part before. */
static int parse_part(const char *text, size_t len, struct sl_addr *ret)
{
	char part[INET6_ADDRSTRLEN];

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = '\0';
	return addr_parse(part, ret);
}

int addr_prefix_parse(const char *text, struct sl_addr *ret, uint8_t *ret_len)
{
	const char *slash = strchr(text, '/');
	struct sl_addr a;
	uint64_t len;
	bool v4;
	int err;

	if (!slash)
		return -EINVAL;
	err = parse_part(text, slash - text, &a);
	if (err)
		return err;
	v4 = addr_is_v4(&a);
	if (num_count(slash + 1, 0, v4 ? 32 : 128, &len))
		return -EINVAL;

	*ret = a;
	*ret_len = v4 ? ADDR_V4_BITS + len : len;
	return 0;
}

int addr_endpoint_parse(const char *text, struct sl_addr *ret, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	struct sl_addr a;
	uint64_t port;
	size_t len;
	bool bracketed;
	int err;

	if (!colon || num_count(colon + 1, 1, UINT16_MAX, &port))
		return -EINVAL;
	len = colon - text;
	bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	err = bracketed ? parse_part(text + 1, len - 2, &a) : parse_part(text, len, &a);
	if (err)
		return err;
	if (bracketed == addr_is_v4(&a))
		return -EINVAL;

	*ret = a;
	*ret_port = port;
	return 0;
}

void addr_mask(struct sl_addr *a, uint8_t len)
{
	for (int i = 0; i < 4; i++) {
		int keep = len - 32 * i;

		if (keep <= 0)
			a->w[i] = 0;
		else if (keep < 32)
			a->w[i] &= htonl(~0u << (32 - keep));
	}
}

const char *addr_text(const struct sl_addr *a, char ret[ADDR_TEXT])
{
	bool v4 = addr_is_v4(a);

	/* cannot fail: the family is known and the room suffices */
	return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : (const void *)a,
			 ret, ADDR_TEXT);
}

const char *addr_prefix_text(const struct sl_addr *a, uint8_t len, char ret[ADDR_TEXT])
{
	bool v4 = addr_is_v4(a) && len >= ADDR_V4_BITS;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->w[3] : (const void *)a, text,
		  sizeof(text));
	/* the longest IPv6 text is no prefix's: its mapped form is written as IPv4 */
	snprintf(ret, ADDR_TEXT, "%.43s/%u", text, v4 ? len - ADDR_V4_BITS : len);
	return ret;
}

const char *addr_endpoint_text(const struct sl_addr *a, uint16_t port, char ret[ADDR_ENDPOINT_TEXT])
{
	char text[ADDR_TEXT];

	snprintf(ret, ADDR_ENDPOINT_TEXT, addr_is_v4(a) ? "%.45s:%u" : "[%.45s]:%u",
		 addr_text(a, text), port);
	return ret;
}

static enum addr_scope scope4(uint32_t host)
{
	if (host >> 24 == 0)
		return ADDR_UNSPECIFIED;
	if (host >> 24 == 127)
		return ADDR_LOOPBACK;
	if (host >> 28 == 0xe || host == 0xffffffff)
		return ADDR_MULTICAST;
	return ADDR_UNICAST;
}

enum addr_scope addr_scope(const struct sl_addr *a)
{
	static const struct sl_addr unspecified;
	uint32_t first = ntohl(a->w[0]);

	if (addr_is_v4(a))
		return scope4(ntohl(a->w[3]));
	if (addr_equal(a, &unspecified))
		return ADDR_UNSPECIFIED;
	if (!a->w[0] && !a->w[1] && !a->w[2] && a->w[3] == htonl(1))
		return ADDR_LOOPBACK;
	if (first >> 22 == 0xfe80 >> 6)
		return ADDR_LINK_LOCAL;
	if (first >> 24 == 0xff)
		return ADDR_MULTICAST;
	return ADDR_UNICAST;
}

socklen_t addr_sockaddr(const struct sl_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr_is_v4(a)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = a->w[3];
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a, sizeof(*a));
	return sizeof(*in6);
}

int addr_from_sockaddr(const struct sockaddr *sa, struct sl_addr *ret, uint16_t *ret_port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

	switch (sa->sa_family) {
	case AF_INET:
		*ret = (struct sl_addr){ .w = { 0, 0, htonl(MAPPED_WORD), in->sin_addr.s_addr } };
		*ret_port = ntohs(in->sin_port);
		return 0;
	case AF_INET6:
		memcpy(ret, &in6->sin6_addr, sizeof(*ret));
		*ret_port = ntohs(in6->sin6_port);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}
