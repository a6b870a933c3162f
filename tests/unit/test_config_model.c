// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a valid document becomes: every member, every default, the limits of
 * what is accepted, and documents as large as they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/addr.h"
#include "common/cleanup.h"
#include "common/num.h"
#include "config/class.h"
#include "config/identity.h"
#include "config_edit.h"

#define S  NUM_NS_PER_S
#define MS NUM_NS_PER_MS

static struct model *load(const char *text, size_t len)
{
	struct config_error why = {};
	struct model *m = NULL;

	if (config_load_text(text, len, TICK_NS, &m, &why))
		fail_msg("%s", why.text);
	return m;
}

/* base.json with an edit. */
static struct model *load_edit(const char *at, const char *json)
{
	struct config_error why = {};
	struct model *m = NULL;
	cJSON *doc = edit_base();

	if (at)
		edit_set(doc, at, json);
	if (config_load_json(doc, TICK_NS, &m, &why))
		fail_msg("%s = %s: %s", at, json, why.text);
	cJSON_Delete(doc);
	return m;
}

static void assert_addr(const struct sl_addr *addr, const char *want)
{
	char text[ADDR_TEXT];

	assert_string_equal(addr_text(addr, text), want);
}

static void assert_double(double have, double want)
{
	double d = have - want;

	if (d > 1e-9 * want || d < -1e-9 * want)
		fail_msg("%.12g, want %.12g", have, want);
}

static void check_toplevel(const struct model *m)
{
	assert_string_equal(m->node, "edge-7");
	assert_int_equal(m->secret_len, 17);
	for (size_t i = 0; i < m->secret_len; i++)
		assert_int_equal(m->secret[i], i);
	assert_int_equal(m->n_interfaces, 4);
	assert_string_equal(m->interfaces[0].name, "eth0");
	assert_int_equal(m->interfaces[0].mode, MODE_AUTO);
	assert_string_equal(m->interfaces[1].name, "eth1.100");
	assert_int_equal(m->interfaces[1].mode, MODE_NATIVE);
	assert_int_equal(m->interfaces[2].mode, MODE_GENERIC);
	assert_int_equal(m->interfaces[3].mode, MODE_AUTO);
	assert_string_equal(m->metrics_listen, "[::1]:9464");
	assert_int_equal(m->event_sample, 0);
	assert_int_equal(m->event_max, 100);
	assert_int_equal(m->capacity.services, 100);
	assert_int_equal(m->capacity.instances, 200);
	assert_int_equal(m->capacity.tenants, 300);
	assert_int_equal(m->capacity.accounts, 400);
	assert_int_equal(m->capacity.prefixes, 500);
	assert_int_equal(m->capacity.slots, 32768);
	assert_int_equal(m->capacity.pins, 4096);
	assert_int_equal(m->capacity.half_open, 2048);
	assert_int_equal(m->capacity.exchanges, 3000);
	assert_int_equal(m->capacity.device_lines, 1024);
	assert_int_equal(m->capacity.tallies, 5000);
	assert_int_equal(m->capacity.trie, 600);
	assert_int_equal(m->capacity.flows, 2048);
}

static void check_outlier(const struct model_outlier *o, const struct model_outlier *want)
{
	assert_true(o->present);
	assert_int_equal(o->requests, want->requests);
	assert_double(o->answered, want->answered);
	assert_int_equal(o->interval_ns, want->interval_ns);
	assert_int_equal(o->ejection_ns, want->ejection_ns);
	assert_int_equal(o->ejection_max_ns, want->ejection_max_ns);
}

static void check_broker(const struct model_service *s)
{
	const struct model_scaling *sc = &s->scaling;

	assert_string_equal(s->name, "broker");
	assert_addr(&s->addr, "203.0.113.10");
	assert_int_equal(s->port, 1883);
	assert_int_equal(s->protocol, SL_P_MQTT);
	assert_false(s->drop_malformed);
	assert_true(s->track);
	assert_int_equal(s->idle_s, 300);
	assert_int_equal(s->delimiter, ':');
	assert_true(s->latency);
	assert_string_equal(s->tenant, "");
	assert_string_equal(s->default_tenant, "guests");
	assert_int_equal(s->keep_s, 7200);
	assert_int_equal(s->drain_timeout_ns, 1200 * S);
	assert_int_equal(s->half_open_max, 2048);
	assert_true(s->drain_moves);
	assert_double(s->reply_rate, 200);
	assert_int_equal(s->device_key, SL_DK_ENDPOINT);
	assert_int_equal(s->cid.layout, SL_CID_NONE);

	assert_int_equal(s->n_instances, 3);
	assert_string_equal(s->instances[0].name, "mq-1");
	assert_addr(&s->instances[0].addr, "10.0.1.11");
	assert_int_equal(s->instances[0].port, 1883);
	assert_int_equal(s->instances[0].weight, 250);
	assert_int_equal(s->instances[0].admin, ADMIN_UP);
	assert_int_equal(s->instances[1].port, 1884);
	assert_int_equal(s->instances[1].weight, 100);
	assert_int_equal(s->instances[1].admin, ADMIN_DRAINING);
	assert_int_equal(s->instances[2].admin, ADMIN_DOWN);

	assert_int_equal(s->health.probe, PROBE_TCP);
	assert_int_equal(s->health.interval_ns, 5 * S);
	assert_int_equal(s->health.timeout_ns, 250 * MS);
	assert_int_equal(s->health.rise, 4);
	assert_int_equal(s->health.fall, 5);
	assert_double(s->health.min_healthy, 0.25);
	assert_int_equal(s->health.on_down, ON_DOWN_RESET);
	check_outlier(&s->health.outlier, &(struct model_outlier){ .requests = 100,
								   .answered = 0.75,
								   .interval_ns = 10 * S,
								   .ejection_ns = 60 * S,
								   .ejection_max_ns = 600 * S });

	assert_true(sc->present);
	assert_int_equal(sc->min, 2);
	assert_int_equal(sc->max, 8);
	assert_int_equal(sc->step, 3);
	assert_int_equal(sc->target, TARGET_MESSAGES);
	assert_double(sc->target_rate, 20000);
	assert_double(sc->tolerance, 0.2);
	assert_int_equal(sc->up_after_ns, 6 * S);
	assert_int_equal(sc->down_after_ns, 70 * S);
	assert_int_equal(sc->cooldown_ns, 40 * S);
	assert_string_equal(sc->exec, "/usr/lib/sluice/scale");
}

static void check_other_services(const struct model *m)
{
	const struct model_service *s = &m->services[1];

	assert_int_equal(m->n_services, 11);
	assert_int_equal(s->protocol, SL_P_COAP);
	assert_int_equal(s->echo_s, 1200);
	assert_addr(&s->addr, "2001:db8::10");
	assert_true(s->drop_malformed);
	assert_string_equal(s->tenant, "acme");
	assert_string_equal(s->default_tenant, "");
	assert_int_equal(s->keep_s, 10);
	assert_int_equal(s->drain_timeout_ns, 0);
	assert_addr(&s->instances[0].addr, "2001:db8:1::1");
	assert_int_equal(s->scaling.target, TARGET_BYTES);
	assert_double(s->scaling.target_rate, 1.5e6);

	assert_int_equal(m->services[2].protocol, SL_P_MQTTS);
	assert_true(m->services[2].track);
	assert_int_equal(m->services[2].idle_s, 1800); /* as keep */
	assert_int_equal(m->services[2].delimiter, 0);
	assert_false(m->services[4].track);
	assert_int_equal(m->services[4].idle_s, 0);
	assert_int_equal(m->services[2].health.interval_ns, 500 * MS);
	assert_int_equal(m->services[2].health.timeout_ns, 500 * MS); /* the interval */
	assert_int_equal(m->services[2].scaling.target, TARGET_CONNECTIONS);
	assert_double(m->services[2].scaling.target_rate, 10.0 / 60);
	assert_int_equal(m->services[3].protocol, SL_P_UDP);
	assert_int_equal(m->services[3].scaling.target, TARGET_PACKETS);
	assert_int_equal(m->services[4].protocol, SL_P_TCP);
	assert_int_equal(m->services[4].n_instances, 0);
	assert_false(m->services[4].scaling.present);
}

static void check_cid_services(const struct model *m)
{
	static const uint8_t rotations[SL_CID_ROTATIONS] = { [0] = 2, [6] = 4 };
	const struct model_service *s = &m->services[5];
	struct model_outlier o = { .requests = 20,
				   .answered = 0.5,
				   .interval_ns = 5 * S,
				   .ejection_ns = 30 * S,
				   .ejection_max_ns = 300 * S };

	assert_int_equal(s->protocol, SL_P_COAPS);
	assert_true(s->drop_malformed);
	assert_false(s->drain_moves);
	assert_int_equal(s->device_key, SL_DK_CID);
	assert_int_equal(s->cid.layout, SL_CID_QUIC_LB);
	assert_int_equal(s->cid.length, 8);
	assert_memory_equal(s->cid.server_id_length, rotations, sizeof(rotations));
	assert_int_equal(s->cid.tenant_at, 25);
	assert_int_equal(s->cid.tenant_bits, 32);
	assert_true(s->instances[0].has_server_id);
	assert_int_equal(s->instances[0].server_id, 65535);
	assert_true(s->instances[1].has_server_id);
	assert_int_equal(s->instances[1].server_id, 0);
	assert_false(s->instances[2].has_server_id);
	assert_int_equal(s->health.on_down, ON_DOWN_MOVE);
	check_outlier(&s->health.outlier, &o);

	s = &m->services[6];
	assert_int_equal(s->protocol, SL_P_MQTTSN);
	assert_true(s->drop_malformed);
	assert_int_equal(s->device_key, SL_DK_ADDRESS);
	o.ejection_ns = o.ejection_max_ns = 1200 * S;
	check_outlier(&s->health.outlier, &o);

	s = &m->services[7];
	assert_int_equal(s->cid.layout, SL_CID_FIRST_BYTE);
	assert_int_equal(s->cid.length, 1);
	assert_int_equal(s->cid.server_id_length[0], 1);
	assert_int_equal(s->cid.server_id_length[1], 0);
}

static void check_identity(const struct model_identity *i, uint32_t at, const char *bytes,
			   size_t size, const char *text)
{
	char buf[IDENTITY_TEXT];

	assert_int_equal(i->at, at);
	assert_int_equal(i->size, size);
	assert_memory_equal(i->bytes, bytes, size);
	assert_string_equal(identity_text(i, buf), text);
}
#define BYTES(text) text, sizeof(text) - 1

static void check_identities(const struct model_tenant *t)
{
	assert_int_equal(t->n_identities, 7);
	check_identity(&t->identities[0], 2,
		       BYTES("\x01\x0c"
			     "acme.example"),
		       "acme.example");
	check_identity(&t->identities[1], 4,
		       BYTES("\x02\x04"
			     "acme"
			     "\x06"
			     "a/b \xc3\xb6"),
		       "/acme/a%2Fb%20%C3%B6");
	check_identity(&t->identities[2], 6,
		       BYTES("\x03\x06"
			     "CAdmin"),
		       "CAdmin");
	check_identity(&t->identities[3], 7,
		       BYTES("\x07\x05"
			     "acme:"),
		       "acme:");
	check_identity(&t->identities[4], 8,
		       BYTES("\x08\x06"
			     "Pump 7"),
		       "Pump 7");
	check_identity(&t->identities[5], 9,
		       BYTES("\x09\x0c"
			     "acme.example"),
		       "acme.example");
	check_identity(&t->identities[6], 10, BYTES("\x0a\x04\xff\x00\xff\x00"), "4278255360");
	assert_int_equal(t->n_paths, 3);
	check_identity(&t->paths[0], 0,
		       BYTES("\x04\x04"
			     "acme"),
		       "/acme");
	check_identity(&t->paths[1], 1,
		       BYTES("\x04\x06"
			     "shared"
			     "\x04"
			     "time"),
		       "/shared/time");
	check_identity(&t->paths[2], 2, BYTES("\x04"), "/");
}

static void check_classes(const struct model_tenant *t)
{
	assert_int_equal(t->n_classes, 2);
	assert_int_equal(t->classes[0].cls, SL_C_COAP_OBSERVE);
	assert_double(t->classes[0].rate, 100);
	assert_int_equal(t->classes[0].burst_ns, 100 * MS);
	assert_int_equal(t->classes[1].cls, SL_K_MQTT_PUBLISH);
	assert_double(t->classes[1].rate, 0.5);
	assert_int_equal(t->classes[1].burst_ns, 2000 * MS);
	assert_true(t->reset_syn);
}

/* Words and numbers name each other, and each word is of a protocol. */
static void test_class_words(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		const char *word = class_word(i);

		assert_int_equal(class_protocol(i) == SL_P__MAX, !word);
		n += word != NULL;
		if (word && !strncmp(word, "mqttsn.", 7))
			assert_int_equal(class_protocol(i), SL_P_MQTTSN);
	}
	assert_int_equal(n, SL_K__MAX - SL_K_COAP_GET + SL_C__MAX - SL_C__KINDS - 1);
	assert_null(class_word(SL_K_TCP_DATA));
	assert_string_equal(class_word(SL_C_ONEM2M_NOTIFY), "onem2m.notify");
	assert_int_equal(class_protocol(SL_K_TLS_HANDSHAKE), SL_P_MQTTS);
	assert_int_equal(class_protocol(SL_K_DTLS_HANDSHAKE), SL_P_COAPS);
	assert_int_equal(class_protocol(SL_C_LWM2M_REGISTER), SL_P_COAP);
}

static void check_responses(const struct model_tenant *t)
{
	const struct model_response *r = t->responses;

	assert_int_equal(t->n_responses, 2);
	check_identity(&r[0].path, 0,
		       BYTES("\x05\x0b"
			     ".well-known"
			     "\x04"
			     "core"),
		       "/.well-known/core");
	assert_string_equal(r[0].service, "telemetry");
	assert_int_equal(r[0].format, 40);
	assert_int_equal(r[0].max_age_s, 3600);
	assert_string_equal(r[0].payload, "</temp>;rt=\"temperature\"");
	check_identity(&r[1].path, 1, BYTES("\x05"), "/");
	assert_string_equal(r[1].service, "");
	assert_int_equal(r[1].format, SL_FORMAT_NONE);
	assert_int_equal(r[1].max_age_s, 60);
	assert_string_equal(r[1].payload, "a");
}

static void check_routes(const struct model *m)
{
	const struct model_service *s = &m->services[8], *one = &m->services[9],
				   *two = &m->services[10];

	assert_int_equal(s->n_routes, 3);
	assert_false(model_is_pool(s));
	assert_int_equal(s->front, 8);
	check_identity(&s->routes[0].path, 0,
		       BYTES("\x06\x01"
			     "a\x01"
			     "B"),
		       "/a/B");
	assert_int_equal(s->routes[0].method, 7);
	assert_true(s->routes[0].has_type);
	assert_int_equal(s->routes[0].type, 4);
	assert_string_equal(s->routes[0].tenant, "acme");
	assert_int_equal(s->routes[0].tenant_at, 0);
	assert_string_equal(s->routes[0].pool, "pool-2");
	assert_int_equal(s->routes[0].pool_at, 10);
	check_identity(&s->routes[1].path, 1, BYTES("\x06"), "/");
	assert_int_equal(s->routes[1].method, 0);
	assert_false(s->routes[1].has_type);
	assert_string_equal(s->routes[1].tenant, "");
	assert_int_equal(s->routes[1].pool_at, 9);
	check_identity(&s->routes[2].path, 2, BYTES("\x06"), "/"); /* was left out */
	assert_int_equal(s->routes[2].type, 63);

	for (const struct model_service *p = one; p <= two; p++) { /* what is the front's */
		assert_string_equal(p->pool_of, "things");
		assert_int_equal(p->front, 8);
		assert_addr(&p->addr, "203.0.113.11");
		assert_int_equal(p->port, 5683);
		assert_int_equal(p->protocol, SL_P_COAP);
		assert_string_equal(p->default_tenant, "guests");
		assert_string_equal(p->tenant, "");
		assert_true(p->drop_malformed);
		assert_int_equal(p->device_key, SL_DK_ENDPOINT);
		assert_double(p->reply_rate, 50);
	}
	assert_int_equal(one->keep_s, 300);
	assert_int_equal(one->health.probe, PROBE_COAP);
	assert_int_equal(one->n_instances, 0);
	assert_false(one->latency);
	assert_int_equal(two->keep_s, 20);
	assert_true(two->drain_moves);
	assert_int_equal(two->drain_timeout_ns, 60 * S);
	assert_int_equal(two->half_open_max, 100);
	assert_true(two->latency);
	assert_int_equal(two->health.probe, PROBE_NONE);
	assert_int_equal(two->n_instances, 1);
	assert_int_equal(two->scaling.max, 2);
}

static void check_tenants(const struct model *m)
{
	const struct model_tenant *t = &m->tenants[0];
	static const char *const sources[] = { "198.51.100.0/24", "2001:db8:ac::/48", "0.0.0.0/0",
					       "::/0" };
	char text[ADDR_TEXT];

	assert_int_equal(m->n_tenants, 2);
	assert_string_equal(t->name, "acme");
	assert_int_equal(t->n_sources, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(addr_prefix_text(&t->sources[i].addr, t->sources[i].len, text),
				    sources[i]);
	assert_int_equal(t->sources[0].len, 96 + 24);
	assert_int_equal(t->sources[1].len, 48);
	assert_int_equal(t->sources[2].len, 96);
	assert_int_equal(t->sources[3].len, 0);
	assert_int_equal(t->sources[2].at, 3);
	assert_int_equal(t->sources[3].at, 5);
	assert_int_equal(t->n_services, 5);
	assert_string_equal(t->services[0], "broker");
	assert_string_equal(t->services[1], "telemetry");
	assert_double(t->quota.rate[SL_Q_PACKETS], 50000);
	assert_double(t->quota.rate[SL_Q_BYTES], 20e6);
	assert_double(t->quota.rate[SL_Q_MESSAGES], 0.5);
	assert_double(t->quota.rate[SL_Q_CONNECTIONS], 1.0 / 3600);
	assert_int_equal(t->quota.burst_ns, 250 * MS);
	assert_double(t->device_quota.rate[SL_Q_PACKETS], 100);
	assert_double(t->device_quota.rate[SL_Q_BYTES], 1000);
	assert_double(t->device_quota.rate[SL_Q_MESSAGES], 10);
	assert_double(t->device_quota.rate[SL_Q_CONNECTIONS], 1);
	assert_int_equal(t->device_quota.burst_ns, 2 * S);
	assert_int_equal(t->excess, SL_X_MARK);
	assert_int_equal(t->quota.open_max, 70000);
	assert_int_equal(t->device_quota.open_max, 0);
	assert_int_equal(m->tenants[1].quota.open_max, 0);
	assert_int_equal(t->mqtt_denied, 1 << SL_MV_3_1 | 1 << SL_MV_OTHER);
	assert_int_equal(m->tenants[1].mqtt_denied, 0);
	check_classes(t);
	assert_int_equal(m->tenants[1].n_classes, 0);
	assert_false(m->tenants[1].reset_syn);
	assert_int_equal(t->denied, 0xff & ~(1 << 0 | 1 << 6));
	assert_int_equal(m->tenants[1].denied, 0);
	assert_int_equal(t->denied_operations, 1 << SL_OP_CREATE | 1 << SL_OP_UPDATE |
						       1 << SL_OP_DELETE | 1 << SL_OP_OTHER);
	assert_int_equal(t->types, 1ull << 4 | 1ull << 23 | 1ull << 63);
	assert_int_equal(m->tenants[1].denied_operations | m->tenants[1].types, 0);
	assert_int_equal(t->top_table, 1);
	assert_int_equal(m->tenants[1].top_table, 0);
	assert_int_equal(m->tenants[1].excess, SL_X_DROP);
	assert_int_equal(m->tenants[1].n_sources, 0);
	assert_int_equal(m->tenants[1].n_identities, 0);
	assert_int_equal(m->tenants[1].n_paths, 0);
	check_responses(&m->tenants[0]);
	assert_int_equal(m->tenants[1].n_responses, 0);
	assert_int_equal(m->tenants[1].n_services, 0);
}

static void test_every_member(void **state)
{
	size_t len = 0;
	char *text = edit_slurp(CONFIGS "/full.json", &len);
	struct model *m = load(text, len);

	(void)state;
	check_toplevel(m);
	check_broker(&m->services[0]);
	check_other_services(m);
	check_cid_services(m);
	check_tenants(m);
	check_identities(&m->tenants[0]);
	check_routes(m);
	model_free(m);
	model_free(NULL);
	free(text);
}

static void test_defaults(void **state)
{
	struct model *m = load_edit("node", NULL);
	const struct model_service *s = &m->services[0];
	const struct model_scaling *sc = &s->scaling;

	(void)state;
	assert_true(m->node[0]);
	assert_int_equal(m->interfaces[0].mode, MODE_AUTO);
	assert_null(m->metrics_listen);
	assert_int_equal(m->event_sample, 1024);
	assert_int_equal(m->event_max, 1000);
	assert_int_equal(m->capacity.services, SL_DEF_SERVICES);
	assert_int_equal(m->capacity.instances, SL_DEF_INSTANCES);
	assert_int_equal(m->capacity.tenants, SL_DEF_TENANTS);
	assert_int_equal(m->capacity.accounts, SL_DEF_ACCOUNTS);
	assert_int_equal(m->capacity.prefixes, SL_DEF_PREFIXES);
	assert_int_equal(m->capacity.slots, SL_DEF_SLOTS);
	assert_int_equal(m->capacity.pins, SL_DEF_PINS);
	assert_int_equal(m->capacity.half_open, SL_DEF_HALF_OPEN);
	assert_int_equal(m->capacity.exchanges, SL_DEF_EXCHANGES);
	assert_int_equal(m->capacity.device_lines, SL_DEF_DEVICE_LINES);
	assert_int_equal(m->capacity.tallies, SL_DEF_TALLIES);
	assert_int_equal(m->capacity.trie, SL_DEF_TRIE);

	assert_false(s->drop_malformed);
	assert_int_equal(s->drain_timeout_ns, 600 * S);
	assert_int_equal(s->half_open_max, 16384);
	assert_false(s->drain_moves);
	assert_double(s->reply_rate, 1000);
	assert_int_equal(s->device_key, SL_DK_ADDRESS);
	assert_int_equal(s->cid.layout, SL_CID_NONE);
	assert_false(s->instances[0].has_server_id);
	assert_int_equal(s->instances[0].weight, 100);
	assert_int_equal(s->instances[0].admin, ADMIN_UP);
	assert_int_equal(s->health.interval_ns, 2 * S);
	assert_int_equal(s->health.timeout_ns, 1 * S);
	assert_int_equal(s->health.rise, 2);
	assert_int_equal(s->health.fall, 3);
	assert_double(s->health.min_healthy, 0.5);
	assert_int_equal(s->health.on_down, ON_DOWN_KEEP);
	assert_false(s->health.outlier.present);
	assert_false(s->latency);
	assert_int_equal(s->echo_s, 0);
	assert_int_equal(sc->min, 1);
	assert_int_equal(sc->step, 1);
	assert_double(sc->tolerance, 0.1);
	assert_int_equal(sc->up_after_ns, 5 * S);
	assert_int_equal(sc->down_after_ns, 60 * S);
	assert_int_equal(sc->cooldown_ns, 30 * S);
	assert_null(sc->exec);

	assert_int_equal(m->tenants[1].quota.burst_ns, 100 * MS);
	assert_int_equal(m->tenants[1].device_quota.burst_ns, 100 * MS);
	for (int i = 0; i < SL_Q__MAX; i++)
		assert_true(m->tenants[1].quota.rate[i] == 0);
	assert_int_equal(m->tenants[1].excess, SL_X_DROP);
	model_free(m);
}

static void test_defaults_by_protocol(void **state)
{
	static const struct {
		const char *word;
		enum sl_protocol protocol;
		enum model_probe probe;
		uint32_t keep_s;
	} rows[] = {
		{ "\"coap\"", SL_P_COAP, PROBE_COAP, 300 },
		{ "\"coaps\"", SL_P_COAPS, PROBE_NONE, 3600 },
		{ "\"mqttsn\"", SL_P_MQTTSN, PROBE_NONE, 3600 },
		{ "\"udp\"", SL_P_UDP, PROBE_NONE, 300 },
		{ "\"mqtt\"", SL_P_MQTT, PROBE_MQTT, 3600 },
		{ "\"mqtts\"", SL_P_MQTTS, PROBE_TCP, 3600 },
		{ "\"tcp\"", SL_P_TCP, PROBE_TCP, 3600 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model *m = load_edit("services[0].protocol", rows[i].word);

		assert_int_equal(m->services[0].protocol, rows[i].protocol);
		assert_int_equal(m->services[0].health.probe, rows[i].probe);
		assert_int_equal(m->services[0].keep_s, rows[i].keep_s);
		model_free(m);
	}
}

/* Budgets that were left out shrink with the map. */
static void test_pin_budget_fits(void **state)
{
	struct model *m = load_edit("capacity", "{\"half_open\": 2000}");

	(void)state;
	assert_int_equal(m->services[0].half_open_max, 2000);
	model_free(m);
	m = load_edit("capacity", "{\"exchanges\": 1999}");
	assert_int_equal(m->services[0].half_open_max, 1999);
	model_free(m);
}

/* No events at all is said by sample; "unlimited" is any number. */
static void test_event_rates(void **state)
{
	static const struct {
		const char *json;
		uint32_t max;
	} rows[] = {
		{ "{\"max_rate\": \"unlimited\"}", 0 },	 { "{\"max_rate\": \"1/s\"}", 1 },
		{ "{\"max_rate\": \"89/m\"}", 1 },	 { "{\"max_rate\": \"90/m\"}", 2 },
		{ "{\"max_rate\": \"1M/s\"}", 1000000 }, { "{\"sample\": 1}", 1000 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model *m = load_edit("events", rows[i].json);

		assert_int_equal(m->event_max, rows[i].max);
		model_free(m);
	}
}

/* A server id may be 0, and one that is not given is not 0. */
static void test_server_ids(void **state)
{
	struct model *m =
		load_edit("services[2]", CID("20", "\"layout\": \"first-byte\"", "0", "255"));
	const struct model_service *s = &m->services[2];

	(void)state;
	assert_int_equal(s->cid.length, 20);
	assert_true(s->instances[0].has_server_id && s->instances[1].has_server_id);
	assert_int_equal(s->instances[0].server_id, 0);
	assert_int_equal(s->instances[1].server_id, 255);
	assert_false(m->services[0].instances[0].has_server_id);
	model_free(m);
}

#define LONG_22 "1234567890123456789012"
#define LONG_88 LONG_22 LONG_22 LONG_22 LONG_22

/* The last values that are accepted; configs/bad has the first that are not. */
static const struct {
	const char *at, *json;
} limits[] = {
	{ "tenants[0].quota.messages", "\"1/h\"" },
	{ "tenants[0].quota.messages", "\"1G/s\"" },
	{ "tenants[0].quota.messages", "\"60G/m\"" },
	{ "tenants[0].quota.bytes", "\"1B/s\"" },
	{ "tenants[0].quota.bytes", "\"60B/m\"" },
	{ "tenants[0].quota.bytes", "\"3600B/h\"" },
	{ "tenants[0].quota.bytes", "\"100GB/s\"" },
	{ "tenants[0].quota.burst", "\"8ms\"" },
	{ "tenants[0].quota.burst", "\"1h\"" },
	{ "tenants[0].device_quota.messages", "\"1/h\"" },
	{ "tenants[0].device_quota.messages", "\"50k/s\"" },
	{ "tenants[0].device_quota.messages", "\"3M/m\"" },
	{ "tenants[0].device_quota.bytes", "\"50MB/s\"" },
	{ "tenants[0].device_quota.burst", "\"8000us\"" },
	{ "tenants[0].match[0].source", "\"0.0.0.0/0\"" },
	{ "tenants[0].match[0].source", "\"198.51.100.7/32\"" },
	{ "tenants[0].match[0].source", "\"2001:db8::1/128\"" },
	{ "tenants[0].match", "[]" },
	{ "tenants[0].allow", "{}" },
	{ "tenants[0].top_devices", "false" },
	{ "tenants[0].responses", "[]" },
	{ "tenants[1].responses",
	  "[{\"path\": \"/\", \"payload\": \"a\", \"max_age\": \"0s\"}, "
	  "{\"path\": \"/\", \"payload\": \"b\", \"service\": \"telemetry\", "
	  "\"content_format\": 0, \"max_age\": \"30d\"}, "
	  "{\"path\": \"/1/2/3/4/5/6/7/" LONG_88 "\", \"payload\": \"\u00e9\", "
	  "\"content_format\": 65535}]" },
	{ "tenants[0].allow",
	  "{\"coap_methods\": [\"GET\", \"POST\", \"PUT\", \"DELETE\", \"FETCH\", "
	  "\"PATCH\", \"iPATCH\"]}" },
	{ "tenants[0].allow", "{\"coap_paths\": [\"/\"]}" },
	{ "tenants[1].match", "[{\"coap_host\": \"" LONG_88 "\"}]" },
	{ "tenants[1].match",
	  "[{\"coap_host\": \"2001:db8::1\"}, {\"coap_host\": \"[2001:db8::1]\"}, "
	  "{\"coap_host\": \"192.0.2.1\"}, {\"onem2m_originator\": \"192.0.2.1\"}]" },
	{ "tenants[1].match", "[{\"onem2m_originator\": \"" LONG_88 "\"}, "
			      "{\"onem2m_originator\": \"a\"}, "
			      "{\"onem2m_originator\": \"A\"}]" },
	{ "tenants[1].match", "[{\"coap_path\": \"/1/2/3/4/5/6/7/" LONG_88 "\"}, "
			      "{\"coap_path\": \"/1/...\"}, {\"coap_path\": \"/1\"}]" },
	{ "services[0].track", "true" },
	{ "capacity", "{\"flows\": 1024}" },
	{ "services[0].keep", "\"10s\"" },
	{ "services[0].keep", "\"7d\"" },
	{ "services[0].keep", "\"168h\"" },
	{ "services[0].drain_timeout", "\"30d\"" },
	{ "services[0].drain_timeout", "\"1s\"" },
	{ "services[0].pin_budget", "65536" },
	{ "services[0].drain", "\"move\"" },
	{ "services[1].latency", "true" },
	{ "services[0].echo", "false" },
	{ "services[1].echo", "true" },
	{ "services[1].echo", "{}" },
	{ "services[1].echo", "{\"lifetime\": \"10s\"}" },
	{ "services[1].echo", "{\"lifetime\": \"1d\"}" },
	{ "services[0].reply_budget", "\"1/s\"" },
	{ "services[0].reply_budget", "\"60M/m\"" },
	{ "services[0].device_key", "\"endpoint\"" },
	{ "services[1].health", "{\"on_down\": \"move\"}" },
	{ "services[0].health", "{\"on_down\": \"reset\", \"outlier\": {\"requests\": 1}}" },
	{ "services[1].health", "{\"outlier\": {\"requests\": 1000000, \"answered\": 1}}" },
	{ "services[1].health", OUTLIER("1s", "1h", "1h") },
	{ "services[1].health", OUTLIER("10m", "1s", "1d") },
	{ "services[2]", CID("20", "\"layout\": \"first-byte\"", "0", "255") },
	{ "services[2]", CID("2", "\"layout\": \"quic-lb\"", "0", "255") },
	{ "services[2]", CID("5", QUIC_LB("0", "4", "6", "4"), "0", "4294967295") },
	{ "services[2]", CID("5", QUIC_LB("0", "4", "6", "3"), "7", "16777215") },
	{ "services[2]", CID("20", QUIC_LB("1", "2", "2", "3"), "7", "65535") },
	{ "services[0].port", "65535" },
	{ "services[0].port", "1" },
	{ "services[0].port", "1.883e3" },
	{ "services[0].instances[0].weight", "1000" },
	{ "services[0].instances", "[]" },
	{ "services[0].instances[0].address", "\"169.254.1.1\"" },
	{ "services[0].health", "{\"interval\": \"100ms\", \"timeout\": \"100ms\"}" },
	{ "services[0].health", "{\"rise\": 100, \"fall\": 1, \"min_healthy\": 0}" },
	{ "services[0].health", "{\"probe\": \"none\", \"min_healthy\": 1}" },
	{ "services[0].scaling.min", "4" },
	{ "services[0].scaling.tolerance", "1" },
	{ "services[0].scaling.up_after", "\"0s\"" },
	{ "events", "{\"sample\": 1048576, \"max_rate\": \"1M/s\"}" },
	{ "events", "{\"max_rate\": \"1/s\"}" },
	{ "events", "{}" },
	{ "metrics", "{}" },
	{ "capacity", "{\"tenants\": 3, \"accounts\": 4, \"prefixes\": 1, \"slots\": 4096, "
		      "\"services\": 3, \"instances\": 6}" },
	{ "capacity", "{\"trie\": 1}" },
	{ "capacity", "{\"tenants\": 1048576, \"accounts\": 4194304, \"slots\": 8388608}" },
	{ "secret", "\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"" },
	{ "interfaces", "[]" },
	{ "interfaces[0].name", "\"eth0123456789ab\"" },
};

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(limits); i++)
		model_free(load_edit(limits[i].at, limits[i].json));
}

/* Every second tenant of @n asks for a table. */
static int load_tops(int n, struct model **ret, struct config_error *reterr)
{
	cJSON *doc = edit_base(), *tenants = cJSON_GetObjectItemCaseSensitive(doc, "tenants");
	int err;

	for (int i = 0; i < n; i++) {
		cJSON *t = cJSON_CreateObject();
		char name[16];

		snprintf(name, sizeof(name), "top%d", i);
		cJSON_AddStringToObject(t, "name", name);
		cJSON_AddBoolToObject(t, "top_devices", i & 1);
		cJSON_AddItemToArray(tenants, t);
	}
	err = config_load_json(doc, TICK_NS, ret, reterr);
	cJSON_Delete(doc);
	return err;
}

static void test_top_tables(void **state)
{
	struct config_error why = {};
	struct model *m = NULL;
	uint8_t tables = 0;

	(void)state;
	assert_int_equal(load_tops(2 * SL_TOP_TENANTS, &m, &why), 0);
	for (size_t i = 0; i < m->n_tenants; i++)
		assert_int_equal(m->tenants[i].top_table, m->tenants[i].top_devices ? ++tables : 0);
	assert_int_equal(tables, SL_TOP_TENANTS);
	model_free(m);
	assert_int_equal(load_tops(2 * SL_TOP_TENANTS + 2, &m, &why), -EINVAL);
	assert_non_null(strstr(why.text, "].top_devices: want it of at most 15 tenants"));
}

/* -- secrets in files -- */

static int load_secret(const char *bytes, size_t len, mode_t mode, struct model **ret,
		       struct config_error *reterr)
{
	char path[] = "/tmp/sluice-secret-XXXXXX", json[64];
	int fd = mkstemp(path), err;
	cJSON *doc = edit_base();

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	snprintf(json, sizeof(json), "\"file:%s\"", path);
	edit_set(doc, "secret", json);
	err = config_load_json(doc, TICK_NS, ret, reterr);
	cJSON_Delete(doc);
	unlink(path);
	return err;
}

static void test_secret_file(void **state)
{
	static const char key[] = "0123456789abcdef0123456789abcdef"
				  "0123456789abcdef0123456789abcdef";
	static const struct {
		size_t len, want; /* want 0: refused */
		mode_t mode;
		const char *error;
	} rows[] = {
		{ 16, 16, 0600, NULL },
		{ 64, 64, 0640, NULL },
		{ 15, 0, 0600, "want 16 to 64 bytes" },
		{ 0, 0, 0600, "want 16 to 64 bytes" },
		{ 16, 0, 0604, "others may access" },
		{ 16, 0, 0602, "chmod o=" },
	};
	struct config_error why = {};
	struct model *m = NULL;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		int err = load_secret(key, rows[i].len, rows[i].mode, &m, &why);

		assert_int_equal(err, rows[i].want ? 0 : -EINVAL);
		if (rows[i].error) {
			assert_ptr_equal(strstr(why.text, "secret: "), why.text);
			assert_non_null(strstr(why.text, rows[i].error));
			continue;
		}
		assert_int_equal(m->secret_len, rows[i].want);
		assert_memory_equal(m->secret, key, rows[i].want);
		model_free(m);
		m = NULL;
	}
}

static void test_secret_newline(void **state)
{
	static const char one[] = "0123456789abcdef\n", two[] = "0123456789abcdef\n\n",
			  cut[] = "0123456789abcde\n";
	char most[66];
	struct config_error why = {};
	struct model *m = NULL;

	(void)state;
	assert_int_equal(load_secret(one, sizeof(one) - 1, 0600, &m, &why), 0);
	assert_int_equal(m->secret_len, 16);
	model_free(m);
	assert_int_equal(load_secret(two, sizeof(two) - 1, 0600, &m, &why), 0);
	assert_int_equal(m->secret_len, 17); /* one newline is cut off, not two */
	model_free(m);
	memset(most, 'x', sizeof(most));
	most[64] = '\n';
	assert_int_equal(load_secret(most, 65, 0600, &m, &why), 0);
	assert_int_equal(m->secret_len, 64);
	model_free(m);
	m = NULL;
	assert_int_equal(load_secret(most, 66, 0600, &m, &why), -EINVAL);
	most[64] = 'x';
	assert_int_equal(load_secret(most, 65, 0600, &m, &why), -EINVAL);
	assert_int_equal(load_secret(cut, sizeof(cut) - 1, 0600, &m, &why), -EINVAL);
	assert_null(m);
}

/* -- what objects need together -- */

static void assert_refused(cJSON *doc, const char *want)
{
	struct config_error why = {};
	struct model *m = NULL;

	assert_int_equal(config_load_json(doc, TICK_NS, &m, &why), -EINVAL);
	assert_string_equal(why.text, want);
	cJSON_Delete(doc);
}

static void test_capacity_needed(void **state)
{
	cJSON *doc = edit_base();

	(void)state;
	edit_set(doc, "tenants[1].match", "[{\"source\": \"10.0.0.0/8\"}]");
	edit_set(doc, "capacity", "{\"prefixes\": 1}");
	assert_refused(doc, "capacity.prefixes: 1 is too small for this document; want at least 2");

	doc = edit_base();
	edit_set(doc, "services[0].scaling.max", "5000");
	assert_refused(doc,
		       "capacity.instances: 4096 is too small for this document; want at least "
		       "5002");

	/* 5000 instances: a ring of 2^20 slots, and as much again */
	doc = edit_base();
	edit_set(doc, "services[0].scaling.max", "5000");
	edit_set(doc, "capacity", "{\"instances\": 6000}");
	assert_refused(doc, "capacity.slots: 1048576 is too small for this document; want at least "
			    "4194304");

	doc = edit_base();
	edit_set(doc, "services[0].scaling.max", "65535");
	edit_set(doc, "capacity", "{\"instances\": 65535}");
	assert_refused(doc, "capacity.instances: this document needs 65537, and there can be 65535 "
			    "at most; want a smaller document");
}

/* A fixed tenant's service counts for that tenant alone, and counts once. */
static void test_accounts_needed(void **state)
{
	cJSON *doc = edit_base();

	(void)state;
	edit_set(doc, "services[0].tenant", "\"acme\""); /* listed; closed for guests */
	edit_set(doc, "capacity", "{\"accounts\": 2}");
	assert_refused(doc, "capacity.accounts: 2 is too small for this document; want at least 3");

	doc = edit_base();
	edit_set(doc, "services[0].tenant", "\"guests\""); /* has no list */
	edit_set(doc, "tenants[0].services", "[\"telemetry\"]");
	edit_set(doc, "capacity", "{\"accounts\": 2}");
	assert_refused(doc, "capacity.accounts: 2 is too small for this document; want at least 4");
}

/* 100,000 tenants with a prefix, a list and a quota each. */
static char *many_tenants(size_t n, size_t *ret_len)
{
	struct str s = str_upto(CONFIG_MAX_BYTES);

	str_add(&s,
		"{\"secret\": \"00112233445566778899aabbccddeeff\", \"interfaces\": [], "
		"\"capacity\": {\"tenants\": 200000, \"accounts\": 200000, \"prefixes\": 200000}, "
		"\"services\": [{\"name\": \"broker\", \"address\": \"203.0.113.10\", "
		"\"port\": 1883, \"protocol\": \"mqtt\"}], \"tenants\": [");
	for (size_t i = 0; i < n; i++)
		str_add(&s,
			"%s{\"name\": \"tenant-%zu\", \"match\": [{\"source\": "
			"\"2001:db8:%zx:%zx::/64\"}], \"services\": [\"broker\"], "
			"\"quota\": {\"messages\": \"%zu/s\", \"packets\": \"50k/s\"}}",
			i ? "," : "", i, i >> 16, i & 0xffff, i + 1);
	str_add(&s, "]}");
	assert_false(s.cut);
	*ret_len = s.len;
	return str_take(&s);
}

static void test_many_tenants(void **state)
{
	const size_t n = 100000;
	struct timespec t0, t1;
	size_t len;
	char *text = many_tenants(n, &len);
	struct model *m;
	double s;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	m = load(text, len);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	s = (t1.tv_sec - t0.tv_sec) + (t1.tv_nsec - t0.tv_nsec) / 1e9;
	print_message("%zu tenants, %zu bytes: %.2f s\n", n, len, s);
	/* what is quadratic takes minutes; sanitizers and neighbours take seconds */
	assert_true(s < 20);
	assert_int_equal(m->n_tenants, n);
	assert_string_equal(m->tenants[n - 1].name, "tenant-99999");
	assert_double(m->tenants[n - 1].quota.rate[SL_Q_MESSAGES], n);
	model_free(m);
	free(text);
}

/* Names that begin alike, the longest first, are names of their own. */
static void test_names_alike(void **state)
{
	sl_cleanup(str_free) struct str s = str_upto(65536);
	struct model *m;

	(void)state;
	str_add(&s, "{\"secret\": \"00112233445566778899aabbccddeeff\", \"interfaces\": [], "
		    "\"tenants\": [");
	for (int len = 63; len > 0; len--) {
		str_add(&s, "%s{\"name\": \"", len < 63 ? "," : "");
		for (int i = 0; i < len; i++)
			str_addn(&s, "t", 1);
		str_add(&s, "\"}");
	}
	str_add(&s, "]}");
	m = load(s.text, s.len);
	assert_int_equal(m->n_tenants, 63);
	model_free(m);
}

/* -- one object alone -- */

static void test_quota_alone(void **state)
{
	cJSON *good = cJSON_Parse("{\"messages\": \"5k/s\", \"burst\": \"20ms\"}");
	cJSON *fast = cJSON_Parse("{\"messages\": \"1M/s\"}");
	cJSON *brief = cJSON_Parse("{\"burst\": \"7ms\"}");
	struct config_error why = {};
	struct model_quota q = {};

	(void)state;
	assert_int_equal(config_quota(good, false, TICK_NS, "tenants[3].quota", &q, &why), 0);
	assert_double(q.rate[SL_Q_MESSAGES], 5000);
	assert_int_equal(q.burst_ns, 20 * MS);
	assert_int_equal(config_quota(fast, false, TICK_NS, "quota", &q, &why), 0);
	assert_double(q.rate[SL_Q_MESSAGES], 1e6);
	assert_int_equal(q.burst_ns, 100 * MS);
	assert_int_equal(config_quota(fast, true, TICK_NS, "x.device_quota", &q, &why), -EINVAL);
	assert_string_equal(why.text, "x.device_quota.messages: want a rate such as \"50k/s\", "
				      "from 1/h to 50k/s");
	assert_int_equal(config_quota(brief, false, TICK_NS, "quota", &q, &why), -EINVAL);
	assert_ptr_equal(strstr(why.text, "quota.burst: want at least \"8ms\""), why.text);
	assert_double(q.rate[SL_Q_MESSAGES], 1e6);
	cJSON_Delete(good);
	cJSON_Delete(fast);
	cJSON_Delete(brief);
}

static void test_instance_alone(void **state)
{
	cJSON *good = cJSON_Parse("{\"name\": \"a\", \"address\": \"10.0.0.1\", \"port\": 7}");
	cJSON *bad = cJSON_Parse("{\"name\": \"a\", \"address\": \"10.0.0.1\", \"port\": 70000}");
	struct config_error why = {};
	struct model_instance i = {};

	(void)state;
	assert_int_equal(config_instance(good, "instance", &i, &why), 0);
	assert_int_equal(i.port, 7);
	assert_int_equal(i.weight, 100);
	assert_int_equal(config_instance(bad, "instance", &i, &why), -EINVAL);
	assert_string_equal(why.text, "instance.port: want an integer from 1 to 65535");
	assert_int_equal(i.port, 7);
	cJSON_Delete(good);
	cJSON_Delete(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_member),	cmocka_unit_test(test_class_words),
		cmocka_unit_test(test_defaults),	cmocka_unit_test(test_defaults_by_protocol),
		cmocka_unit_test(test_pin_budget_fits), cmocka_unit_test(test_event_rates),
		cmocka_unit_test(test_server_ids),	cmocka_unit_test(test_limits),
		cmocka_unit_test(test_top_tables),	cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_secret_newline),	cmocka_unit_test(test_capacity_needed),
		cmocka_unit_test(test_accounts_needed), cmocka_unit_test(test_many_tenants),
		cmocka_unit_test(test_names_alike),	cmocka_unit_test(test_quota_alone),
		cmocka_unit_test(test_instance_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
