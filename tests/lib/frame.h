/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds test frames of both families, with correct checksums made from scratch,
 * and checks those of frames that come back. A builder that runs out of room
 * aborts the test.
 */
#ifndef TEST_FRAME_H
#define TEST_FRAME_H

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sluice/abi.h>

struct frame {
	uint8_t bytes[2048];
	size_t len;
	size_t l3, l4, payload; /* offsets */
};

/* Where a frame comes from and goes to; addresses of either family as text. */
struct path {
	const char *src;
	uint16_t sport;
	const char *dst;
	uint16_t dport;
};

static inline void *frame_put(struct frame *f, const void *src, size_t len)
{
	void *dst = f->bytes + f->len;

	assert(f->len + len <= sizeof(f->bytes));
	if (src)
		memcpy(dst, src, len);
	else
		memset(dst, 0, len);
	f->len += len;
	return dst;
}

static inline bool text_is_v6(const char *text)
{
	return strchr(text, ':');
}

static inline struct sl_addr addr_of(const char *text)
{
	struct sl_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };
	int ok = text_is_v6(text) ? inet_pton(AF_INET6, text, &a)
				  : inet_pton(AF_INET, text, &a.w[3]);

	assert(ok == 1);
	return a;
}

static inline uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	return sum;
}

static inline uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline bool frame_is_v4(const struct frame *f)
{
	return f->bytes[f->l3] >> 4 == 4;
}

/* Bytes from the transport header to the end of the IP packet. */
static inline size_t frame_l4_len(const struct frame *f)
{
	const uint8_t *ip = f->bytes + f->l3;

	if (frame_is_v4(f))
		return (ip[2] << 8 | ip[3]) - (f->l4 - f->l3);
	return (ip[4] << 8 | ip[5]) + 40 - (f->l4 - f->l3);
}

static inline uint8_t frame_proto(const struct frame *f)
{
	const uint8_t *ip = f->bytes + f->l3;

	if (frame_is_v4(f))
		return ip[9];
	/* with extension headers the last one's; tests use at most a few */
	size_t at = f->l3 + 40;
	uint8_t next = ip[6];

	while (at < f->l4) {
		next = f->bytes[at];
		at += 8 + f->bytes[at + 1] * 8;
	}
	return next;
}

/* Sum over pseudo-header and segment; 0xffff if the checksum in it is right. */
static inline uint16_t frame_l4_sum(const struct frame *f)
{
	size_t len = frame_l4_len(f);
	uint32_t sum = frame_proto(f) + len;

	sum = frame_is_v4(f) ? sum16(f->bytes + f->l3 + 12, 8, sum)
			     : sum16(f->bytes + f->l3 + 8, 32, sum);
	return sum_fold(sum16(f->bytes + f->l4, len, sum));
}

static inline size_t frame_l4_check_at(const struct frame *f)
{
	return f->l4 + (frame_proto(f) == IPPROTO_UDP ? 6 : 16);
}

static inline void frame_put16(struct frame *f, size_t at, uint16_t value)
{
	f->bytes[at] = value >> 8;
	f->bytes[at + 1] = value;
}

static inline uint16_t frame_get16(const struct frame *f, size_t at)
{
	return f->bytes[at] << 8 | f->bytes[at + 1];
}

static inline uint16_t frame_ip4_sum(const struct frame *f)
{
	return sum_fold(sum16(f->bytes + f->l3, (f->bytes[f->l3] & 15) * 4, 0));
}

/* (Re)compute both checksums from scratch. */
static inline void frame_finish(struct frame *f)
{
	size_t at = frame_l4_check_at(f);
	uint16_t sum;

	if (frame_is_v4(f)) {
		frame_put16(f, f->l3 + 10, 0);
		frame_put16(f, f->l3 + 10, ~frame_ip4_sum(f));
	}
	frame_put16(f, at, 0);
	sum = ~frame_l4_sum(f);
	frame_put16(f, at, sum ? sum : 0xffff);
}

static inline bool frame_sums_are_right(const struct frame *f)
{
	bool udp_none = frame_proto(f) == IPPROTO_UDP && !frame_get16(f, frame_l4_check_at(f));

	return (!frame_is_v4(f) || frame_ip4_sum(f) == 0xffff) &&
	       (udp_none || frame_l4_sum(f) == 0xffff);
}

/* @options: bytes of IPv4 options, or of IPv6 destination options, a multiple of
 * 8 that is at most 40.
 */
static inline void frame_ip(struct frame *f, const struct path *p, uint8_t proto, size_t options,
			    size_t l4_len)
{
	f->l3 = f->len;
	if (text_is_v6(p->src)) {
		struct ipv6hdr ip = { .version = 6, .hop_limit = 64 };
		struct sl_addr src = addr_of(p->src), dst = addr_of(p->dst);

		ip.nexthdr = options ? 60 : proto;
		ip.payload_len = htons(options + l4_len);
		memcpy(&ip.saddr, &src, 16);
		memcpy(&ip.daddr, &dst, 16);
		frame_put(f, &ip, sizeof(ip));
		if (options) {
			uint8_t *ext = frame_put(f, NULL, options);

			ext[0] = proto;
			ext[1] = options / 8 - 1;
			ext[2] = 1; /* PadN over the rest */
			ext[3] = options - 4;
		}
	} else {
		struct iphdr ip = { .version = 4, .ttl = 64, .protocol = proto };

		ip.ihl = 5 + options / 4;
		ip.tot_len = htons(sizeof(ip) + options + l4_len);
		ip.saddr = addr_of(p->src).w[3];
		ip.daddr = addr_of(p->dst).w[3];
		frame_put(f, &ip, sizeof(ip));
		memset(frame_put(f, NULL, options), 1, options); /* no operation */
	}
	f->l4 = f->len;
}

static inline struct frame frame_start(const struct path *p)
{
	struct ethhdr eth = { .h_proto = htons(text_is_v6(p->src) ? ETH_P_IPV6 : ETH_P_IP),
			      .h_dest = { 2, 0, 0, 0, 0, 1 },
			      .h_source = { 2, 0, 0, 0, 0, 2 } };
	struct frame f = { .len = 0 };

	frame_put(&f, &eth, sizeof(eth));
	return f;
}

static inline struct frame frame_udp_opt(const struct path *p, size_t options, const void *payload,
					 size_t len)
{
	struct udphdr udp = { .source = htons(p->sport),
			      .dest = htons(p->dport),
			      .len = htons(sizeof(udp) + len) };
	struct frame f = frame_start(p);

	frame_ip(&f, p, IPPROTO_UDP, options, sizeof(udp) + len);
	frame_put(&f, &udp, sizeof(udp));
	f.payload = f.len;
	frame_put(&f, payload, len);
	frame_finish(&f);
	return f;
}

static inline struct frame frame_udp(const struct path *p, const void *payload, size_t len)
{
	return frame_udp_opt(p, 0, payload, len);
}

/* @flags: as in the header's byte 13, SYN 2, FIN 1, RST 4, ACK 16. */
static inline struct frame frame_tcp(const struct path *p, uint8_t flags, const void *payload,
				     size_t len)
{
	struct tcphdr tcp = { .source = htons(p->sport), .dest = htons(p->dport), .doff = 5 };
	struct frame f = frame_start(p);

	((uint8_t *)&tcp)[13] = flags;
	frame_ip(&f, p, IPPROTO_TCP, 0, sizeof(tcp) + len);
	frame_put(&f, &tcp, sizeof(tcp));
	f.payload = f.len;
	frame_put(&f, payload, len);
	frame_finish(&f);
	return f;
}

/* Put a VLAN tag behind the addresses. */
static inline void frame_tag(struct frame *f, uint16_t proto)
{
	uint8_t tag[4] = { proto >> 8, proto, 0, 5 };

	assert(f->len + 4 <= sizeof(f->bytes));
	memmove(f->bytes + 16, f->bytes + 12, f->len - 12);
	memcpy(f->bytes + 12, tag, 4);
	f->len += 4;
	f->l3 += 4;
	f->l4 += 4;
	f->payload += 4;
}

#endif /* TEST_FRAME_H */
