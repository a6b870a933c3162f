// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole frames through the program, at least one for every reason; the counters
 * add up after each. Runs in a network namespace of its own, whose routes make
 * the answers of bpf_fib_lookup.
 */
#include "network.h"
#include "classbed.h"
#include "trie.h"

#define VIP    "203.0.113.10"
#define VIP6   "2001:db8:ffff::10"
#define DEVICE "198.51.100.1"
#define INST   "10.0.1.11"
#define INST6  "2001:db8:1::11"
#define MTU    1300

enum {
	TENANT = 1,
	STINGY, /* first of 8: one packet an hour of one quota each */
};

#define GONE 5 /* an instance */

static const uint8_t get[] = { 0x40, 0x01, 0x12, 0x34 };
static const uint8_t mqtt_connect[] = { 0x10, 15, 0, 4, 'M', 'Q', 'T', 'T', 4,
					2,    0,  9, 0, 3,   'a', '/', 'b' };
static const uint8_t create[] = { 0x40, 0x02, 0x12, 0x34, 0xd1, 254, 4 }; /* option 267 */

static void udp_service(struct bed *b, uint16_t port, uint32_t tenant, uint16_t instance,
			const struct sl_account *account)
{
	struct bed_service s = { .vip = VIP,
				 .port = port,
				 .proto = IPPROTO_UDP,
				 .tenant = tenant,
				 .ring_size = instance ? 1 : 0,
				 .instance = instance };
	uint16_t id = bed_service(b, &s, NULL);

	if (account)
		bed_account(b, tenant, id, *account);
}

static void services(struct bed *b)
{
	struct sl_account open = { .id = 1 };
	uint16_t coap, coap6, mqtt, raw;

	coap = bed_service(b,
			   &(struct bed_service){ VIP, 5683, IPPROTO_UDP, SL_P_COAP,
						  SL_SVC_DROP_MALFORMED, TENANT, 4, 1 },
			   NULL);
	coap6 = bed_service(
		b, &(struct bed_service){ VIP6, 5683, IPPROTO_UDP, SL_P_COAP, 0, TENANT, 4, 3 },
		NULL);
	mqtt = bed_service(
		b, &(struct bed_service){ VIP, 1883, IPPROTO_TCP, SL_P_MQTT, 0, TENANT, 4, 1 },
		NULL);
	raw = bed_service(
		b, &(struct bed_service){ VIP, 7000, IPPROTO_UDP, SL_P_UDP, 0, TENANT, 4, 2 },
		NULL);
	bed_account(b, TENANT, coap, open);
	bed_account(b, TENANT, coap6, open);
	bed_account(b, TENANT, mqtt, open);
	bed_account(b, TENANT, raw, open);
	udp_service(b, 7001, TENANT, 0, &open); /* no instance */
	udp_service(b, 7002, 0, 1, NULL);	/* no tenant */
	udp_service(b, 7003, TENANT, 1, NULL);	/* tenant without account */
	bed_instance(
		b, &(struct bed_instance){ 1, INST, 5683, VIP, 5683, IPPROTO_UDP, coap, 77, MTU });
	bed_instance(b, &(struct bed_instance){ 2, "10.0.1.12", 7000, VIP, 7000, IPPROTO_UDP, raw,
						0, 0 });
	bed_instance(b, &(struct bed_instance){ 3, INST6, 5683, VIP6, 5683, IPPROTO_UDP, coap6, 77,
						MTU });
	bed_instance(
		b, &(struct bed_instance){ 4, INST, 1883, VIP, 1883, IPPROTO_TCP, mqtt, 77, MTU });
}

/* Service 7100 + q: one of quota q an hour; 7200 + q: the same for each device. */
static void stingy_services(struct bed *b)
{
	const uint64_t hour_tat = 3600ull * 1000000000 * SL_TAT_PER_NS;
	const uint32_t hour_dev = 3600ull * 1000000000 >> SL_DEV_NS_SHIFT;

	for (int q = 0; q < SL_Q__MAX; q++) {
		struct sl_account all = { .id = 10 + q, .quota_mask = 1 << q };
		struct sl_account each = { .id = 20 + q, .device_mask = 1 << q };
		uint8_t proto = q == SL_Q_CONNECTIONS ? IPPROTO_TCP : IPPROTO_UDP;
		uint8_t protocol = q == SL_Q_CONNECTIONS ? SL_P_TCP : SL_P_UDP;
		uint16_t id;

		all.cost[q] = hour_tat;
		each.device_cost[q] = hour_dev;
		id = bed_service(b,
				 &(struct bed_service){ VIP, 7100 + q, proto, protocol, 0,
							STINGY + q, 1, 1 },
				 NULL);
		bed_account(b, STINGY + q, id, all);
		id = bed_service(b,
				 &(struct bed_service){ VIP, 7200 + q, proto, protocol, 0,
							STINGY + 4 + q, 1, 1 },
				 NULL);
		bed_account(b, STINGY + 4 + q, id, each);
	}
}

/* Services 7500 to 7505 and who is refused by them: a device and a tenant over its quota, and
 * who may not GET, all answered; the last of them without an answer; and both again, of who
 * may GET something else only. 7506 and 7507: who may not retrieve, and not create all.
 */
#define PATHS_FROM  4
#define ONEM2M_FROM 6
static void answering_services(struct bed *b)
{
	const uint64_t hour_ns = 3600ull * 1000000000;
	struct sl_account accounts[] = {
		{ .device_mask = 1 << SL_Q_MESSAGES,
		  .device_cost[SL_Q_MESSAGES] = hour_ns >> SL_DEV_NS_SHIFT,
		  .excess = SL_X_ANSWER },
		{ .quota_mask = 1 << SL_Q_MESSAGES,
		  .cost[SL_Q_MESSAGES] = hour_ns * SL_TAT_PER_NS,
		  .excess = SL_X_ANSWER },
		{ .denied = 1, .excess = SL_X_ANSWER },
		{ .denied = 1 },
		{ .excess = SL_X_ANSWER },
		{},
		{},
		{},
	};
	static const uint32_t onem2m[] = { 1 << SL_OP_RETRIEVE, SL_ALLOW_TYPES };

	for (size_t i = 0; i < SL_ARRAY_SIZE(accounts); i++) {
		struct bed_service s = { VIP, 7500 + i,	      IPPROTO_UDP, SL_P_COAP,
					 0,   STINGY + 8 + i, 1,	   1 };

		if (i >= PATHS_FROM)
			s.flags = SL_SVC_CONTENT;
		if (i >= ONEM2M_FROM) {
			trie_onem2m(b, 0, s.tenant, onem2m[i - ONEM2M_FROM] | SL_ALLOW_ANY_PATH, 3);
		} else if (i >= PATHS_FROM) {
			trie_path(b, 0, trie_allow(b, 0, s.tenant, false), "/elsewhere", 1);
		}
		accounts[i].id = 30 + i;
		bed_account(b, STINGY + 8 + i, bed_service(b, &s, NULL), accounts[i]);
	}
}

/* Services 7510 and 7511, of whose GETs one an hour passes: the first answers the others. */
static void class_services(struct bed *b)
{
	const struct classbed get_class = { SL_K_COAP_GET, 3600ull * 1000000000 * SL_TAT_PER_NS,
					    0 };

	for (int i = 0; i < 2; i++) {
		uint32_t tenant = STINGY + 20 + i;
		struct bed_service s = {
			VIP, 7510 + i, IPPROTO_UDP, SL_P_COAP, SL_SVC_CONTENT, tenant, 1, 1
		};

		bed_account(b, tenant, bed_service(b, &s, NULL),
			    (struct sl_account){ .id = 40 + i,
						 .quota_mask = SL_ACCOUNT_CLASSES,
						 .excess = i ? SL_X_DROP : SL_X_ANSWER });
		classbed_put(b, tenant, &get_class, 1);
	}
}

/* Its one slot has left an instance that is gone, and devices are told of it. */
static void gone_service(struct bed *b, uint16_t port, uint64_t reply_cost)
{
	struct bed_service s = {
		VIP,	port, IPPROTO_TCP,    SL_P_TCP,		  SL_SVC_AFFINITY,
		TENANT, 1,    .keep_s = 3600, .half_open_max = 1, .reply_cost = reply_cost
	};
	uint32_t slot;
	uint16_t id = bed_service(b, &s, &slot);

	bed_account(b, TENANT, id, (struct sl_account){ .id = 1 });
	b->instances[GONE].flags = SL_I_DOWN | SL_I_RESET;
	b->slots[slot] = (struct sl_slot){ 4, GONE, bed_now_s() + 3600 };
}

/* To a GET without a path: as short as one can be. */
static void response(struct bed *b)
{
	struct sl_response_key key = { .tenant = TENANT, .number = 1 };
	struct sl_response r = { .len = 2, .sum = 0x61ff, .body = { 0xff, 'a' } };
	uint32_t ids[] = { TENANT, 0 };

	trie_string(b, 0, SL_T_RESPONSE, ids, sizeof(ids), 1);
	bed_update(b->skel->maps.sl_responses, &key, &r);
}

static void more_services(struct bed *b)
{
	static const struct bed_service s[] = {
		{ VIP, 5684, IPPROTO_UDP, SL_P_COAPS, SL_SVC_DROP_MALFORMED, TENANT, 1, 1 },
		{ VIP, 10000, IPPROTO_UDP, SL_P_MQTTSN, SL_SVC_DROP_MALFORMED, TENANT, 1, 1 },
		{ VIP, 7521, IPPROTO_UDP, SL_P_COAP, SL_SVC_CONTENT, TENANT, 1, 1, .responses = 1 },
		{ VIP, 7520, IPPROTO_UDP, SL_P_COAP, SL_SVC_CONTENT, TENANT, 1, 1, .echo_s = 60 },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(s); i++)
		bed_account(b, TENANT, bed_service(b, &s[i], NULL), (struct sl_account){ .id = 1 });
	response(b);
	answering_services(b);
	class_services(b);
	gone_service(b, 7400, 0);
	gone_service(b, 7401, 3600ull * 1000000000 * SL_TAT_PER_NS);
}

/* Service 7600, which tracks connections: its tenant has one, and may use no MQTT 3.1.1; and a
 * connection of somebody else's that has said so.
 */
static void tracked_service(struct bed *b)
{
	struct bed_service s = { .vip = VIP,
				 .port = 7600,
				 .proto = IPPROTO_TCP,
				 .protocol = SL_P_MQTT,
				 .flags = SL_SVC_CONTENT | SL_SVC_IDENTIFY,
				 .program = SL_PROG_STREAM,
				 .delimiter = '/',
				 .half_open_max = 1,
				 .tenant = TENANT,
				 .ring_size = 1,
				 .instance = 1 };
	uint16_t id = bed_service(b, &s, NULL);
	struct sl_open_count one = { .opened = 1 };
	struct sl_flow_key key = { .addr = addr_of(DEVICE), .port = htons(40002), .service = id };
	struct sl_flow flow = { .who = SL_FLOW_WHO(STINGY, 60, SL_FLOW_NAMED) };
	uint32_t tenant = TENANT;

	bed_account(
		b, TENANT, id,
		(struct sl_account){ .id = 59, .open_max = 1, .mqtt_denied = 1 << SL_MV_3_1_1 });
	bed_account(b, STINGY, id, (struct sl_account){ .id = 60 });
	bed_update(b->skel->maps.sl_open_tenants, &tenant, &one);
	bed_update(b->skel->maps.sl_flows, &key, &flow);
}

static int setup(void **state)
{
	bed_open(state);
	tracked_service(*state);
	services(*state);
	stingy_services(*state);
	more_services(*state);
	network_target(*state, "dev0");
	return 0;
}

/* -- what a row does to its frame -- */

static void arp(struct frame *f)
{
	f->bytes[13] = 0x06;
}
static void proto_icmp(struct frame *f)
{
	f->bytes[f->l3 + 9] = IPPROTO_ICMP;
}
static void proto_gre(struct frame *f)
{
	f->bytes[f->l3 + 9] = 47;
}
static void cut_udp(struct frame *f)
{
	f->len = f->l4 + 4;
}
static void cut_eth(struct frame *f)
{
	f->len = 14;
}
static void short_ihl(struct frame *f)
{
	f->bytes[f->l3] = 0x44;
}
static void version_5(struct frame *f)
{
	f->bytes[f->l3] = 0x55;
}
static void total_long(struct frame *f)
{
	f->bytes[f->l3 + 3] += 1;
}
static void total_short(struct frame *f)
{
	f->bytes[f->l3 + 3] = 19;
}
static void fragment_first(struct frame *f)
{
	f->bytes[f->l3 + 6] = 0x20;
}
static void fragment_later(struct frame *f)
{
	f->bytes[f->l3 + 7] = 0x10;
}
static void udp_len_long(struct frame *f)
{
	f->bytes[f->l4 + 5] += 1;
}
static void udp_len_7(struct frame *f)
{
	f->bytes[f->l4 + 5] = 7;
}
static void udp_len_short(struct frame *f) /* the payload is padding now */
{
	f->bytes[f->l4 + 5] = sizeof(struct udphdr);
}
static void doff_4(struct frame *f)
{
	f->bytes[f->l4 + 12] = 0x40;
}
static void doff_long(struct frame *f)
{
	f->bytes[f->l4 + 12] = 0xf0;
}
static void tag(struct frame *f)
{
	frame_tag(f, ETH_P_8021Q);
}
static void tag_twice(struct frame *f)
{
	frame_tag(f, ETH_P_8021Q);
	frame_tag(f, ETH_P_8021AD);
}
static void ttl_1(struct frame *f)
{
	f->bytes[f->l3 + 8] = 1;
}
static void hop_limit_1(struct frame *f)
{
	f->bytes[f->l3 + 7] = 1;
}
static void dont_fragment(struct frame *f)
{
	f->bytes[f->l3 + 6] = 0x40;
}
static void v6_fragment(struct frame *f)
{
	f->bytes[f->l3 + 6] = 44;
}
static void v6_routing(struct frame *f) /* a routing header with a segment left */
{
	f->bytes[f->l3 + 6] = 43;
	f->bytes[f->l3 + 40 + 3] = 1;
}
static void v6_ah(struct frame *f)
{
	f->bytes[f->l3 + 6] = 51;
}
static void v6_long_options(struct frame *f) /* 504 bytes of them, then UDP */
{
	f->bytes[f->l3 + 6] = 60;
	f->bytes[f->l3 + 40] = IPPROTO_UDP;
	f->bytes[f->l3 + 41] = 62;
}
static void v6_length_long(struct frame *f)
{
	f->bytes[f->l3 + 5] += 1;
}

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
#define GET	   get, sizeof(get)
#define CREATE	   create, sizeof(create)
#define BIG	   NULL, 1290
#define CONNECT	   mqtt_connect, sizeof(mqtt_connect)

static const struct {
	const char *name;
	enum sl_reason why;
	int action;
	struct path path;
	int tcp_flags; /* -1: UDP */
	const uint8_t *payload;
	size_t len;
	void (*tweak)(struct frame *f);
} cases[] = {
	/* clang-format off */
	{ "CoAP GET", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 5683 }, -1, GET, NULL },
	{ "CoAP GET, IPv6", SL_R_STEERED, XDP_REDIRECT, { "2001:db8:5::1", 40000, VIP6, 5683 }, -1, GET, NULL },
	{ "MQTT SYN", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 1883 }, 2, NULL, 0, NULL },
	{ "instance without next hop", SL_R_STEERED_STACK, XDP_PASS, { DEVICE, 40000, VIP, 7000 }, -1, GET, NULL },
	{ "unknown port", SL_R_NOT_OURS, XDP_PASS, { DEVICE, 40000, VIP, 1 }, -1, GET, NULL },
	{ "unknown address", SL_R_NOT_OURS, XDP_PASS, { DEVICE, 40000, "203.0.113.11", 5683 }, -1, GET, NULL },
	{ "unknown address, IPv6", SL_R_NOT_OURS, XDP_PASS, { "2001:db8:5::1", 4, "2001:db8::1", 5683 }, -1, GET, NULL },
	{ "other port of an instance", SL_R_NOT_OURS, XDP_PASS, { INST, 22, DEVICE, 40000 }, -1, GET, NULL },
	{ "foreign fragment", SL_R_NOT_OURS, XDP_PASS, { DEVICE, 4, "203.0.113.11", 5683 }, -1, GET, fragment_first },
	{ "fragment from an instance", SL_R_NOT_OURS, XDP_PASS, { INST, 5683, DEVICE, 4 }, -1, GET, fragment_first },
	{ "ARP", SL_R_NOT_IP, XDP_PASS, { DEVICE, 40000, VIP, 5683 }, -1, GET, arp },
	{ "ICMP to the virtual address", SL_R_ICMP, XDP_PASS, { DEVICE, 40000, VIP, 5683 }, -1, GET, proto_icmp },
	{ "GRE to the virtual address", SL_R_OTHER_PROTOCOL, XDP_PASS, { DEVICE, 40000, VIP, 5683 }, -1, GET, proto_gre },
	{ "authentication header", SL_R_HIDDEN_PORTS, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, NULL, 32, v6_ah },
	{ "504 bytes of options", SL_R_HIDDEN_PORTS, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, NULL, 600, v6_long_options },
	{ "routing header with segments left", SL_R_HIDDEN_PORTS, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, NULL, 32, v6_routing },
	{ "cut in the UDP header", SL_R_TRUNCATED, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, cut_udp },
	{ "cut after Ethernet", SL_R_TRUNCATED, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, cut_eth },
	{ "IPv4 length past the frame", SL_R_TRUNCATED, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, total_long },
	{ "IPv6 length past the frame", SL_R_TRUNCATED, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, GET, v6_length_long },
	{ "UDP length past the datagram", SL_R_TRUNCATED, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, udp_len_long },
	{ "TCP options past the segment", SL_R_TRUNCATED, XDP_DROP, { DEVICE, 40000, VIP, 1883 }, 2, NULL, 0, doff_long },
	{ "IPv4 header length 4", SL_R_BAD_HEADER, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, short_ihl },
	{ "IP version 5", SL_R_BAD_HEADER, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, version_5 },
	{ "IPv4 length below its header", SL_R_BAD_HEADER, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, total_short },
	{ "UDP length 7", SL_R_BAD_HEADER, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, udp_len_7 },
	{ "TCP data offset 4", SL_R_BAD_HEADER, XDP_DROP, { DEVICE, 40000, VIP, 1883 }, 2, NULL, 0, doff_4 },
	{ "first fragment", SL_R_FRAGMENT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, fragment_first },
	{ "later fragment", SL_R_FRAGMENT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, fragment_later },
	{ "fragment, IPv6", SL_R_FRAGMENT, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, GET, v6_fragment },
	{ "VLAN tag", SL_R_VLAN, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, tag },
	{ "two VLAN tags", SL_R_VLAN, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, tag_twice },
	{ "VLAN tag, foreign", SL_R_NOT_OURS, XDP_PASS, { DEVICE, 4, "203.0.113.11", 5683 }, -1, GET, tag },
	{ "TTL 1", SL_R_HOP_LIMIT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, ttl_1 },
	{ "hop limit 1", SL_R_HOP_LIMIT, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, GET, hop_limit_1 },
	{ "larger than the MTU", SL_R_TOO_BIG, XDP_DROP, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, BIG, NULL },
	{ "no tenant", SL_R_UNKNOWN_TENANT, XDP_DROP, { DEVICE, 40000, VIP, 7002 }, -1, GET, NULL },
	{ "tenant without this service", SL_R_NOT_ALLOWED, XDP_DROP, { DEVICE, 40000, VIP, 7003 }, -1, GET, NULL },
	{ "no instance", SL_R_NO_INSTANCE, XDP_DROP, { DEVICE, 40000, VIP, 7001 }, -1, GET, NULL },

	{ "first packet in the hour", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7100 }, -1, GET, NULL },
	{ "second packet", SL_R_TENANT_PACKETS, XDP_DROP, { DEVICE, 40000, VIP, 7100 }, -1, GET, NULL },
	{ "first bytes in the hour", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7101 }, -1, GET, NULL },
	{ "more bytes", SL_R_TENANT_BYTES, XDP_DROP, { DEVICE, 40000, VIP, 7101 }, -1, GET, NULL },
	{ "first message in the hour", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7102 }, -1, GET, NULL },
	{ "second message", SL_R_TENANT_MESSAGES, XDP_DROP, { DEVICE, 40000, VIP, 7102 }, -1, GET, NULL },
	{ "first connection in the hour", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7103 }, 2, NULL, 0, NULL },
	{ "second connection", SL_R_TENANT_CONNECTIONS, XDP_DROP, { DEVICE, 40001, VIP, 7103 }, 2, NULL, 0, NULL },
	{ "data is no connection", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40001, VIP, 7103 }, 16, GET, NULL },
	{ "device's first packet", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7200 }, -1, GET, NULL },
	{ "device's second packet", SL_R_DEVICE_PACKETS, XDP_DROP, { DEVICE, 40001, VIP, 7200 }, -1, GET, NULL },
	{ "another device's packet", SL_R_STEERED, XDP_REDIRECT, { "198.51.100.2", 40001, VIP, 7200 }, -1, GET, NULL },
	{ "device's first bytes", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7201 }, -1, GET, NULL },
	{ "device's more bytes", SL_R_DEVICE_BYTES, XDP_DROP, { DEVICE, 40000, VIP, 7201 }, -1, GET, NULL },
	{ "device's first message", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7202 }, -1, GET, NULL },
	{ "device's second message", SL_R_DEVICE_MESSAGES, XDP_DROP, { DEVICE, 40000, VIP, 7202 }, -1, GET, NULL },
	{ "device's first connection", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7203 }, 2, NULL, 0, NULL },
	{ "device's second connection", SL_R_DEVICE_CONNECTIONS, XDP_DROP, { DEVICE, 40000, VIP, 7203 }, 2, NULL, 0, NULL },

	{ "CoAP in the padding only", SL_R_COAP_SHORT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, GET, udp_len_short },
	{ "CoAP of 3 bytes", SL_R_COAP_SHORT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2), NULL },
	{ "CoAP version 2", SL_R_COAP_VERSION, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x80, 1, 2, 3), NULL },
	{ "token length 9", SL_R_COAP_TOKEN_LENGTH, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x49, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9), NULL },
	{ "token cut", SL_R_COAP_TOKEN, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x44, 1, 2, 3, 1, 2, 3), NULL },
	{ "code 1.00", SL_R_COAP_CODE, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 0x20, 2, 3), NULL },
	{ "ACK with a request", SL_R_COAP_TYPE, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x60, 1, 2, 3), NULL },
	{ "empty with bytes", SL_R_COAP_EMPTY, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 0, 2, 3, 4), NULL },
	{ "option delta 15", SL_R_COAP_OPTION_DELTA, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0xf0), NULL },
	{ "option length 15", SL_R_COAP_OPTION_LENGTH, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0x1f), NULL },
	{ "option number 65536", SL_R_COAP_OPTION_NUMBER, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0xe0, 0xfe, 0xf3), NULL },
	{ "option cut", SL_R_COAP_OPTION_SHORT, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0xb4, 'a', 'b', 'c'), NULL },
	{ "marker at the end", SL_R_COAP_NO_PAYLOAD, XDP_DROP, { DEVICE, 40000, VIP, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0xff), NULL },
	{ "malformed, but not dropped here", SL_R_STEERED, XDP_REDIRECT, { "2001:db8:5::1", 4, VIP6, 5683 }, -1, BYTES(0x40, 1, 2, 3, 0xff), NULL },

	{ "DTLS of 12 bytes", SL_R_DTLS_SHORT, XDP_DROP, { DEVICE, 40000, VIP, 5684 }, -1, BYTES(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0), NULL },
	{ "DTLS type 19", SL_R_DTLS_TYPE, XDP_DROP, { DEVICE, 40000, VIP, 5684 }, -1, BYTES(19, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), NULL },
	{ "DTLS record cut", SL_R_DTLS_LENGTH, XDP_DROP, { DEVICE, 40000, VIP, 5684 }, -1, BYTES(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1), NULL },
	{ "MQTT-SN, 3 bytes of 2", SL_R_MQTTSN_LENGTH, XDP_DROP, { DEVICE, 40000, VIP, 10000 }, -1, BYTES(2, 0x16, 0), NULL },

	{ "its instance is gone", SL_R_RESET, XDP_TX, { DEVICE, 40000, VIP, 7400 }, 16, NULL, 0, NULL },
	{ "a RST to one that is gone", SL_R_INSTANCE_GONE, XDP_DROP, { DEVICE, 40000, VIP, 7400 }, 4, NULL, 0, NULL },
	{ "gone, first in the hour", SL_R_RESET, XDP_TX, { DEVICE, 40000, VIP, 7401 }, 16, NULL, 0, NULL },
	{ "gone, second", SL_R_RESET_BUDGET, XDP_DROP, { DEVICE, 40000, VIP, 7401 }, 16, NULL, 0, NULL },

	{ "first, where it is answered", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7500 }, -1, GET, NULL },
	{ "answered: the device's second", SL_R_ANSWERED_DEVICE, XDP_TX, { DEVICE, 40000, VIP, 7500 }, -1, GET, NULL },
	{ "first of a tenant that is answered", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7501 }, -1, GET, NULL },
	{ "answered: the tenant's second", SL_R_ANSWERED_TENANT, XDP_TX, { DEVICE, 40000, VIP, 7501 }, -1, GET, NULL },
	{ "a class's first", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7510 }, -1, GET, NULL },
	{ "answered: a class's second", SL_R_ANSWERED_CLASS, XDP_TX, { DEVICE, 40000, VIP, 7510 }, -1, GET, NULL },
	{ "a class's first, too", SL_R_STEERED, XDP_REDIRECT, { DEVICE, 40000, VIP, 7511 }, -1, GET, NULL },
	{ "a class's second", SL_R_CLASS_MESSAGES, XDP_DROP, { DEVICE, 40000, VIP, 7511 }, -1, GET, NULL },
	{ "answered: no GET here", SL_R_ANSWERED_METHOD, XDP_TX, { DEVICE, 40000, VIP, 7502 }, -1, GET, NULL },
	{ "answered: not this path", SL_R_ANSWERED_PATH, XDP_TX, { DEVICE, 40000, VIP, 7504 }, -1, GET, NULL },
	{ "who is it", SL_R_CHALLENGED, XDP_TX, { DEVICE, 40000, VIP, 7520 }, -1, BYTES(0x42, 1, 2, 3, 1, 2), NULL },
	{ "who is it, who cannot be asked", SL_R_UNPROVEN, XDP_DROP, { DEVICE, 40000, VIP, 7520 }, -1, BYTES(0x40, 1, 2, 3), NULL },
	{ "what the tenant has said of it", SL_R_ANSWERED_STATIC, XDP_TX, { DEVICE, 40000, VIP, 7521 }, -1, GET, NULL },
	{ "not this path", SL_R_PATH_NOT_ALLOWED, XDP_DROP, { DEVICE, 40000, VIP, 7505 }, -1, GET, NULL },
	{ "may not retrieve", SL_R_OPERATION_NOT_ALLOWED, XDP_DROP, { DEVICE, 40000, VIP, 7506 }, -1, GET, NULL },
	{ "may not create this", SL_R_TYPE_NOT_ALLOWED, XDP_DROP, { DEVICE, 40000, VIP, 7507 }, -1, CREATE, NULL },
	{ "no GET here", SL_R_METHOD_NOT_ALLOWED, XDP_DROP, { DEVICE, 40000, VIP, 7503 }, -1, GET, NULL },

	{ "one connection too many", SL_R_OPEN_CONNECTIONS, XDP_DROP, { DEVICE, 40000, VIP, 7600 }, 2, NULL, 0, NULL },
	{ "no MQTT 3.1.1 here", SL_R_MQTT_NOT_ALLOWED, XDP_DROP, { DEVICE, 40001, VIP, 7600 }, 24, CONNECT, NULL },
	{ "somebody else, it said first", SL_R_IDENTITY_CHANGED, XDP_DROP, { DEVICE, 40002, VIP, 7600 }, 24, CONNECT, NULL },

	{ "answer", SL_R_RETURNED, XDP_REDIRECT, { INST, 5683, DEVICE, 40000 }, -1, GET, NULL },
	{ "answer, IPv6", SL_R_RETURNED, XDP_REDIRECT, { INST6, 5683, "2001:db8:5::1", 40000 }, -1, GET, NULL },
	{ "answer, TCP", SL_R_RETURNED, XDP_REDIRECT, { INST, 1883, DEVICE, 40000 }, 18, NULL, 0, NULL },
	{ "answer, neighbour unknown", SL_R_RETURNED_STACK, XDP_PASS, { INST, 5683, "198.51.100.9", 40000 }, -1, GET, NULL },
	{ "answer, link is no target", SL_R_RETURNED_STACK, XDP_PASS, { INST, 5683, "192.0.2.1", 40000 }, -1, GET, NULL },
	{ "answer that may be fragmented", SL_R_RETURNED_STACK, XDP_PASS, { INST, 5683, DEVICE, 40000 }, -1, BIG, NULL },
	{ "answer over the MTU", SL_R_RETURN_TOO_BIG, XDP_PASS, { INST, 5683, DEVICE, 40000 }, -1, BIG, dont_fragment },
	{ "answer to a probe", SL_R_LOCAL, XDP_PASS, { INST, 5683, "198.51.100.254", 40000 }, -1, GET, NULL },
	{ "answer with no way", SL_R_RETURN_UNROUTABLE, XDP_PASS, { INST, 5683, "100.64.0.1", 40000 }, -1, GET, NULL },
	{ "answer with TTL 1", SL_R_HOP_LIMIT, XDP_DROP, { INST, 5683, DEVICE, 40000 }, -1, GET, ttl_1 },
	/* clang-format on */
};

static struct frame build(size_t i)
{
	struct frame f = cases[i].tcp_flags < 0
				 ? frame_udp(&cases[i].path, cases[i].payload, cases[i].len)
				 : frame_tcp(&cases[i].path, cases[i].tcp_flags, cases[i].payload,
					     cases[i].len);

	if (cases[i].tweak)
		cases[i].tweak(&f);
	return f;
}

static void test_every_reason_has_a_packet(void **state)
{
	bool seen[SL_R__MAX] = { [SL_R_NONE] = true, [SL_R_INTERNAL] = true };
	struct bed *b = *state;

	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		struct frame in = build(i), out;
		uint64_t before = bed_reason(b, cases[i].why), all = bed_all_reasons(b);
		int action = bed_run(b, &in, &out);

		if (bed_reason(b, cases[i].why) != before + 1 || action != cases[i].action ||
		    bed_all_reasons(b) != all + 1) {
			for (int why = 0; why < SL_R__MAX; why++)
				print_message("reason %d: %lu\n", why, bed_reason(b, why));
			fail_msg("%s: action %d, want %d", cases[i].name, action, cases[i].action);
		}
		seen[cases[i].why] = true;
	}
	for (int why = 0; why < SL_R__MAX; why++)
		if (!seen[why])
			fail_msg("no packet for reason %d", why);
}

/* What passes to the stack without being one of ours is not touched. */
static void test_what_is_not_ours_is_untouched(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		struct frame in = build(i), out;

		if (cases[i].action != XDP_PASS || cases[i].why == SL_R_STEERED_STACK ||
		    cases[i].why == SL_R_RETURNED_STACK)
			continue;
		bed_run(*state, &in, &out);
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.bytes, in.bytes, in.len);
	}
}

static void test_admitted_is_counted_for_its_account(void **state)
{
	struct bed *b = *state;
	struct path p = { DEVICE, 40000, VIP, 5683 };
	struct frame in = frame_udp(&p, get, sizeof(get));

	for (int i = 0; i < 3; i++)
		assert_int_equal(bed_run(b, &in, NULL), XDP_REDIRECT);
	assert_int_equal(bed_hot(b, 1).packets, 3);
	assert_int_equal(bed_hot(b, 1).messages, 3);
	assert_int_equal(bed_hot(b, 1).bytes, 3 * (20 + 8 + sizeof(get)));
	assert_int_equal(bed_hot(b, 1).connections, 0);
}

/* 50 MB/s for each device makes a byte cost less than a tick of its bucket: small
 * packets must not be free. The burst is nothing, so the second waits.
 */
static void test_a_small_packet_costs_a_device_something(void **state)
{
	struct sl_account each = { .id = 30, .device_mask = 1 << SL_Q_BYTES };
	struct path p = { DEVICE, 40000, VIP, 7300 };
	struct frame in = frame_udp(&p, get, sizeof(get));
	struct bed *b = *state;
	int passed = 0;

	each.device_cost[SL_Q_BYTES] = 80;
	udp_service(b, 7300, TENANT, 1, &each);
	/* They are far faster than a clock's tick, but one may come in between. */
	for (int i = 0; i < 10; i++)
		passed += bed_run(b, &in, NULL) == XDP_REDIRECT;
	assert_in_range(passed, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_reason_has_a_packet, setup, bed_close),
		cmocka_unit_test_setup_teardown(test_what_is_not_ours_is_untouched, setup,
						bed_close),
		cmocka_unit_test_setup_teardown(test_a_small_packet_costs_a_device_something, setup,
						bed_close),
		cmocka_unit_test_setup_teardown(test_admitted_is_counted_for_its_account, setup,
						bed_close),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
