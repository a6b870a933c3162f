// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose a CoAP request is by what it says, and which paths its tenant may use: through
 * the loaded program, which goes on in sl_xdp_content. Who was charged is read from the
 * accounts; random messages are compared with a plain reference.
 */
#include "network.h"
#include "coapmake.h"
#include "trie.h"

#define VIP  "203.0.113.10"
#define VIP6 "2001:db8:ffff::10"
#define PORT 5683

enum {
	GUESTS = 1,
	ACME,
	GLOBEX,
	INITECH,
	N_TENANTS
};

static const struct path paths[] = { { "198.51.100.1", 40000, VIP, PORT },
				     { "2001:db8:5::1", 40000, VIP6, PORT } };

static struct bed *bed;

static void account(uint32_t tenant, struct sl_account value)
{
	for (uint16_t service = 1; service <= 2; service++) {
		value.id = tenant * 2 + service;
		bed_account(bed, tenant, service, value);
	}
}

static int setup_flags(void **state, uint8_t flags)
{
	static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11",
									    "2001:db8:1::11" };

	bed_open(state);
	bed = *state;
	for (int i = 0; i < 2; i++) {
		struct bed_service s = { .vip = vips[i],
					 .port = PORT,
					 .proto = IPPROTO_UDP,
					 .protocol = SL_P_COAP,
					 .flags = SL_SVC_CONTENT | flags,
					 .tenant = GUESTS,
					 .ring_size = 1,
					 .instance = 1 + i };
		uint16_t id = bed_service(bed, &s, NULL);

		bed_instance(bed, &(struct bed_instance){ 1 + i, addrs[i], PORT, vips[i], PORT,
							  IPPROTO_UDP, id, 77, 1500 });
	}
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		account(t, (struct sl_account){});
	return 0;
}

static int setup(void **state)
{
	return setup_flags(state, SL_SVC_IDENTIFY);
}

/* The service's tenant is fixed; paths are looked at nevertheless. */
static int setup_fixed(void **state)
{
	return setup_flags(state, 0);
}

static int setup_strict(void **state)
{
	return setup_flags(state, SL_SVC_IDENTIFY | SL_SVC_DROP_MALFORMED);
}

static void host_is(const char *host, uint32_t tenant)
{
	trie_string(bed, 0, SL_T_COAP_HOST, host, strlen(host), tenant);
}

static void originator_is(const char *name, uint32_t tenant)
{
	trie_string(bed, 0, SL_T_ORIGINATOR, name, strlen(name), tenant);
}

static uint64_t admitted(uint32_t tenant, int v6)
{
	return bed_hot(bed, tenant * 2 + 1 + v6).packets;
}

/* Run it; returns whose it was, 0: it was not admitted. */
static uint32_t run(int v6, const struct coapmake *m, int want)
{
	struct frame in = frame_udp(&paths[v6], m->bytes, m->len);
	uint64_t before[N_TENANTS], all = bed_all_reasons(bed);
	uint32_t whose = 0;

	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		before[t] = admitted(t, v6);
	assert_int_equal(bed_run(bed, &in, NULL), want);
	assert_int_equal(bed_all_reasons(bed), all + 1);
	for (uint32_t t = GUESTS; t < N_TENANTS; t++) {
		if (admitted(t, v6) == before[t])
			continue;
		assert_int_equal(admitted(t, v6), before[t] + 1);
		assert_int_equal(whose, 0);
		whose = t;
	}
	return whose;
}

static struct coapmake get(void)
{
	return coapmake(MAKE_CON, 1, 0x1234, 4);
}

static uint32_t of_host(int v6, const char *host)
{
	struct coapmake m = get();

	coapmake_text(&m, MAKE_URI_HOST, host);
	coapmake_path(&m, "/temp");
	return run(v6, &m, XDP_REDIRECT);
}

static uint32_t of_path(const char *path)
{
	struct coapmake m = get();

	coapmake_path(&m, path);
	return run(0, &m, XDP_REDIRECT);
}

static void test_a_host_names_a_tenant(void **state)
{
	(void)state;
	host_is("acme.example", ACME);
	host_is("globex.example", GLOBEX);
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(of_host(v6, "acme.example"), ACME);
		assert_int_equal(of_host(v6, "globex.example"), GLOBEX);
		assert_int_equal(of_host(v6, "ACME.eXample"), ACME);
		assert_int_equal(of_host(v6, "acme.exampl"), GUESTS);
		assert_int_equal(of_host(v6, "acme.example."), GUESTS);
		assert_int_equal(of_host(v6, "acme.exampl\x25"), GUESTS); /* 'e' less 64 */
		assert_int_equal(of_host(v6, "xacme.example"), GUESTS);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 8);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
}

/* Letters alone have two forms: of all other bytes each is itself only. */
static void test_only_letters_are_made_small(void **state)
{
	struct sl_trie_key key = { .parent = SL_T_COAP_HOST, .len = 1 };

	(void)state;
	for (int c = 1; c < 256; c++) {
		char small = c >= 'A' && c <= 'Z' ? c + 32 : c;

		host_is((char[]){ small, 0 }, ACME);
		for (int other = 1; other < 256; other++) {
			char folded = other >= 'A' && other <= 'Z' ? other + 32 : other;

			if ((other ^ c) & ~32 && other % 16) /* the rest by sample */
				continue;
			assert_int_equal(of_host(0, (char[]){ other, 0 }),
					 folded == small ? ACME : GUESTS);
		}
		key.text[0] = small;
		bpf_map_delete_elem(bpf_map__fd(bed->skel->maps.sl_trie), &key);
	}
}

/* At the chunks' ends, and one byte off. */
static void test_names_of_any_length(void **state)
{
	static const size_t lengths[] = { 1, 21, 22, 23, 43, 44, 45, 66, 67, 87, 88 };
	char name[SL_IDENTITY_MAX + 3];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(lengths); i++) {
		memset(name, 'a' + i, sizeof(name));
		name[lengths[i]] = 0;
		host_is(name, ACME);
		assert_int_equal(of_host(0, name), ACME);
		name[lengths[i] - 1] = 'z'; /* its last byte counts */
		assert_int_equal(of_host(0, name), GUESTS);
		name[lengths[i] - 1] = 'a' + i;
		name[lengths[i]] = 'a' + i;
		name[lengths[i] + 1] = 0;
		assert_int_equal(of_host(0, name), GUESTS);
		if (lengths[i] == 1)
			continue;
		name[lengths[i] - 1] = 0;
		assert_int_equal(of_host(0, name), GUESTS);
	}
}

static void test_the_longest_path_names_a_tenant(void **state)
{
	static const char long_path[] = "/a.segment.that.is.longer.than.a.chunk/of.the.trie";

	(void)state;
	trie_path(bed, 0, SL_T_COAP_PATH, "/acme", ACME);
	trie_path(bed, 0, SL_T_COAP_PATH, "/acme/lent/globex", GLOBEX);
	trie_path(bed, 0, SL_T_COAP_PATH, long_path, INITECH);
	trie_path(bed, 0, SL_T_COAP_PATH, "/1/2/3/4/5/6/7/8", INITECH);
	assert_int_equal(of_path("/acme"), ACME);
	assert_int_equal(of_path("/acme/temp"), ACME);
	assert_int_equal(of_path("/acme/lent"), ACME);
	assert_int_equal(of_path("/acme/lent/globex"), GLOBEX);
	assert_int_equal(of_path("/acme/lent/globex/temp/1/2/3/4/5/6"), GLOBEX);
	assert_int_equal(of_path("/acme/lent/globe"), ACME);
	assert_int_equal(of_path(long_path), INITECH);
	assert_int_equal(of_path("/1/2/3/4/5/6/7/8"), INITECH);
	assert_int_equal(of_path("/1/2/3/4/5/6/7/8/9"), INITECH);
	assert_int_equal(of_path("/1/2/3/4/5/6/7"), GUESTS);
	assert_int_equal(of_path("/ACME"), GUESTS); /* case matters (RFC 7252 6.1) */
	assert_int_equal(of_path("/acm"), GUESTS);
	assert_int_equal(of_path("/acmee"), GUESTS);
	assert_int_equal(of_path("/x/acme"), GUESTS);
	assert_int_equal(of_path("//acme"), GUESTS);
	assert_int_equal(of_path("/"), GUESTS);
}

/* What is harder to forge comes first. */
static void test_what_comes_first(void **state)
{
	static const uint32_t whose[] = { ACME, GLOBEX, INITECH, GUESTS };
	struct coapmake m;

	(void)state;
	originator_is("CAdmin", ACME);
	host_is("globex.example", GLOBEX);
	trie_path(bed, 0, SL_T_COAP_PATH, "/initech", INITECH);
	for (int i = 0; i < 4; i++) {
		m = get();
		if (i < 2)
			coapmake_text(&m, MAKE_URI_HOST, "globex.example");
		coapmake_path(&m, i < 3 ? "/initech" : "/");
		coapmake_text(&m, MAKE_URI_QUERY, "q=1");
		if (!i)
			coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
		if (i)
			coapmake_text(&m, MAKE_ORIGINATOR, "cadmin"); /* another */
		assert_int_equal(run(0, &m, XDP_REDIRECT), whose[i]);
	}
	/* The first host counts (RFC 7252 5.4.5). */
	m = get();
	coapmake_text(&m, MAKE_URI_HOST, "globex.example");
	coapmake_text(&m, MAKE_URI_HOST, "other.example");
	assert_int_equal(run(0, &m, XDP_REDIRECT), GLOBEX);
	m = get();
	coapmake_text(&m, MAKE_URI_HOST, "other.example");
	coapmake_text(&m, MAKE_URI_HOST, "globex.example");
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
}

static void test_the_other_bank_is_not_looked_at(void **state)
{
	(void)state;
	trie_string(bed, 1, SL_T_COAP_HOST, "acme.example", 12, ACME);
	trie_path(bed, 1, SL_T_COAP_PATH, "/acme", ACME);
	assert_int_equal(of_host(0, "acme.example"), GUESTS);
	assert_int_equal(of_path("/acme"), GUESTS);
}

/* Only requests say who they are. */
static void test_all_but_requests_are_the_default_tenants(void **state)
{
	static const struct {
		uint8_t type, code;
	} not [] = { { MAKE_CON, 0 },	 { MAKE_ACK, 0 },    { MAKE_RST, 0 },
		     { MAKE_CON, 0x45 }, { MAKE_NON, 0x45 }, { MAKE_ACK, 0x45 } };

	(void)state;
	host_is("acme.example", ACME);
	for (size_t i = 0; i < SL_ARRAY_SIZE(not ); i++) {
		struct coapmake m = coapmake(not [i].type, not [i].code, 7, 0);

		if (not [i].code)
			coapmake_text(&m, MAKE_URI_HOST, "acme.example");
		assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
	for (uint8_t code = 1; code < 32; code++) {
		struct coapmake m = coapmake(MAKE_NON, code, 7, 8);

		coapmake_text(&m, MAKE_URI_HOST, "acme.example");
		assert_int_equal(run(0, &m, XDP_REDIRECT), ACME);
	}
}

/* Options that are not looked at may name anybody. */
static void test_what_cannot_be_read_is_unknown(void **state)
{
	char filler[SL_CONTENT_BYTES];
	struct coapmake m = get();

	(void)state;
	memset(filler, 'f', sizeof(filler));
	host_is("acme.example", ACME);
	originator_is("CAdmin", GLOBEX);
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	coapmake_option(&m, MAKE_URI_QUERY, filler, sizeof(filler));
	coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
	assert_int_equal(run(0, &m, XDP_REDIRECT), ACME); /* what was read holds */
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
	m = get();
	coapmake_option(&m, MAKE_URI_QUERY, filler, sizeof(filler));
	coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 1);
	/* More options than are walked. */
	m = get();
	for (int i = 0; i < SL_COAP_OPTIONS; i++)
		coapmake_option(&m, MAKE_URI_QUERY, "a", 1);
	coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 2);
	/* A payload does not matter, nor options behind the originator's. */
	m = get();
	coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
	coapmake_option(&m, 65000, filler, sizeof(filler));
	coapmake_payload(&m, "and more");
	assert_int_equal(run(0, &m, XDP_REDIRECT), GLOBEX);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
}

static void test_malformed_is_nobodys(void **state)
{
	struct coapmake m = get();

	(void)state;
	host_is("acme.example", ACME);
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	m.bytes[m.len++] = 0xff; /* a marker and nothing behind it */
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 1);
}

/* It opens nothing: neither connections nor room for half-open pins are its to use. */
static void test_malformed_is_no_opener(void **state)
{
	struct coapmake m = { .len = 4 };

	(void)state;
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	assert_int_equal(bed_hot(bed, GUESTS * 2 + 1).connections, 0);
}

static void test_malformed_is_dropped(void **state)
{
	struct coapmake m = get();

	(void)state;
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	m.bytes[m.len++] = 0xff;
	assert_int_equal(run(0, &m, XDP_DROP), 0);
	assert_int_equal(bed_reason(bed, SL_R_COAP_NO_PAYLOAD), 1);
}

static void test_a_quota_is_the_named_tenants(void **state)
{
	struct sl_account a = { .quota_mask = 1 << SL_Q_MESSAGES, .limit = 1 };

	(void)state;
	a.cost[SL_Q_MESSAGES] = 3600 * 1000000000ull * SL_TAT_PER_NS;
	account(ACME, a);
	host_is("acme.example", ACME);
	host_is("globex.example", GLOBEX);
	for (int i = 0; i < 5; i++) {
		struct coapmake m = get();

		coapmake_text(&m, MAKE_URI_HOST, "acme.example");
		assert_int_equal(run(0, &m, i ? XDP_DROP : XDP_REDIRECT), i ? 0 : ACME);
		assert_int_equal(of_host(0, "globex.example"), GLOBEX);
		assert_int_equal(of_host(0, "nobody.example"), GUESTS);
	}
	assert_int_equal(bed_reason(bed, SL_R_TENANT_MESSAGES), 4);
}

/* -- paths that a tenant may use -- */

static void allow(uint32_t tenant, const char *path)
{
	trie_path(bed, 0, trie_allow(bed, 0, tenant, false), path, 1);
}

/* Of acme; what becomes of it. */
static int of_acme(const struct coapmake *asked)
{
	struct frame in = frame_udp(&paths[0], asked->bytes, asked->len);

	return bed_run(bed, &in, NULL);
}

static struct coapmake acme_get(const char *path)
{
	struct coapmake m = get();

	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	coapmake_path(&m, path);
	return m;
}

static void test_paths_that_are_allowed(void **state)
{
	static const struct {
		const char *path;
		bool allowed;
	} cases[] = {
		{ "/acme", true },
		{ "/acme/temp", true },
		{ "/shared/time", true },
		{ "/shared/time/1", true },
		{ "/shared", false },
		{ "/shared/timex", false },
		{ "/", false },
		{ "/globex", false },
		{ "/acme/../globex", false },
		{ "/acme/.", false },
		{ "/acme/..x", true },
		{ "//acme", false },
		{ "/acme/1/2/3/4/5/6/7/8/9", true },
		{ "/acme/1/2/3/4/5/6/7/..", false },
		{ "/Acme", false },
	};

	(void)state;
	host_is("acme.example", ACME);
	allow(ACME, "/acme");
	allow(ACME, "/shared/time");
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		struct coapmake m = acme_get(cases[i].path);

		if (of_acme(&m) != (cases[i].allowed ? XDP_REDIRECT : XDP_DROP))
			fail_msg("%s is %s", cases[i].path,
				 cases[i].allowed ? "not allowed" : "allowed");
		/* Others may use what they like. */
		m = get();
		coapmake_path(&m, cases[i].path);
		assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
	}
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 9);
	trie_allow(bed, 0, ACME, true);
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		bool dots = strstr(cases[i].path, "/.") && !strstr(cases[i].path, "/..x");
		struct coapmake m = acme_get(cases[i].path);

		assert_int_equal(of_acme(&m), dots ? XDP_DROP : XDP_REDIRECT);
	}
}

static void test_no_way_around_a_path(void **state)
{
	char filler[SL_CONTENT_BYTES];
	struct coapmake m;

	(void)state;
	memset(filler, 'f', sizeof(filler));
	host_is("acme.example", ACME);
	allow(ACME, "/acme");
	allow(GUESTS, "/acme");
	m = acme_get("/acme");
	coapmake_text(&m, MAKE_PROXY_URI, "coap://10.0.1.11/globex");
	assert_int_equal(of_acme(&m), XDP_DROP);
	m = acme_get("/acme");
	coapmake_text(&m, MAKE_PROXY_SCHEME, "coap");
	assert_int_equal(of_acme(&m), XDP_DROP);
	m = acme_get("/acme");
	coapmake_option(&m, MAKE_URI_PATH, filler, sizeof(filler)); /* what follows is not seen */
	coapmake_text(&m, MAKE_PROXY_SCHEME, "coap");
	assert_int_equal(of_acme(&m), XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 3);
	m = acme_get(
		"/acme"); /* malformed, and passes the service: but not this tenant's privilege */
	m.bytes[m.len++] = 0xff;
	assert_int_equal(of_acme(&m), XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 3);
	assert_int_equal(bed_reason(bed, SL_R_COAP_NO_PAYLOAD), 1);
	m = get(); /* what OSCORE has outside is not what the server serves */
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	coapmake_option(&m, MAKE_OSCORE, "\x09\x14\xff", 3);
	coapmake_path(&m, "/acme");
	assert_int_equal(of_acme(&m), XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 4);
	/* What is no request has no path. */
	m = coapmake(MAKE_ACK, 0, 7, 0);
	assert_int_equal(run(0, &m, XDP_REDIRECT), GUESTS);
}

static void test_a_fixed_tenant_is_not_asked_for(void **state)
{
	struct coapmake m;

	(void)state;
	host_is("acme.example", ACME);
	allow(GUESTS, "/temp");
	assert_int_equal(of_host(0, "acme.example"), GUESTS);
	m = acme_get("/acme");
	assert_int_equal(run(0, &m, XDP_DROP), 0);
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 1);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
}

static void test_a_path_that_is_not_allowed_gets_403(void **state)
{
	struct sl_account a = { .excess = SL_X_ANSWER };

	(void)state;
	account(ACME, a);
	host_is("acme.example", ACME);
	allow(ACME, "/acme");
	for (int v6 = 0; v6 < 2; v6++) {
		struct coapmake m = acme_get("/globex");
		struct frame in = frame_udp(&paths[v6], m.bytes, m.len), out;

		assert_int_equal(bed_run(bed, &in, &out), XDP_TX);
		assert_int_equal(out.len, in.payload + 8);
		assert_memory_equal(out.bytes + in.payload, "\x64\x83\x12\x34\x11\x11\x11\x11", 8);
		m = acme_get("/globex");
		m.bytes[0] = MAKE_NON | 4;
		in = frame_udp(&paths[v6], m.bytes, m.len);
		assert_int_equal(bed_run(bed, &in, NULL), XDP_DROP);
	}
	assert_int_equal(bed_reason(bed, SL_R_ANSWERED_PATH), 2);
	assert_int_equal(bed_reason(bed, SL_R_PATH_NOT_ALLOWED), 2);
}

/* -- against a reference -- */

#define RANDOM_MESSAGES 20000

static const char *const names[] = { "a", "b", "aa", "ab", "a.name.that.is.longer.than.22.bytes" };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Which names are whose: by all three ways. */
struct reference {
	uint32_t host[SL_ARRAY_SIZE(names)], originator[SL_ARRAY_SIZE(names)];
	uint32_t path[SL_ARRAY_SIZE(names) + 1]
		     [SL_ARRAY_SIZE(names)]; /* [first + 1][second]; [0]: one alone */
};

static void reference_make(struct reference *r, uint32_t *seed)
{
	char path[128];

	for (size_t i = 0; i < SL_ARRAY_SIZE(names); i++) {
		r->host[i] = next_random(seed) % N_TENANTS;
		r->originator[i] = next_random(seed) % N_TENANTS;
		if (r->host[i])
			host_is(names[i], r->host[i]);
		if (r->originator[i])
			originator_is(names[i], r->originator[i]);
		for (size_t k = 0; k <= SL_ARRAY_SIZE(names); k++) {
			r->path[k][i] = next_random(seed) % N_TENANTS;
			if (!r->path[k][i])
				continue;
			snprintf(path, sizeof(path), "%s%s/%s", k ? "/" : "", k ? names[k - 1] : "",
				 names[i]);
			trie_path(bed, 0, SL_T_COAP_PATH, path, r->path[k][i]);
		}
	}
}

/* A random request, and whose it must be. */
static uint32_t reference_request(const struct reference *r, struct coapmake *m, uint32_t *seed)
{
	uint32_t n = SL_ARRAY_SIZE(names), pick[4], whose = 0;
	bool has[4];

	*m = coapmake(MAKE_CON, 1 + next_random(seed) % 7, next_random(seed),
		      next_random(seed) % 9);
	for (int i = 0; i < 4; i++) {
		pick[i] = next_random(seed) % n;
		has[i] = next_random(seed) % 3;
	}
	if (has[0])
		coapmake_text(m, MAKE_URI_HOST, names[pick[0]]);
	if (next_random(seed) % 2)
		coapmake_option(m, 6, "", 0); /* Observe */
	if (has[1])
		coapmake_text(m, MAKE_URI_PATH, names[pick[1]]);
	if (has[1] && has[2])
		coapmake_text(m, MAKE_URI_PATH, names[pick[2]]);
	for (uint32_t k = next_random(seed) % 4; k; k--)
		coapmake_text(m, MAKE_URI_QUERY, names[next_random(seed) % n]);
	if (has[3])
		coapmake_text(m, MAKE_ORIGINATOR, names[pick[3]]);
	if (next_random(seed) % 2)
		coapmake_payload(m, "\xb3payload");
	if (has[3])
		whose = r->originator[pick[3]];
	if (!whose && has[0])
		whose = r->host[pick[0]];
	if (!whose && has[1] && has[2])
		whose = r->path[pick[1] + 1][pick[2]];
	if (!whose && has[1])
		whose = r->path[0][pick[1]];
	return whose ? whose : GUESTS;
}

static void test_random_requests_against_a_reference(void **state)
{
	uint32_t seed = 1, seen[N_TENANTS] = {};
	struct reference r;

	(void)state;
	reference_make(&r, &seed);
	for (int i = 0; i < RANDOM_MESSAGES; i++) {
		struct coapmake m;
		uint32_t want = reference_request(&r, &m, &seed);

		assert_int_equal(run(i & 1, &m, XDP_REDIRECT), want);
		seen[want]++;
	}
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		assert_true(seen[t] > RANDOM_MESSAGES / 20);
}

#define T(name)		      cmocka_unit_test_setup_teardown(name, setup, bed_close)
#define T_SETUP(name, before) cmocka_unit_test_setup_teardown(name, before, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_host_names_a_tenant),
		T(test_only_letters_are_made_small),
		T(test_names_of_any_length),
		T(test_the_longest_path_names_a_tenant),
		T(test_what_comes_first),
		T(test_the_other_bank_is_not_looked_at),
		T(test_all_but_requests_are_the_default_tenants),
		T(test_what_cannot_be_read_is_unknown),
		T(test_malformed_is_nobodys),
		T(test_malformed_is_no_opener),
		T_SETUP(test_malformed_is_dropped, setup_strict),
		T(test_a_quota_is_the_named_tenants),
		T(test_paths_that_are_allowed),
		T(test_no_way_around_a_path),
		T_SETUP(test_a_fixed_tenant_is_not_asked_for, setup_fixed),
		T(test_a_path_that_is_not_allowed_gets_403),
		T(test_random_requests_against_a_reference),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
