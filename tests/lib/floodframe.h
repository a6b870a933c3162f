/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The frames of xdpflood: what each kind of flood puts behind the ports, and the
 * headers around it. Each kind says which bits of a 16-byte window are random, so
 * that no two packets are repeats of one.
 */
#ifndef SL_TEST_FLOODFRAME_H
#define SL_TEST_FLOODFRAME_H

#include "tool.h"
#include "xdpflood.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define FLOOD_CID_MAX 15 /* what the window has room for */

enum flood_kind {
	FLOOD_SYN,
	FLOOD_ACK,
	FLOOD_RST,
	FLOOD_CLIENTHELLO,
	FLOOD_COAP,
	FLOOD_COAP_POST,
	FLOOD_DTLSDATA,
	FLOOD_DTLSCID,
	FLOOD_MQTTSN,
	FLOOD__MAX
};

static const char *const flood_kinds[FLOOD__MAX] = {
	[FLOOD_SYN] = "syn",	       [FLOOD_ACK] = "ack",
	[FLOOD_RST] = "rst",	       [FLOOD_CLIENTHELLO] = "clienthello",
	[FLOOD_COAP] = "coap",	       [FLOOD_COAP_POST] = "coap-post",
	[FLOOD_DTLSDATA] = "dtlsdata", [FLOOD_DTLSCID] = "dtlscid",
	[FLOOD_MQTTSN] = "mqttsn",
};

static inline bool flood_is_tcp(enum flood_kind kind)
{
	return kind <= FLOOD_RST;
}

/* A frame in the making: bytes, and which of them are random, a mask a byte. */
struct flood_build {
	uint8_t bytes[FLOOD_FRAME_MAX], random[FLOOD_FRAME_MAX];
	size_t len, window_at;
};

static inline void *flood_put(struct flood_build *b, const void *src, size_t len)
{
	void *dst = b->bytes + b->len;

	if (b->len + len > sizeof(b->bytes))
		tool_die("the frame is longer than %d bytes", FLOOD_FRAME_MAX);
	if (src)
		memcpy(dst, src, len);
	b->len += len;
	return dst;
}

#define FLOOD_PUT(b, ...) \
	flood_put(b, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* @n bytes of which @mask's bits are random. */
static inline void flood_put_random(struct flood_build *b, size_t n, uint8_t fixed, uint8_t mask)
{
	memset(b->random + b->len, mask, n);
	memset(flood_put(b, NULL, n), fixed, n);
}

/* A new connection as Linux opens it, or a bare ACK or RST of one nobody knows. */
static inline void flood_tcp(struct flood_build *b, enum flood_kind kind, uint16_t dport)
{
	struct tcphdr tcp = { .dest = htons(dport), .doff = 5, .window = htons(502) };

	if (kind == FLOOD_SYN) {
		tcp.syn = 1;
		tcp.doff = 10;
		tcp.window = htons(64240);
	} else if (kind == FLOOD_ACK) {
		tcp.ack = 1;
	} else {
		tcp.rst = 1;
		tcp.window = 0;
	}
	b->window_at = b->len + 4;
	memset(b->random + b->window_at, 0xff, kind == FLOOD_ACK ? 8 : 4); /* seq, ack */
	flood_put(b, &tcp, sizeof(tcp));
	if (kind == FLOOD_SYN) /* MSS, SACK permitted, timestamps, window scale */
		FLOOD_PUT(b, 2, 4, 5, 180, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7);
}

/* RFC 7252 3: GET /t or POST /rd?ep=... with eight bytes of payload, Message-ID and token random. */
static inline void flood_coap(struct flood_build *b, enum flood_kind kind)
{
	b->window_at = b->len + 2;
	FLOOD_PUT(b, 0x48, kind == FLOOD_COAP ? 0x01 : 0x02);
	flood_put_random(b, 2 + 8, 0, 0xff);
	if (kind == FLOOD_COAP) {
		FLOOD_PUT(b, 0xb1, 't');
		return;
	}
	FLOOD_PUT(b, 0xb2, 'r', 'd', 0x44, 'e', 'p', '=', 'x', 0xff);
	flood_put(b, "21.5 C  ", 8);
}

/* RFC 6347 4.2.1 and RFC 5246 7.4.1.2: as a first ClientHello is, without a cookie. */
static inline void flood_clienthello(struct flood_build *b)
{
	size_t record = b->len, body;

	FLOOD_PUT(b, 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	FLOOD_PUT(b, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	body = b->len;
	FLOOD_PUT(b, 0xfe, 0xfd);
	b->window_at = (b->len + 1) & ~1ul;
	memset(flood_put(b, NULL, 32), 0x5a, 32);
	memset(b->bytes + b->window_at, 0, FLOOD_WINDOW);
	memset(b->random + b->window_at, 0xff, FLOOD_WINDOW);
	FLOOD_PUT(b, 0, 0); /* no session, no cookie */
	FLOOD_PUT(b, 0, 12, 0xc0, 0x2b, 0xc0, 0xae, 0xc0, 0xac, 0xc0, 0xa8, 0x00, 0xae, 0x00, 0xff);
	FLOOD_PUT(b, 1, 0);				      /* no compression */
	FLOOD_PUT(b, 0, 40, 0, 23, 0, 0);		      /* extended master secret */
	FLOOD_PUT(b, 0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24); /* groups */
	FLOOD_PUT(b, 0, 11, 0, 2, 1, 0);		      /* point formats */
	FLOOD_PUT(b, 0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1);    /* signatures */
	b->bytes[record + 12] = b->len - record - 13;
	b->bytes[record + 16] = b->len - body; /* message and its only */
	b->bytes[record + 24] = b->len - body; /* fragment are as long */
}

/* An encrypted record: RFC 6347 4.1, or RFC 9146 4 with a connection id. */
static inline void flood_record(struct flood_build *b, enum flood_kind kind, unsigned int cid_len)
{
	enum {
		SEALED = 64
	};

	if (kind == FLOOD_DTLSDATA) {
		FLOOD_PUT(b, 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0);
		b->window_at = b->len - 1;
		flood_put_random(b, 2, 0, 0xff); /* the sequence number's end */
		FLOOD_PUT(b, 0, SEALED);
		flood_put_random(b, 11, 0, 0xff);
		memset(flood_put(b, NULL, SEALED - 11), 0xa5, SEALED - 11);
		return;
	}
	FLOOD_PUT(b, 25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7);
	b->window_at = b->len - 1;
	flood_put_random(b, cid_len, 0, 0xff);
	FLOOD_PUT(b, 0, SEALED);
	memset(flood_put(b, NULL, SEALED), 0xa5, SEALED);
}

/* MQTT-SN 1.2 5.4.4: CONNECT, a clean session, its client id of letters. */
static inline void flood_mqttsn(struct flood_build *b)
{
	FLOOD_PUT(b, 22, 0x04, 0x04, 0x01, 0, 60);
	b->window_at = b->len;
	flood_put_random(b, FLOOD_WINDOW, 0x60, 0x0f);
}

static inline void flood_payload(struct flood_build *b, enum flood_kind kind, unsigned int cid_len)
{
	if (kind == FLOOD_COAP || kind == FLOOD_COAP_POST)
		flood_coap(b, kind);
	else if (kind == FLOOD_CLIENTHELLO)
		flood_clienthello(b);
	else if (kind == FLOOD_MQTTSN)
		flood_mqttsn(b);
	else
		flood_record(b, kind, cid_len);
}

/* Sum of 16-bit words as they lie in memory: on this machine's order it comes out in it, too. */
static inline uint32_t flood_sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	uint16_t word;

	for (; len > 1; len -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (len) {
		const uint8_t last[2] = { *p, 0 };

		memcpy(&word, last, 2);
		sum += word;
	}
	return sum;
}

struct flood_path {
	struct tool_addr to;
	uint8_t dmac[ETH_ALEN], smac[ETH_ALEN];
	struct tool_addr from; /* what of the source does not vary */
};

/* Ethernet and IP of a packet with @l4_len bytes to come. */
static inline void flood_headers(struct flood_build *b, struct flood_frame *f,
				 const struct flood_path *p, uint8_t proto, size_t l4_len)
{
	struct ethhdr eth = { .h_proto = htons(ETH_P_IP) };
	const struct sockaddr_in *to4 = (const void *)&p->to.ss;
	const struct sockaddr_in6 *to6 = (const void *)&p->to.ss;
	const struct sockaddr_in6 *from6 = (const void *)&p->from.ss;
	struct iphdr ip4 = { .version = 4, .ihl = 5, .ttl = 64, .frag_off = htons(0x4000) };
	struct ipv6hdr ip6 = { .version = 6, .hop_limit = 64, .nexthdr = proto };

	memcpy(eth.h_dest, p->dmac, ETH_ALEN);
	memcpy(eth.h_source, p->smac, ETH_ALEN);
	if (p->to.ss.ss_family == AF_INET) {
		ip4.tot_len = htons(sizeof(ip4) + l4_len);
		ip4.protocol = proto;
		ip4.daddr = to4->sin_addr.s_addr;
		flood_put(b, &eth, sizeof(eth));
		f->source_at = b->len + offsetof(struct iphdr, saddr);
		f->l3_check_at = b->len + offsetof(struct iphdr, check);
		flood_put(b, &ip4, sizeof(ip4));
		f->l3_sum = flood_sum(&ip4, sizeof(ip4));
		f->l4_sum = flood_sum(&ip4.daddr, 4);
		return;
	}
	eth.h_proto = htons(ETH_P_IPV6);
	ip6.payload_len = htons(l4_len);
	memcpy(&ip6.daddr, &to6->sin6_addr, 16);
	memcpy(&ip6.saddr, &from6->sin6_addr, 16);
	ip6.saddr.s6_addr32[1] = 0;
	flood_put(b, &eth, sizeof(eth));
	f->source_at = b->len + offsetof(struct ipv6hdr, saddr) + 4;
	flood_put(b, &ip6, sizeof(ip6));
	f->l4_sum = flood_sum(&ip6.saddr, 32);
}

/* Make @ret: its sums are of all but address, port, checksum and window. */
static inline void flood_build(enum flood_kind kind, unsigned int cid_len,
			       const struct flood_path *p, struct flood_frame *ret)
{
	struct flood_build payload = { 0 }, b = { 0 };
	uint8_t proto = flood_is_tcp(kind) ? IPPROTO_TCP : IPPROTO_UDP;
	struct udphdr udp = { .dest = htons(tool_port(&p->to)) };
	size_t l4;

	memset(ret, 0, sizeof(*ret));
	if (proto == IPPROTO_TCP) {
		flood_tcp(&payload, kind, tool_port(&p->to));
	} else {
		flood_put(&payload, &udp, sizeof(udp));
		flood_payload(&payload, kind, cid_len);
		udp.len = htons(payload.len);
		memcpy(payload.bytes, &udp, sizeof(udp));
	}
	flood_headers(&b, ret, p, proto, payload.len);
	l4 = b.len;
	memcpy(b.random + l4, payload.random, payload.len);
	flood_put(&b, payload.bytes, payload.len);

	if (payload.window_at + FLOOD_WINDOW > payload.len) /* begins earlier, never at the ports */
		payload.window_at = (payload.len - FLOOD_WINDOW) & ~1ul;
	ret->window_at = l4 + payload.window_at;
	memcpy(ret->window, b.bytes + ret->window_at, FLOOD_WINDOW);
	memcpy(ret->random, b.random + ret->window_at, FLOOD_WINDOW);
	memset(b.bytes + ret->window_at, 0, FLOOD_WINDOW);
	memcpy(ret->bytes, b.bytes, b.len);
	ret->len = b.len;
	ret->port_at = l4;
	ret->is_udp = proto == IPPROTO_UDP;
	ret->l4_check_at = l4 + (ret->is_udp ? offsetof(struct udphdr, check)
					     : offsetof(struct tcphdr, check));
	ret->l4_sum += htons(proto) + htons(payload.len) + flood_sum(b.bytes + l4, payload.len);
}

#endif /* SL_TEST_FLOODFRAME_H */
