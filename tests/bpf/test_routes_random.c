// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Random CoAP requests to a service with routes, and what random changes make of them: each is
 * counted for, and charged to, the tenant that a plain reading of its bytes says, and goes
 * where the plain list of routes says. In both families.
 */
#include <arpa/inet.h>
#include "network.h"
#include "coapmake.h"
#include "coapread.h"
#include "trie.h"

#define PORT	 5683
#define MESSAGES 6000 /* of each family */
#define ROUTES	 24

enum {
	FRONT = 1,
	ONE,
	TWO,
	N_SERVICES
};

enum {
	GUESTS = 1,
	ACME,  /* by host and path; creates CREATABLE alone */
	OTHER, /* by originator; may not use pool TWO */
	N_TENANTS
};

#define ACCOUNT(tenant, service) ((tenant)*4 + (service))
#define CREATABLE		 4

static const char *const servers[2][N_SERVICES] = {
	{ NULL, "10.0.1.11", "10.0.1.12", "10.0.1.13" },
	{ NULL, "2001:db8:1::11", "2001:db8:1::12", "2001:db8:1::13" },
};
static const char *const devices[] = { "198.51.100.1", "2001:db8:5::1" };
static const char *const vips[] = { "203.0.113.10", "2001:db8:ffff::10" };
static const char *const paths[] = { "/", "/a", "/a/b", "/a/b/c", "/b", "/acme" };
static const char *const words[] = { "a", "b", "c", "acme", ".." };

static struct bed *bed;
static int v6;

struct route {
	const char *path;
	struct sl_route_rule rule;
	uint16_t pool;
};

static struct route routes[ROUTES];
static size_t n_routes;

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* -- the world -- */

static void pool_make(uint16_t id)
{
	struct sl_service_key key = SL_POOL_KEY(id);
	struct sl_service value = { .id = id,
				    .protocol = SL_P_COAP,
				    .tenant = GUESTS,
				    .ring_first = bed->next_slot,
				    .ring_size = 1 };

	bed->slots[bed->next_slot++] = (struct sl_slot){ .cur = id };
	bed_update(bed->skel->maps.sl_services, &key, &value);
}

/* No two ask for the same. */
static bool route_is_new(const struct route *r)
{
	for (size_t i = 0; i < n_routes; i++)
		if (routes[i].path == r->path &&
		    !memcmp(&routes[i].rule, &r->rule, sizeof(r->rule)))
			return false;
	return true;
}

static void route_make(uint32_t *seed)
{
	struct route r = { .path = paths[next_random(seed) % SL_ARRAY_SIZE(paths)],
			   .pool = ONE + next_random(seed) % 2 };

	r.rule.sort = next_random(seed) % SL_ROUTE__SORTS;
	if (r.rule.sort & SL_ROUTE_TYPE)
		r.rule.type = 3 + next_random(seed) % 2;
	if (r.rule.sort & SL_ROUTE_METHOD)
		r.rule.method = 1 + next_random(seed) % 4;
	if (r.rule.sort & SL_ROUTE_TENANT)
		r.rule.tenant = GUESTS + next_random(seed) % (N_TENANTS - GUESTS);
	if (!route_is_new(&r))
		return;
	trie_route(bed, 0, FRONT, r.path, r.rule, r.pool);
	routes[n_routes++] = r;
}

/* All messages are charged for, and none is too many. */
static void account_make(uint32_t tenant, uint16_t service)
{
	bed_account(bed, tenant, service,
		    (struct sl_account){ .id = ACCOUNT(tenant, service),
					 .quota_mask = 1 << SL_Q_MESSAGES,
					 .limit = 1ull << 60,
					 .cost[SL_Q_MESSAGES] = SL_TAT_PER_NS });
}

static void tenants_make(void)
{
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		for (uint16_t s = FRONT; s < N_SERVICES; s++)
			if (t != OTHER || s != TWO)
				account_make(t, s);
	trie_string(bed, 0, SL_T_COAP_HOST, "acme", 4, ACME);
	trie_string(bed, 0, SL_T_COAP_PATH, "acme", 4, ACME);
	trie_string(bed, 0, SL_T_ORIGINATOR, "other", 5, OTHER);
	trie_onem2m(bed, 0, ACME, SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES, CREATABLE);
}

static int setup(void **state)
{
	struct bed_service front = { .vip = vips[v6],
				     .port = PORT,
				     .proto = IPPROTO_UDP,
				     .protocol = SL_P_COAP,
				     .flags = SL_SVC_CONTENT | SL_SVC_IDENTIFY | SL_SVC_ROUTES,
				     .tenant = GUESTS,
				     .ring_size = 1,
				     .instance = FRONT };
	uint32_t seed = 7;

	bed_open(state);
	bed = *state;
	network_target(bed, "dev0");
	assert_int_equal(bed_service(bed, &front, NULL), FRONT);
	for (uint16_t id = FRONT; id < N_SERVICES; id++) {
		if (id != FRONT)
			pool_make(id);
		bed_instance(bed, &(struct bed_instance){ id, servers[v6][id], PORT, vips[v6], PORT,
							  IPPROTO_UDP, id, 77, 1500 });
	}
	tenants_make();
	n_routes = 0;
	for (int i = 0; i < ROUTES; i++)
		route_make(&seed);
	assert_true(n_routes > ROUTES / 2);
	return 0;
}

/* -- what follows from it -- */

static bool is_request(const struct said *s)
{
	return s->kind == SL_K_COAP_MALFORMED ||
	       (s->kind >= SL_K_COAP_GET && s->kind <= SL_K_COAP_OTHER);
}

static uint32_t tenant_of(const struct said *s)
{
	if (!strcmp(s->originator, "other"))
		return OTHER;
	if (!strcasecmp(s->host, "acme"))
		return ACME;
	return s->segments && !strcmp(s->segment[0], "acme") ? ACME : GUESTS;
}

/* How many segments of the request the route's path has; -1: it is not for it. */
static int route_fits(const struct route *r, const struct said *s, uint32_t tenant)
{
	int method = s->kind - SL_K_COAP_GET + 1, n = 0;
	const char *path = r->path;

	if (r->rule.sort & SL_ROUTE_TENANT && r->rule.tenant != tenant)
		return -1;
	if (r->rule.sort & SL_ROUTE_METHOD && (s->hidden || r->rule.method != method))
		return -1;
	if (r->rule.sort & SL_ROUTE_TYPE && (s->hidden || r->rule.type != s->type))
		return -1;
	for (; path[1]; n++) {
		size_t len = strcspn(++path, "/");

		if (s->hidden || n >= s->segments || strlen(s->segment[n]) != len ||
		    memcmp(s->segment[n], path, len))
			return -1;
		path += len;
		if (!*path)
			return n + 1;
	}
	return n;
}

static uint16_t service_of(const struct said *s, uint32_t tenant)
{
	int best = -1;
	uint16_t found = FRONT;

	for (size_t i = 0; is_request(s) && i < n_routes; i++) {
		int fits = route_fits(&routes[i], s, tenant);

		if (fits < 0 || fits * SL_ROUTE__SORTS + routes[i].rule.sort <= best)
			continue;
		best = fits * SL_ROUTE__SORTS + routes[i].rule.sort;
		found = routes[i].pool;
	}
	return found;
}

static enum sl_reason reason_of(const struct said *s, uint32_t tenant, uint16_t service)
{
	if (tenant == OTHER && service == TWO)
		return SL_R_NOT_ALLOWED;
	if (tenant != ACME || !is_request(s))
		return SL_R_STEERED;
	if (s->oscore)
		return SL_R_OPERATION_NOT_ALLOWED;
	if (s->kind != SL_K_COAP_POST || s->type == SAID_NO_TYPE || s->type == CREATABLE)
		return SL_R_STEERED;
	return SL_R_TYPE_NOT_ALLOWED;
}

/* -- messages -- */

static struct coapmake message(uint32_t *seed)
{
	struct coapmake m =
		coapmake(next_random(seed) % 4 ? MAKE_CON : MAKE_NON, 1 + next_random(seed) % 8,
			 next_random(seed), next_random(seed) % 9);
	uint8_t type = 3 + next_random(seed) % 3;

	if (!(next_random(seed) % 3))
		coapmake_text(&m, MAKE_URI_HOST, next_random(seed) % 2 ? "ACME" : "nobody");
	if (!(next_random(seed) % 12))
		coapmake_option(&m, MAKE_OSCORE, "\x09", 1);
	for (uint32_t n = next_random(seed) % 4; n; n--)
		coapmake_text(&m, MAKE_URI_PATH, words[next_random(seed) % SL_ARRAY_SIZE(words)]);
	if (!(next_random(seed) % 12))
		coapmake_text(&m, MAKE_PROXY_SCHEME, "coap");
	for (uint32_t n = next_random(seed) % 5; n > 2; n--, type++)
		coapmake_option(&m, MAKE_RESOURCE_TYPE, &type, 1);
	if (!(next_random(seed) % 3))
		coapmake_text(&m, MAKE_ORIGINATOR, next_random(seed) % 2 ? "other" : "nobody");
	if (next_random(seed) % 2)
		coapmake_payload(&m, "{}");
	return m;
}

static void mutate(struct coapmake *m, uint32_t *seed)
{
	for (uint32_t n = next_random(seed) % 3; n; n--)
		m->bytes[next_random(seed) % m->len] ^= 1 << next_random(seed) % 8;
	if (!(next_random(seed) % 4))
		m->len -= next_random(seed) % m->len;
}

/* -- what became of it -- */

struct counted {
	uint64_t reason[SL_R__MAX], messages[N_TENANTS][N_SERVICES], tat[N_TENANTS];
};

static void count(struct counted *ret)
{
	for (int why = 0; why < SL_R__MAX; why++)
		ret->reason[why] = bed_reason(bed, why);
	for (uint32_t t = GUESTS; t < N_TENANTS; t++) {
		ret->tat[t] = bed->buckets[t].tat[SL_Q_MESSAGES];
		for (uint32_t s = FRONT; s < N_SERVICES; s++)
			ret->messages[t][s] = bed_hot(bed, ACCOUNT(t, s)).messages;
	}
}

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

static enum sl_reason check(const struct coapmake *m)
{
	const struct path way = { devices[v6], 40000, vips[v6], PORT };
	struct frame in = frame_udp(&way, m->bytes, m->len), out;
	struct said said = coapread(m);
	uint32_t tenant = tenant_of(&said);
	uint16_t service = service_of(&said, tenant);
	enum sl_reason want = reason_of(&said, tenant, service);
	bool passes = want == SL_R_STEERED;
	struct counted before, after;

	count(&before);
	assert_int_equal(bed_run(bed, &in, &out), passes ? XDP_REDIRECT : XDP_DROP);
	count(&after);
	for (int why = 0; why < SL_R__MAX; why++)
		assert_int_equal(after.reason[why] - before.reason[why], why == (int)want);
	for (uint32_t t = GUESTS; t < N_TENANTS; t++) {
		assert_int_equal(after.tat[t] != before.tat[t], passes && t == tenant);
		for (uint32_t s = FRONT; s < N_SERVICES; s++)
			assert_int_equal(after.messages[t][s] - before.messages[t][s],
					 passes && t == tenant && s == service);
	}
	if (passes)
		assert_int_equal(server_of(&out), service);
	return want;
}

static void test_random_requests_against_a_reference(void **state)
{
	uint32_t seed = 1, left[SL_R__MAX] = {};

	(void)state;
	for (int i = 0; i < MESSAGES; i++) {
		struct coapmake m = message(&seed);

		if (!(i % 3))
			mutate(&m, &seed);
		left[check(&m)]++;
	}
	assert_true(left[SL_R_STEERED] > MESSAGES / 2);
	assert_true(left[SL_R_NOT_ALLOWED] > MESSAGES / 50);
	assert_true(left[SL_R_TYPE_NOT_ALLOWED] > MESSAGES / 200);
	assert_true(left[SL_R_OPERATION_NOT_ALLOWED] > MESSAGES / 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_requests_against_a_reference, setup,
						bed_close),
	};
	int failed = 0;

	network_make();
	for (v6 = 0; v6 < 2; v6++)
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	return failed;
}
