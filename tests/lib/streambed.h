/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two tracked services (IPv4 and IPv6), and connections to them through the loaded program. */
#ifndef TEST_STREAMBED_H
#define TEST_STREAMBED_H

#include "network.h"
#include "firstmake.h"
#include "trie.h"

#define VIP    "203.0.113.10"
#define VIP6   "2001:db8:ffff::10"
#define PORT   1883
#define BUDGET 8 /* of half-open connections */

#define FIN    1
#define SYN    2
#define RST    4
#define PSH    8
#define ACK    16

enum {
	GUESTS = 1,
	ACME,
	GLOBEX,
	INITECH,
	N_TENANTS
};

static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11", "2001:db8:1::11" },
			 *const devices[] = { "198.51.100.1", "2001:db8:5::1" };

static struct bed *bed;
static uint16_t next_port;

static inline void account(uint32_t tenant, struct sl_account value)
{
	for (uint16_t service = 1; service <= 2; service++) {
		value.id = tenant * 2 + service;
		bed_account(bed, tenant, service, value);
	}
}

static inline int setup(void **state, uint8_t protocol, uint8_t flags)
{
	bed_open(state);
	bed = *state;
	next_port = 20000;
	for (int i = 0; i < 2; i++) {
		struct bed_service s = { .vip = vips[i],
					 .port = PORT,
					 .proto = IPPROTO_TCP,
					 .protocol = protocol,
					 .flags = SL_SVC_CONTENT | flags,
					 .program = SL_PROG_STREAM,
					 .delimiter = '/',
					 .half_open_max = BUDGET,
					 .tenant = GUESTS,
					 .ring_size = 1,
					 .instance = 1 + i };
		uint16_t id = bed_service(bed, &s, NULL);

		bed_instance(bed, &(struct bed_instance){ 1 + i, addrs[i], PORT, vips[i], PORT,
							  IPPROTO_TCP, id, 77, 1500 });
		bed->states[id].watch = SL_W_TRACK;
	}
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		account(t, (struct sl_account){});
	return 0;
}

static inline int setup_mqtt(void **state)
{
	return setup(state, SL_P_MQTT, SL_SVC_IDENTIFY);
}

static inline int setup_mqtts(void **state)
{
	return setup(state, SL_P_MQTTS, SL_SVC_IDENTIFY);
}

static inline int setup_source(void **state)
{
	return setup(state, SL_P_MQTT, SL_SVC_IDENTIFY | SL_SVC_BY_SOURCE);
}

/* Without identities: only the table. */
static inline int setup_tcp(void **state)
{
	return setup(state, SL_P_TCP, 0);
}

#define ROW(test, setup_) cmocka_unit_test_setup_teardown(test, setup_, bed_close)

static inline void name_is(enum sl_trie_root root, const char *name, uint32_t tenant)
{
	trie_string(bed, 0, root, name, strlen(name), tenant);
}

/* All IPv4 sources are @tenant's; 0: nobody's. */
static inline void source_is(uint32_t tenant)
{
	struct sl_prefix_root root = { .lo = 1, .outside = tenant };
	uint32_t zero = 0;

	bed_update(bed->skel->maps.sl_prefix_roots, &zero, &root);
}

/* -- connections -- */

struct conn {
	int v6;
	uint16_t port;
	uint32_t seq, ack;   /* of the device's next segment */
	uint32_t server_seq; /* of the instance's */
};

static inline void numbers_set(struct frame *f, uint32_t seq, uint32_t ack)
{
	frame_put16(f, f->l4 + 4, seq >> 16);
	frame_put16(f, f->l4 + 6, seq);
	frame_put16(f, f->l4 + 8, ack >> 16);
	frame_put16(f, f->l4 + 10, ack);
	frame_finish(f);
}

static inline struct frame conn_frame(const struct conn *c, uint8_t flags, const void *data,
				      size_t len)
{
	struct path p = { devices[c->v6], c->port, vips[c->v6], PORT };
	struct frame f = frame_tcp(&p, flags, data, len);

	numbers_set(&f, c->seq, c->ack);
	return f;
}

/* Whose account has one packet more than in @before; 0: nobody's. */
static inline uint32_t whose_now(const struct conn *c, const uint64_t before[N_TENANTS])
{
	uint32_t whose = 0;

	for (uint32_t t = GUESTS; t < N_TENANTS; t++) {
		uint64_t now = bed_hot(bed, t * 2 + 1 + c->v6).packets;

		if (now == before[t])
			continue;
		assert_int_equal(now, before[t] + 1);
		assert_int_equal(whose, 0);
		whose = t;
	}
	return whose;
}

/* One segment of the device; returns whose it was, 0: it was not admitted. Numbers stay. */
static inline uint32_t conn_send(const struct conn *c, uint8_t flags, const void *data, size_t len)
{
	struct frame in = conn_frame(c, flags, data, len);
	uint64_t before[N_TENANTS], all = bed_all_reasons(bed);

	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		before[t] = bed_hot(bed, t * 2 + 1 + c->v6).packets;
	bed_run(bed, &in, NULL);
	assert_int_equal(bed_all_reasons(bed), all + 1);
	assert_int_equal(bed_reason(bed, SL_R_INTERNAL), 0);
	return whose_now(c, before);
}

/* Data, in order. */
static inline uint32_t conn_say(struct conn *c, const void *data, size_t len)
{
	uint32_t whose = conn_send(c, PSH | ACK, data, len);

	c->seq += len;
	return whose;
}

/* Data that is refused. */
static inline void refused(const struct conn *c, const void *data, size_t len, enum sl_reason why)
{
	uint64_t before = bed_reason(bed, why);

	assert_int_equal(conn_send(c, PSH | ACK, data, len), 0);
	assert_int_equal(bed_reason(bed, why), before + 1);
}

/* One segment of the instance, which acknowledges what is before @ack. */
static inline void conn_answer(struct conn *c, uint8_t flags, uint32_t ack, const void *data,
			       size_t len)
{
	struct path p = { addrs[c->v6], PORT, devices[c->v6], c->port };
	struct frame f = frame_tcp(&p, flags, data, len);
	uint64_t before = bed_reason(bed, SL_R_RETURNED_STACK);

	numbers_set(&f, c->server_seq, ack);
	bed_run(bed, &f, NULL);
	assert_int_equal(bed_reason(bed, SL_R_RETURNED_STACK), before + 1);
	c->server_seq += len + !!(flags & SYN) + !!(flags & FIN);
	c->ack = c->server_seq;
}

static inline struct conn conn_new(int v6)
{
	struct conn c = { .v6 = v6, .port = next_port++, .seq = 0xfffffff0, .server_seq = 7000 };

	return c;
}

static inline uint32_t conn_syn(struct conn *c)
{
	uint32_t whose = conn_send(c, SYN, NULL, 0);

	c->seq++;
	return whose;
}

static inline struct conn conn_open(int v6)
{
	struct conn c = conn_new(v6);

	conn_syn(&c);
	conn_answer(&c, SYN | ACK, c.seq, NULL, 0);
	conn_send(&c, ACK, NULL, 0);
	return c;
}

/* -- the table -- */

static inline struct sl_flow_key conn_key(const struct conn *c)
{
	return (struct sl_flow_key){ .addr = addr_of(devices[c->v6]),
				     .port = htons(c->port),
				     .service = 1 + c->v6 };
}

static inline bool conn_is_in(const struct conn *c, const struct bpf_map *map)
{
	struct sl_flow_key key = conn_key(c);
	char value[sizeof(struct sl_flow)];

	_Static_assert(sizeof(value) >= sizeof(struct sl_flow_open), "room for both");
	return !bpf_map_lookup_elem(bpf_map__fd(map), &key, value);
}

static inline uint32_t open_of(const struct bpf_map *map, uint32_t id)
{
	struct sl_open_count n;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &id, &n), 0);
	return n.opened - n.ended;
}

/* Of the tenant as a whole, and the sum of its accounts. */
static inline uint32_t is_open(uint32_t tenant)
{
	uint32_t n = open_of(bed->skel->maps.sl_open_tenants, tenant);

	assert_int_equal(n, open_of(bed->skel->maps.sl_open, tenant * 2 + 1) +
				    open_of(bed->skel->maps.sl_open, tenant * 2 + 2));
	return n;
}

#endif /* TEST_STREAMBED_H */
