// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include "../common/cleanup.h"
#include "capture.h"
#include "ground.h"

struct capture {
	pcap_t *pcap;
	int link; /* DLT_* */
	uint64_t n;
	uint8_t bytes[CAPTURE_FRAME_MAX];
};

struct capture_out {
	pcap_t *pcap;
	pcap_dumper_t *to;
};

/* Bytes in front of IP, or of what the protocol field says; -1: not read here. */
static int head_len(int link)
{
	switch (link) {
	case DLT_EN10MB:
		return ETH_HLEN;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return 0;
	case DLT_LINUX_SLL:
		return SLL_HDR_LEN;
	case DLT_LINUX_SLL2:
		return SLL2_HDR_LEN;
	default:
		return -1;
	}
}

int capture_open(const char *path, struct capture **ret, struct capture_error *reterr)
{
	sl_cleanup(capture_closep) struct capture *c = calloc(1, sizeof(*c));
	char why[PCAP_ERRBUF_SIZE] = "";
	const char *name;

	if (!c)
		return -ENOMEM;
	c->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		/* libpcap names the file itself if it could not be opened. */
		snprintf(reterr->text, sizeof(reterr->text), "%s%s%.200s",
			 strstr(why, path) ? "" : path, strstr(why, path) ? "" : ": ", why);
		return -EINVAL;
	}
	c->link = pcap_datalink(c->pcap);
	if (head_len(c->link) < 0) {
		name = pcap_datalink_val_to_name(c->link);
		snprintf(
			reterr->text, sizeof(reterr->text),
			"%s: frames of link type %s: want Ethernet (EN10MB), raw IP (RAW) or Linux "
			"cooked mode (LINUX_SLL, LINUX_SLL2)",
			path, name ? name : "unknown");
		return -EPROTONOSUPPORT;
	}
	*ret = sl_take(c);
	return 0;
}

void capture_close(struct capture *c)
{
	if (c && c->pcap)
		pcap_close(c->pcap);
	free(c);
}

/* What follows the link's own header, as an EtherType; 0: it is too short. */
static uint16_t type_of(int link, const uint8_t *at, uint32_t len)
{
	uint16_t type;

	if (!len)
		return 0;
	switch (link) {
	case DLT_LINUX_SLL:
		memcpy(&type, at + offsetof(struct sll_header, sll_protocol), sizeof(type));
		return ntohs(type);
	case DLT_LINUX_SLL2:
		memcpy(&type, at + offsetof(struct sll2_header, sll2_protocol), sizeof(type));
		return ntohs(type);
	default:
		return *at >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	}
}

/* Bytes that the capture has not are zeros: headers and lengths are as they were. */
static bool to_ethernet(struct capture *c, const struct pcap_pkthdr *head, const uint8_t *at,
			struct capture_frame *ret)
{
	uint32_t skip = head_len(c->link), made = c->link == DLT_EN10MB ? 0 : ETH_HLEN;
	uint32_t wire = head->len > head->caplen ? head->len : head->caplen;
	struct ether_header *eth = (void *)c->bytes;

	if (head->caplen < skip || wire > sizeof(c->bytes) - made)
		return false;
	if (!made)
		skip = 0;
	memcpy(c->bytes + made, at + skip, head->caplen - skip);
	memset(c->bytes + made + head->caplen - skip, 0, wire - head->caplen);
	ret->captured = made + head->caplen - skip;
	ret->len = made + wire - skip;
	if (!made)
		return true;
	memcpy(eth->ether_dhost, ground_mac, sizeof(eth->ether_dhost));
	memcpy(eth->ether_shost, ground_other_mac, sizeof(eth->ether_shost));
	eth->ether_type = htons(type_of(c->link, at, head->caplen));
	return true;
}

int capture_next(struct capture *c, struct capture_frame *ret, struct capture_error *reterr)
{
	struct pcap_pkthdr *head;
	const uint8_t *at;
	int rc = pcap_next_ex(c->pcap, &head, &at);

	if (rc == PCAP_ERROR_BREAK)
		return 0;
	if (rc != 1) {
		snprintf(reterr->text, sizeof(reterr->text), "frame %llu: %s",
			 (unsigned long long)c->n + 1, pcap_geterr(c->pcap));
		return -EINVAL;
	}
	*ret = (struct capture_frame){
		.n = ++c->n,
		.time_ns = (uint64_t)head->ts.tv_sec * 1000000000 + (uint64_t)head->ts.tv_usec,
		.bytes = c->bytes,
	};
	if (to_ethernet(c, head, at, ret))
		return 1;
	snprintf(reterr->text, sizeof(reterr->text), "frame %llu: %u bytes: want from %d to %u",
		 (unsigned long long)c->n, head->len, head_len(c->link), CAPTURE_FRAME_MAX);
	return -EMSGSIZE;
}

/* -- writing -- */

int capture_create(const char *path, struct capture_out **ret, struct capture_error *reterr)
{
	struct capture_out *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, CAPTURE_FRAME_MAX,
						       PCAP_TSTAMP_PRECISION_NANO);
	o->to = o->pcap ? pcap_dump_open(o->pcap, path) : NULL;
	if (!o->to) {
		snprintf(reterr->text, sizeof(reterr->text), "%s",
			 o->pcap ? pcap_geterr(o->pcap) : strerror(ENOMEM));
		if (o->pcap)
			pcap_close(o->pcap);
		free(o);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}

void capture_write(struct capture_out *o, const struct capture_frame *f, const uint8_t *bytes,
		   uint32_t len)
{
	struct pcap_pkthdr head = {
		.ts = { .tv_sec = f->time_ns / 1000000000, .tv_usec = f->time_ns % 1000000000 },
		.caplen = len < f->captured ? len : f->captured,
		.len = len,
	};

	pcap_dump((u_char *)o->to, &head, bytes);
}

int capture_finish(struct capture_out *o, struct capture_error *reterr)
{
	int err = 0;

	if (!o)
		return 0;
	if (pcap_dump_flush(o->to) || ferror(pcap_dump_file(o->to))) {
		err = -EIO;
		snprintf(reterr->text, sizeof(reterr->text), "not all of it was written: %s",
			 strerror(errno));
	}
	pcap_dump_close(o->to);
	pcap_close(o->pcap);
	free(o);
	return err;
}
