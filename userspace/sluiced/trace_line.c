// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <endian.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "../common/addr.h"
#include "../common/told.h"
#include "api.h"
#include "lib/coap.h"
#include "lib/dtls.h"
#include "lib/hash.h"
#include "lib/mqttsn.h"
#include "trace_line.h"

#define VLAN_SIZE 4
#define PSEUDO_V4 0xf0000000u /* 240.0.0.0/4 is nobody's (RFC 1112 4) */
#define PSEUDO_V6 0x01000000u /* 100::/64 leads nowhere (RFC 6666) */

struct line {
	struct daemon *d;
	const struct live_service *service;
	const struct live_instance *instance;
	struct sl_trace t; /* a copy, in which addresses are replaced */
};

/* -- pseudonyms -- */

static bool is_ours(const struct line *l, const struct sl_addr *a)
{
	return (l->service && addr_equal(a, &l->service->key.addr)) ||
	       (l->instance && addr_equal(a, &l->instance->addr));
}

/* The same address is the same pseudonym, in both directions and for every tenant. */
static void pseudonym(const struct line *l, struct sl_addr *io)
{
	const uint64_t *key = (const uint64_t *)l->d->dp->control->device_key;
	uint64_t h;

	if (is_ours(l, io))
		return;
	h = hash_finish(hash_addr((const __u64 *)key, io));
	if (addr_is_v4(io))
		io->w[3] = htonl(PSEUDO_V4 | (h & 0x0fffffff));
	else
		*io = (struct sl_addr){ .w = { htonl(PSEUDO_V6), 0, htonl(h >> 32), htonl(h) } };
}

static void pseudonym_at(const struct line *l, uint8_t *at, bool is_v4)
{
	struct sl_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };
	uint8_t *word = (uint8_t *)&a.w[is_v4 ? 3 : 0];
	size_t len = is_v4 ? 4 : 16;

	memcpy(word, at, len);
	pseudonym(l, &a);
	memcpy(at, word, len);
}

static void checksum_at(uint8_t *ip, size_t len)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	ip[10] = sum >> 8;
	ip[11] = sum;
}

/* Behind the link's header and all tags that the packet path knows; @t has a whole header. */
static uint8_t *behind_tags(struct sl_trace *t)
{
	uint8_t *at = t->bytes + 2 * ETH_ALEN, *end = t->bytes + t->captured;

	for (int i = 0; i < SL_VLAN_DEPTH && end - at >= VLAN_SIZE + 2; i++) {
		unsigned int type = at[0] << 8 | at[1];

		if (type != ETHERTYPE_VLAN && type != ETH_P_8021AD)
			break;
		at += VLAN_SIZE;
	}
	return at + sizeof(uint16_t);
}

/* Is it IP whose only addresses are where every header has them? Options, and extension
 * headers in front of the transport's, may name more.
 */
static bool is_plain(const uint8_t *at, size_t left, bool is_v4)
{
	if (left < (is_v4 ? sizeof(struct ip) : sizeof(struct ip6_hdr)))
		return false;
	if (is_v4)
		return at[0] == 0x45;
	return at[0] >> 4 == 6 && at[6] != IPPROTO_HOPOPTS && at[6] != IPPROTO_ROUTING &&
	       at[6] != IPPROTO_DSTOPTS && at[6] != IPPROTO_FRAGMENT;
}

/* What is not plain is cut behind the link's header. */
static void hide(struct line *l)
{
	struct sl_trace *t = &l->t;
	bool is_v4 = t->event.family == 4;
	uint8_t *at;

	pseudonym(l, &t->src);
	pseudonym(l, &t->dst);
	memset(t->bytes, 0, 2 * ETH_ALEN);
	if (t->captured < ETH_HLEN)
		return;
	at = behind_tags(t);
	if (!t->event.family || !is_plain(at, t->bytes + t->captured - at, is_v4)) {
		t->captured = ETH_HLEN;
		return;
	}
	pseudonym_at(l,
		     at + (is_v4 ? offsetof(struct ip, ip_src) : offsetof(struct ip6_hdr, ip6_src)),
		     is_v4);
	pseudonym_at(l,
		     at + (is_v4 ? offsetof(struct ip, ip_dst) : offsetof(struct ip6_hdr, ip6_dst)),
		     is_v4);
	if (is_v4)
		checksum_at(at, sizeof(struct ip));
}

/* -- words -- */

/* The packet path looks into requests; of an answer the fixed header says enough. */
static uint16_t kind_of(const struct line *l)
{
	const struct sl_trace *t = &l->t;
	const uint8_t *at = t->bytes + t->payload;
	uint32_t left = t->captured > t->payload ? t->captured - t->payload : 0;

	if (t->event.kind || !l->service || !l->service->model || !told_is_answer(&t->event))
		return t->event.kind;
	if (t->event.proto == IPPROTO_TCP && !left)
		return SL_K_TCP_CONTROL;
	switch (left >= 2 ? l->service->model->protocol : SL_P__MAX) {
	case SL_P_COAP:
		return coap_kind(at[0] >> 4 & 3, at[1]);
	case SL_P_MQTT:
		return at[0] >> 4 ? SL_K_MQTT_CONNECT + (at[0] >> 4) - 1 : SL_K_MQTT_CONTINUED;
	case SL_P_COAPS:
		return at[0] >= DTLS_CIPHER && at[0] <= DTLS_ACK ? dtls_kind(at[0])
								 : SL_K_DTLS_ENCRYPTED;
	case SL_P_MQTTSN:
		return left >= 4 && at[0] == MQTTSN_LONG ? mqttsn_kind(at[3]) : mqttsn_kind(at[1]);
	default:
		return t->event.proto == IPPROTO_TCP ? SL_K_TCP_DATA : SL_K_UDP;
	}
}

static int action_of(const struct sl_trace *t)
{
	static const uint8_t actions[] = {
#define X(name, action, group, label, text) XDP_##action,
		SL_REASONS(X)
#undef X
	};
	int action = t->event.reason < SL_R__MAX ? actions[t->event.reason] : -1;

	return action == XDP_TX && t->redirected ? XDP_REDIRECT : action;
}

/* The packet's time is of CLOCK_MONOTONIC. */
static uint64_t real_ns(uint64_t time_ns)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return real.tv_sec * 1000000000ull + real.tv_nsec - daemon_now_ns() + time_ns;
}

static void json_frame(cJSON *o, const struct sl_trace *t)
{
	char text[2 * SL_TRACE_BYTES + 1] = "";

	if (!if_indextoname(t->event.ifindex, text))
		snprintf(text, sizeof(text), "#%u", t->event.ifindex);
	json_str(o, "interface", text);
	*text = '\0';
	for (size_t i = 0; i < t->captured; i++)
		snprintf(text + 2 * i, 3, "%02x", t->bytes[i]);
	json_str(o, "bytes", text);
}

char *trace_line(struct daemon *d, const struct sl_trace *t, uint64_t n, bool addresses)
{
	struct live_instance *instance = registry_instance_by_id(d->registry, t->event.instance);
	struct line l = {
		.d = d,
		.service = registry_service_by_id(d->registry, t->event.service),
		.instance = t->event.instance ? instance : NULL,
		.t = *t,
	};
	const char *account =
		names_text(registry_names(d->registry), SL_NAME_ACCOUNT, t->event.account);
	char tenant[SL_NAME_LEN] = "", *text;
	struct told told = {
		.event = &l.t.event,
		.n = n,
		.time_ns = real_ns(t->event.time_ns),
		.len = t->event.len,
		.has_flow = true,
		.service = l.service ? l.service->name : NULL,
		.account = t->event.account ? account : NULL,
		.instance = l.instance ? l.instance->name : NULL,
		.kind = kind_of(&l),
		.action = action_of(t),
		.rows = t->row ? 1u << (t->row & 31) : 0,
	};
	cJSON *o;

	if (told.account) {
		snprintf(tenant, sizeof(tenant), "%.*s", (int)strcspn(account, "/"), account);
		told.tenant = tenant;
	}
	if (l.service && l.service->model)
		told.protocol = model_protocol_word(l.service->model->protocol);
	if (!addresses)
		hide(&l);
	told.cut = l.t.captured < t->event.len;
	told.src = l.t.src;
	told.dst = l.t.dst;
	o = told_json(&told);
	if (!o)
		return NULL;
	json_frame(o, &l.t);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}
