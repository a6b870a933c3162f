// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which pool of instances has a CoAP request, and whom an answer of the device's goes to that
 * names no path: through the loaded program. Where a message went is read from the frame, and
 * whose it was from the accounts.
 */
#include <arpa/inet.h>
#include "network.h"
#include "coapmake.h"
#include "trie.h"
#include "lib/affinity.h"

#define VIP  "203.0.113.10"
#define VIP6 "2001:db8:ffff::10"
#define PORT 5683

/* Services: a front and its pools, as an address each. */
enum {
	FRONT = 1,
	ONE,
	TWO,
	THREE,
	N_SERVICES
};

enum {
	GUESTS = 1,
	ACME,
	N_TENANTS
};

#define ACCOUNT(tenant, service) ((tenant)*8 + (service))
#define BUDGET			 8

static const char *const servers[2][N_SERVICES] = {
	{ NULL, "10.0.1.11", "10.0.1.12", "10.0.1.13", "10.0.1.14" },
	{ NULL, "2001:db8:1::11", "2001:db8:1::12", "2001:db8:1::13", "2001:db8:1::14" },
};
static const char *const devices[] = { "198.51.100.1", "2001:db8:5::1" };
static const char *const vips[] = { VIP, VIP6 };

static struct bed *bed;
static int v6; /* of which family all is */

/* A pool is a service that lies under its id. */
static void pool_make(uint16_t id)
{
	struct sl_service_key key = SL_POOL_KEY(id);
	struct sl_service value = { .id = id,
				    .protocol = SL_P_COAP,
				    .flags = SL_SVC_AFFINITY,
				    .tenant = GUESTS,
				    .keep_s = 100,
				    .half_open_max = BUDGET,
				    .responses = 1,
				    .ring_first = bed->next_slot,
				    .ring_size = 1 };

	bed->slots[bed->next_slot++] = (struct sl_slot){ .cur = id };
	bed_update(bed->skel->maps.sl_services, &key, &value);
	bed->states[id].unsettled = SL_U_POOL;
}

static uint32_t pool_slot(uint16_t id)
{
	struct sl_service_key key = SL_POOL_KEY(id);
	struct sl_service s;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bed->skel->maps.sl_services), &key, &s),
			 0);
	return s.ring_first;
}

static void instance_make(uint16_t id)
{
	struct sl_return_key key = { .addr = addr_of(servers[v6][id]),
				     .port = htons(PORT),
				     .proto = IPPROTO_UDP };
	struct sl_return r;

	bed_instance(bed, &(struct bed_instance){ id, servers[v6][id], PORT, vips[v6], PORT,
						  IPPROTO_UDP, id, 77, 1500 });
	if (id == FRONT)
		return;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bed->skel->maps.sl_returns), &key, &r), 0);
	r.front = FRONT;
	bed_update(bed->skel->maps.sl_returns, &key, &r);
}

static int setup(void **state)
{
	struct bed_service front = { .vip = vips[v6],
				     .port = PORT,
				     .proto = IPPROTO_UDP,
				     .protocol = SL_P_COAP,
				     .flags = SL_SVC_CONTENT | SL_SVC_IDENTIFY | SL_SVC_ROUTES |
					      SL_SVC_AFFINITY,
				     .tenant = GUESTS,
				     .ring_size = 1,
				     .keep_s = 100,
				     .half_open_max = BUDGET,
				     .instance = FRONT };

	bed_open(state);
	bed = *state;
	network_target(bed, "dev0");
	assert_int_equal(bed_service(bed, &front, NULL), FRONT);
	for (uint16_t id = FRONT; id < N_SERVICES; id++) {
		if (id != FRONT)
			pool_make(id);
		instance_make(id);
		for (uint32_t t = GUESTS; t < N_TENANTS; t++)
			bed_account(bed, t, id, (struct sl_account){ .id = ACCOUNT(t, id) });
	}
	trie_string(bed, 0, SL_T_COAP_HOST, "acme.example", 12, ACME);
	return 0;
}

/* -- where a message goes -- */

/* Whose is @out's destination; 0: it went nowhere. */
static uint16_t server_of(const struct frame *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v6 ? AF_INET6 : AF_INET, out->bytes + out->l3 + (v6 ? 24 : 16), text,
		  sizeof(text));
	for (uint16_t id = FRONT; id < N_SERVICES; id++)
		if (!strcmp(text, servers[v6][id]))
			return id;
	return 0;
}

static uint16_t sent_from(uint16_t port, const struct coapmake *m, int want)
{
	const struct path way = { devices[v6], port, vips[v6], PORT };
	struct frame in = frame_udp(&way, m->bytes, m->len), out;

	assert_int_equal(bed_run(bed, &in, &out), want);
	return want == XDP_REDIRECT ? server_of(&out) : 0;
}

/* The message is @tenant's and @service's: it goes there, and is counted there. */
static void goes_to(const struct coapmake *m, uint32_t tenant, uint16_t service)
{
	uint64_t before = bed_hot(bed, ACCOUNT(tenant, service)).messages;

	assert_int_equal(sent_from(40000, m, XDP_REDIRECT), service);
	assert_int_equal(bed_hot(bed, ACCOUNT(tenant, service)).messages, before + 1);
}

static struct coapmake request(uint8_t code, const char *host, const char *path, int type)
{
	struct coapmake m = coapmake(MAKE_CON, code, 0x1234, 4);

	if (host)
		coapmake_text(&m, MAKE_URI_HOST, host);
	coapmake_path(&m, path);
	if (type >= 0)
		coapmake_option(&m, MAKE_RESOURCE_TYPE, (uint8_t[]){ type }, !!type);
	return m;
}

static void asks(uint8_t code, const char *host, const char *path, int type, uint32_t tenant,
		 uint16_t service)
{
	struct coapmake m = request(code, host, path, type);

	goes_to(&m, tenant, service);
}

static void of_path(const char *path, uint16_t service)
{
	asks(1, NULL, path, -1, GUESTS, service);
}

static void test_the_longest_path_has_a_request(void **state)
{
	(void)state;
	trie_route(bed, 0, FRONT, "/sensors", (struct sl_route_rule){}, ONE);
	trie_route(bed, 0, FRONT, "/sensors/fast/1", (struct sl_route_rule){}, TWO);
	trie_route(bed, 1, FRONT, "/other", (struct sl_route_rule){}, TWO); /* the other bank's */
	trie_route(bed, 0, 9, "/", (struct sl_route_rule){}, TWO);	    /* another service's */
	of_path("/sensors", ONE);
	of_path("/sensors/1", ONE);
	of_path("/sensors/fast", ONE);
	of_path("/sensors/fast/1", TWO);
	of_path("/sensors/fast/1/2/3/4/5/6/7", TWO);
	of_path("/sensors/fast/2", ONE);
	of_path("/", FRONT);
	of_path("/sensor", FRONT);
	of_path("/sensorss", FRONT);
	of_path("/x/sensors", FRONT);
	of_path("/other", FRONT);
	trie_route(bed, 0, FRONT, "/", (struct sl_route_rule){}, THREE);
	of_path("/", THREE);
	of_path("/x", THREE);
	of_path("/sensors/fast", ONE);
}

/* What a rule asks for, and of rules of one path which comes first. */
static void test_rules_of_one_path(void **state)
{
	static const struct {
		uint8_t code;
		const char *host;
		int type;
		uint16_t service;
	} cases[] = {
		{ 1, NULL, -1, FRONT },
		{ 2, NULL, -1, ONE },
		{ 2, NULL, 3, ONE },
		{ 2, NULL, 4, TWO },   /* method and type before method */
		{ 3, NULL, 4, FRONT }, /* no rule of the type alone */
		{ 3, NULL, 0, THREE },
		{ 3, NULL, 64, FRONT },
		{ 1, "acme.example", -1, THREE },
		{ 2, "acme.example", 4, THREE }, /* the tenant before all else */
		{ 8, NULL, -1, FRONT },		 /* no method that has a name */
		{ 8, "acme.example", -1, THREE },
	};

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){ SL_ROUTE_METHOD, .method = 2 },
		   ONE);
	trie_route(
		bed, 0, FRONT, "/a",
		(struct sl_route_rule){ SL_ROUTE_METHOD | SL_ROUTE_TYPE, .method = 2, .type = 4 },
		TWO);
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){ SL_ROUTE_TYPE, .type = 0 }, THREE);
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){ SL_ROUTE_TENANT, .tenant = ACME },
		   THREE);
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		print_message("case %zu\n", i);
		asks(cases[i].code, cases[i].host, "/a/b", cases[i].type,
		     cases[i].host ? ACME : GUESTS, cases[i].service);
	}
	/* A longer path whose rules do not have it leaves it to a shorter one. */
	trie_route(bed, 0, FRONT, "/a/b", (struct sl_route_rule){ SL_ROUTE_METHOD, .method = 1 },
		   TWO);
	asks(2, NULL, "/a/b", -1, GUESTS, ONE);
	asks(1, NULL, "/a/b", -1, GUESTS, TWO);
}

/* A path that the server will not go by is none. */
static void test_what_hides_its_path_stays(void **state)
{
	struct coapmake m;

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	trie_route(bed, 0, FRONT, "/", (struct sl_route_rule){ SL_ROUTE_METHOD, .method = 2 }, TWO);
	trie_route(bed, 0, FRONT, "/", (struct sl_route_rule){ SL_ROUTE_TENANT, .tenant = ACME },
		   THREE);
	asks(2, NULL, "/x", -1, GUESTS, TWO);
	m = coapmake(MAKE_CON, 2, 1, 0); /* OSCORE (RFC 8613) */
	coapmake_option(&m, MAKE_OSCORE, "\x09", 1);
	coapmake_path(&m, "/a");
	goes_to(&m, GUESTS, FRONT);
	m = request(2, NULL, "/a", -1);
	coapmake_text(&m, MAKE_PROXY_SCHEME, "coap");
	goes_to(&m, GUESTS, FRONT);
	asks(2, NULL, "/a/../b", -1, GUESTS, FRONT);
	m = coapmake(MAKE_CON, 2, 1, 0); /* but whose it is is known */
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	coapmake_option(&m, MAKE_OSCORE, "\x09", 1);
	goes_to(&m, ACME, THREE);
}

/* Where a route does not look, a privilege still does. */
static void test_what_hides_its_path_is_still_what_it_is(void **state)
{
	struct coapmake m = request(2, NULL, "/a/../b", 3);

	(void)state;
	trie_onem2m(bed, 0, GUESTS, SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES, 4);
	sent_from(40000, &m, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_TYPE_NOT_ALLOWED), 1);
	trie_onem2m(bed, 0, GUESTS, SL_ALLOW_ANY_PATH | 1 << SL_OP_CREATE, 0);
	sent_from(40000, &m, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_OPERATION_NOT_ALLOWED), 1);
	asks(2, NULL, "/a/../b", -1, GUESTS, FRONT); /* notifies */
}

/* Not even what an earlier message has left behind is a ping's path, or a malformed one's. */
static void test_what_has_no_path_stays(void **state)
{
	struct coapmake ping = coapmake(MAKE_CON, 0, 7, 0), bad = request(1, NULL, "/a", -1);

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	of_path("/a", ONE);
	goes_to(&ping, GUESTS, FRONT);
	of_path("/a", ONE);
	bad.bytes[bad.len++] = 0xff;
	goes_to(&bad, GUESTS, FRONT);
	trie_route(bed, 0, FRONT, "/", (struct sl_route_rule){}, TWO);
	goes_to(&bad, GUESTS, TWO); /* a request all the same */
	goes_to(&ping, GUESTS, FRONT);
}

/* A tenant may use a pool, and its front, or not; and its bucket is one. */
static void test_privileges_and_quotas_of_pools(void **state)
{
	struct sl_account a = { .id = ACCOUNT(ACME, FRONT),
				.quota_mask = 1 << SL_Q_MESSAGES,
				.limit = 1,
				.cost[SL_Q_MESSAGES] = 3600 * 1000000000ull * SL_TAT_PER_NS };
	struct sl_account_key key = { .tenant = ACME, .service = TWO };
	struct coapmake m = request(1, "acme.example", "/b", -1);

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	trie_route(bed, 0, FRONT, "/b", (struct sl_route_rule){}, TWO);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(bed->skel->maps.sl_accounts), &key), 0);
	sent_from(40000, &m, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_NOT_ALLOWED), 1);
	of_path("/b", TWO); /* guests may */
	bed_account(bed, ACME, FRONT, a);
	a.id = ACCOUNT(ACME, ONE);
	bed_account(bed, ACME, ONE, a);
	asks(1, "acme.example", "/a", -1, ACME, ONE);
	m = request(1, "acme.example", "/x", -1);
	sent_from(40000, &m, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_TENANT_MESSAGES), 1);
}

/* What a pool has no instance for goes nowhere, and not to the front's. */
static void test_a_pool_without_instances_has_its_requests(void **state)
{
	struct sl_service_key key = SL_POOL_KEY(TWO);
	int fd = bpf_map__fd(bed->skel->maps.sl_services);
	struct coapmake a = request(1, NULL, "/a", -1), b = request(1, NULL, "/b", -1);
	struct sl_service pool;

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	trie_route(bed, 0, FRONT, "/b", (struct sl_route_rule){}, TWO);
	bed->slots[pool_slot(ONE)].cur = 0; /* all are down */
	sent_from(40000, &a, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_NO_INSTANCE), 1);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &pool), 0);
	pool.ring_size = 0; /* it has none */
	bed_update(bed->skel->maps.sl_services, &key, &pool);
	sent_from(40000, &b, XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_NO_INSTANCE), 2);
	of_path("/x", FRONT);
}

/* A pool's messages are counted as the pool's, the others as the front's. */
static void test_kinds_are_the_pools(void **state)
{
	struct sl_kind_counters k;
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(bed->skel->maps.sl_kinds);
	uint64_t gets[N_SERVICES] = {};

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	of_path("/a", ONE);
	of_path("/a", ONE);
	of_path("/x", FRONT);
	for (uint32_t cpu = 0; cpu < (uint32_t)cpus; cpu++) {
		for (uint32_t s = FRONT; s < N_SERVICES; s++) {
			uint32_t index = cpu * SL_DEF_SERVICES + s;

			assert_int_equal(bpf_map_lookup_elem(fd, &index, &k), 0);
			gets[s] += k.kind[SL_K_COAP_GET];
		}
	}
	assert_int_equal(gets[FRONT], 1);
	assert_int_equal(gets[ONE], 2);
}

/* -- what answers -- */

static void from_server(uint16_t id, const struct coapmake *m)
{
	const struct path way = { servers[v6][id], PORT, devices[v6], 40000 };
	struct frame in = frame_udp(&way, m->bytes, m->len), out;

	assert_int_equal(bed_run(bed, &in, &out), XDP_REDIRECT);
}

/* A notification of Observe (RFC 7641). */
static void notifies(uint16_t id, uint8_t type, uint16_t mid)
{
	struct coapmake m = coapmake(type, 0x45, mid, 4);

	coapmake_option(&m, 6, "\x07", 1);
	coapmake_payload(&m, "23.5");
	from_server(id, &m);
}

static uint16_t answers(uint8_t type, uint16_t mid)
{
	struct coapmake m = coapmake(type, 0, mid, 0);

	return sent_from(40000, &m, XDP_REDIRECT);
}

static uint32_t remembered(void)
{
	return bed->states[FRONT].exchanges;
}

static void test_an_ack_goes_to_whom_it_answers(void **state)
{
	(void)state;
	notifies(ONE, MAKE_CON, 1);
	notifies(TWO, MAKE_CON, 2);
	notifies(THREE, MAKE_NON, 3);
	notifies(FRONT, MAKE_CON, 4);
	assert_int_equal(remembered(), 3);
	assert_int_equal(bed->states[ONE].exchanges, 0);
	assert_int_equal(answers(MAKE_ACK, 2), TWO);
	assert_int_equal(answers(MAKE_ACK, 1), ONE);
	assert_int_equal(answers(MAKE_RST, 3), THREE);
	assert_int_equal(answers(MAKE_ACK, 4), FRONT);
	assert_int_equal(remembered(), 0); /* that was the last of each */
	assert_int_equal(answers(MAKE_ACK, 1), FRONT);
	notifies(ONE, MAKE_CON, 1); /* the ACK was lost behind us */
	assert_int_equal(answers(MAKE_ACK, 1), ONE);
	assert_int_equal(bed_row(bed, AFF_EXCHANGE), 4);
}

static void test_an_ack_to_one_that_is_gone_is_the_fronts(void **state)
{
	(void)state;
	notifies(ONE, MAKE_CON, 1);
	bed->instances[ONE].flags = SL_I_DOWN;
	assert_int_equal(answers(MAKE_ACK, 1), FRONT);
	bed->instances[ONE].flags = 0;
	bed->instances[ONE].generation++;
	assert_int_equal(answers(MAKE_ACK, 1), FRONT);
	bed->instances[ONE].generation--;
	assert_int_equal(answers(MAKE_ACK, 1), ONE);
}

/* A device may answer what it is asked later, by a message of its own (RFC 7252 5.2.2). */
static void test_a_response_goes_to_who_has_asked(void **state)
{
	struct coapmake question = coapmake(MAKE_CON, 2, 9, 4),
			tells = coapmake(MAKE_CON, 0x44, 77, 4);
	struct coapmake at_once = coapmake(MAKE_ACK, 0x44, 9, 4);

	(void)state;
	coapmake_path(&question, "/notify");
	goes_to(&tells, GUESTS, FRONT); /* nobody has */
	from_server(TWO, &question);
	assert_int_equal(remembered(), 2);
	assert_int_equal(sent_from(40000, &at_once, XDP_REDIRECT), TWO);
	assert_int_equal(sent_from(40000, &tells, XDP_REDIRECT), TWO);
	assert_int_equal(sent_from(40000, &tells, XDP_REDIRECT), TWO);
	assert_int_equal(sent_from(40001, &tells, XDP_REDIRECT), FRONT); /* another device */
	notifies(ONE, MAKE_CON, 10);					 /* is no request */
	assert_int_equal(sent_from(40000, &tells, XDP_REDIRECT), TWO);
}

/* What a server repeats until it is answered finds room longer than what it does not. */
static void test_room_for_what_must_be_answered(void **state)
{
	(void)state;
	for (uint16_t mid = 1; mid <= BUDGET; mid++)
		notifies(ONE, MAKE_NON, mid);
	assert_int_equal(remembered(), BUDGET / 2);
	for (uint16_t mid = 101; mid <= 100 + BUDGET; mid++)
		notifies(ONE, MAKE_CON, mid);
	assert_int_equal(remembered(), BUDGET);
	assert_int_equal(bed_note(bed, SL_N_SENDER_FULL), BUDGET / 2 + BUDGET / 2);
	assert_int_equal(answers(MAKE_ACK, 100 + BUDGET / 2), ONE);
	assert_int_equal(answers(MAKE_ACK, 100 + BUDGET / 2 + 1), FRONT);
	notifies(ONE, MAKE_CON, 100 + BUDGET / 2 + 1);
	assert_int_equal(answers(MAKE_ACK, 100 + BUDGET / 2 + 1), ONE);
}

/* -- what the node says itself -- */

/* A tenant's response to a path of a pool's: what the node has none for goes to the pool. */
static void test_a_response_is_given_or_the_pool_is_asked(void **state)
{
	const struct sl_response_key key = { .tenant = GUESTS, .number = 1 };
	const struct sl_response said = {
		.len = 2, .sum = 0x61ff, .format = SL_FORMAT_NONE, .body = { 0xff, 'a' }
	};
	const uint32_t ids[] = { GUESTS, 0 };
	struct coapmake m = request(1, NULL, "/a/core", -1);
	uint64_t parent = trie_string(bed, 0, SL_T_RESPONSE, ids, sizeof(ids), 0);

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	trie_path(bed, 0, parent, "/a/core", 1);
	bed_update(bed->skel->maps.sl_responses, &key, &said);
	sent_from(40000, &m, XDP_TX);
	assert_int_equal(bed_reason(bed, SL_R_ANSWERED_STATIC), 1);
	m = request(1, NULL, "/a/core", -1); /* another format than there is */
	coapmake_option(&m, 17, "\x28", 1);
	goes_to(&m, GUESTS, ONE);
	of_path("/a", ONE);
	of_path("/core", FRONT);
}

/* A source is asked who it is by the front, whatever it wants; and before it is counted. */
static void test_a_source_proves_itself_to_the_front(void **state)
{
	struct sl_service_key key = { .addr = addr_of(vips[v6]),
				      .port = htons(PORT),
				      .proto = IPPROTO_UDP };
	int fd = bpf_map__fd(bed->skel->maps.sl_services);
	struct coapmake m = request(1, NULL, "/a", -1);
	struct sl_service front;

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	of_path("/a", ONE);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &front), 0);
	front.echo_s = 60;
	bed_update(bed->skel->maps.sl_services, &key, &front);
	sent_from(40000, &m, XDP_TX);
	assert_int_equal(bed_reason(bed, SL_R_CHALLENGED), 1);
	notifies(ONE, MAKE_CON, 1);
	assert_int_equal(answers(MAKE_ACK, 1), ONE); /* is no request */
}

/* -- while a pool's slots are in transition -- */

/* ONE's instance drains, THREE's takes its place in the pool: what observes at ONE stays. */
static void test_an_observation_stays_while_its_pool_drains(void **state)
{
	struct sl_slot *slot = &bed->slots[pool_slot(ONE)];
	struct coapmake again = coapmake(MAKE_CON, 1, 50, 4), other = request(1, NULL, "/a", -1);
	struct coapmake separate = coapmake(MAKE_CON, 0x45, 8, 4);

	(void)state;
	trie_route(bed, 0, FRONT, "/a", (struct sl_route_rule){}, ONE);
	of_path("/a", ONE);
	*slot = (struct sl_slot){ .cur = THREE, .prev = ONE, .deadline = bed_now_s() + 50 };
	bed->states[ONE].unsettled |= SL_U_SLOTS;
	notifies(ONE, MAKE_CON, 1); /* makes a pin in the pool */
	assert_int_equal(answers(MAKE_ACK, 1), ONE);
	assert_int_equal(bed_row(bed, AFF_SENDER_NEW), 1);
	from_server(THREE, &separate);
	assert_int_equal(answers(MAKE_ACK, 8), THREE);
	from_server(ONE, &separate);
	assert_int_equal(answers(MAKE_ACK, 8), ONE);
	assert_int_equal(bed_row(bed, AFF_SENDER_OWN), 0); /* once is enough */
	coapmake_option(&again, 6, "", 0);		   /* registers again */
	coapmake_path(&again, "/a");
	assert_int_equal(sent_from(40000, &again, XDP_REDIRECT), ONE);
	assert_int_equal(sent_from(40000, &other, XDP_REDIRECT), ONE);
	assert_int_equal(sent_from(40009, &other, XDP_REDIRECT), THREE); /* a new device */
	*slot = (struct sl_slot){ .cur = THREE, .prev = ONE, .deadline = 1 };
	notifies(ONE, MAKE_CON, 2);
	assert_int_equal(answers(MAKE_ACK, 2), ONE);
	assert_int_equal(sent_from(40000, &again, XDP_REDIRECT), ONE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_longest_path_has_a_request),
		T(test_rules_of_one_path),
		T(test_what_hides_its_path_stays),
		T(test_what_hides_its_path_is_still_what_it_is),
		T(test_what_has_no_path_stays),
		T(test_privileges_and_quotas_of_pools),
		T(test_a_pool_without_instances_has_its_requests),
		T(test_kinds_are_the_pools),
		T(test_a_response_is_given_or_the_pool_is_asked),
		T(test_a_source_proves_itself_to_the_front),
		T(test_an_ack_goes_to_whom_it_answers),
		T(test_an_ack_to_one_that_is_gone_is_the_fronts),
		T(test_a_response_goes_to_who_has_asked),
		T(test_room_for_what_must_be_answered),
		T(test_an_observation_stays_while_its_pool_drains),
	};
	int failed = 0;

	network_make();
	for (v6 = 0; v6 < 2; v6++)
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed;
}
