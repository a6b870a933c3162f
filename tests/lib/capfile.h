/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capture files for tools: read whole by libpcap, written with times in nanoseconds;
 * and where things are in an Ethernet frame, its lengths and checksums made right.
 */
#ifndef TEST_CAPFILE_H
#define TEST_CAPFILE_H

#include <pcap/pcap.h>
#include "frame.h"
#include "tool.h"

#define CAP_FRAME_MAX 2048

struct cap {
	uint64_t time_ns;
	uint32_t len;
	uint8_t *bytes;
};

struct caps {
	struct cap *frame;
	size_t n;
};

static inline struct caps caps_read(const char *path)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct pcap_pkthdr *head;
	const u_char *bytes;
	struct caps c = {};
	size_t room = 0;

	if (!p)
		tool_die("%s: %s", path, why);
	if (pcap_datalink(p) != DLT_EN10MB)
		tool_die("%s: want Ethernet", path);
	while (pcap_next_ex(p, &head, &bytes) == 1) {
		if (c.n == room) {
			room = room ? 2 * room : 1024;
			c.frame = realloc(c.frame, room * sizeof(*c.frame));
			if (!c.frame)
				tool_die("out of memory");
		}
		c.frame[c.n] = (struct cap){ head->ts.tv_sec * NSEC + head->ts.tv_usec,
					     head->caplen, tool_alloc(head->caplen, 1) };
		memcpy(c.frame[c.n++].bytes, bytes, head->caplen);
	}
	pcap_close(p);
	return c;
}

static inline void caps_free(struct caps *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->frame[i].bytes);
	free(c->frame);
}

struct cap_out {
	pcap_t *pcap;
	pcap_dumper_t *to;
	uint64_t n;
};

static inline struct cap_out cap_create(const char *path, int link)
{
	struct cap_out o = { .pcap = pcap_open_dead_with_tstamp_precision(
				     link, 262144, PCAP_TSTAMP_PRECISION_NANO) };

	o.to = o.pcap ? pcap_dump_open(o.pcap, path) : NULL;
	if (!o.to)
		tool_die("%s: %s", path, o.pcap ? pcap_geterr(o.pcap) : "out of memory");
	return o;
}

static inline void cap_put(struct cap_out *o, uint64_t time_ns, const void *bytes, uint32_t len)
{
	struct pcap_pkthdr head = { .ts = { time_ns / NSEC, time_ns % NSEC },
				    .caplen = len,
				    .len = len };

	pcap_dump((u_char *)o->to, &head, bytes);
	o->n++;
}

static inline void cap_finish(struct cap_out *o)
{
	if (pcap_dump_flush(o->to) || ferror(pcap_dump_file(o->to)))
		tool_die("not all of it was written");
	pcap_dump_close(o->to);
	pcap_close(o->pcap);
}

/* @bytes as a frame of frame.h: false if it is no whole UDP or TCP over IP, without tags
 * and not a fragment.
 */
static inline bool cap_frame(const struct cap *c, struct frame *ret)
{
	size_t head, end;
	uint8_t proto;

	*ret = (struct frame){ .len = c->len, .l3 = ETH_HLEN };
	if (c->len < ETH_HLEN + 20 || c->len > sizeof(ret->bytes))
		return false;
	memcpy(ret->bytes, c->bytes, c->len);
	switch (frame_get16(ret, 12)) {
	case ETH_P_IP:
		ret->l4 = ret->l3 + (ret->bytes[ret->l3] & 15) * 4;
		proto = ret->bytes[ret->l3 + 9];
		end = ret->l3 + frame_get16(ret, ret->l3 + 2);
		if (frame_get16(ret, ret->l3 + 6) & 0x3fff)
			return false;
		break;
	case ETH_P_IPV6:
		ret->l4 = ret->l3 + 40;
		proto = ret->bytes[ret->l3 + 6];
		end = ret->l4 + frame_get16(ret, ret->l3 + 4);
		while ((proto == 0 || proto == 43 || proto == 60) && ret->l4 + 8 < c->len) {
			proto = ret->bytes[ret->l4];
			ret->l4 += 8 + ret->bytes[ret->l4 + 1] * 8;
		}
		break;
	default:
		return false;
	}
	head = proto == IPPROTO_UDP ? 8 : 20;
	if ((proto != IPPROTO_UDP && proto != IPPROTO_TCP) || end > c->len || ret->l4 + head > end)
		return false;
	ret->payload = ret->l4 + (proto == IPPROTO_UDP ? 8 : (ret->bytes[ret->l4 + 12] >> 4) * 4);
	ret->len = end; /* without Ethernet's padding */
	return ret->payload <= end;
}

/* Make lengths and checksums those of a frame whose payload is now @len bytes. */
static inline void cap_resize(struct frame *f, size_t len)
{
	f->len = f->payload + len;
	if (frame_is_v4(f))
		frame_put16(f, f->l3 + 2, f->len - f->l3);
	else
		frame_put16(f, f->l3 + 4, f->len - f->l3 - 40);
	if (frame_proto(f) == IPPROTO_UDP)
		frame_put16(f, f->l4 + 4, f->len - f->l4);
	frame_finish(f);
}

#endif /* TEST_CAPFILE_H */
