// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The packet bench: what a packet costs in the data plane's program, by test-run,
 * in rounds over all cases so that a machine's slow phases meet all alike. What a
 * test-run does not contain: the driver, and what follows a redirect.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cjson/cJSON.h>
#include <bpf/libbpf.h>
#include "common/cleanup.h"
#include "measure.h"
#include "object.h"

#define FULL_ROUNDS   11
#define FULL_REPEATS  (1u << 19)
#define QUICK_ROUNDS  5
#define QUICK_REPEATS (1u << 16)
#define PIN_REPEATS   (1u << 18) /* at most: all have to find room at once */
#define YARDSTICK     4		 /* times as many: so little is lost in noise else */

/* clang-format off */
static const struct measure_case cases[] = {
	/* name       service             way               flows          reason                foreign.. */
#define CASE(name, service, way, flows, why, ...) { name, service, PERF_TO_##way, W_SEQ_##flows, SL_R_##why, __VA_ARGS__ }
	CASE("foreign",  W_COAP,             SERVICE4, 1,       NOT_OURS,       .foreign = true),
	CASE("foreign",  W_COAP,             SERVICE4, 64K,     NOT_OURS,       .foreign = true),
	CASE("foreign",  W_COAP,             SERVICE4, 1M,      NOT_OURS,       .foreign = true),
	CASE("coap_get", W_COAP,             SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("coap_get", W_COAP,             SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("coap_get", W_COAP,             SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 1,       STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 64K,     STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_DEVICE,      SERVICE4, 1M,      STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_MANY,        SERVICE4, UNIFORM, STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_MANY,        SERVICE4, ZIPF,    STEERED,        .fresh = false),
	CASE("coap_get", W_COAP_MANY_DEVICE, SERVICE4, UNIFORM, STEERED,        .device_quota = true),
	CASE("coap_get", W_COAP_MANY_DEVICE, SERVICE4, ZIPF,    STEERED,        .device_quota = true),
	CASE("coap_get_ipv6", W_COAP6,       SERVICE6, 1,       STEERED,        .fresh = false),
	CASE("coap_get_ipv6", W_COAP6,       SERVICE6, 1M,      STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT,            SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 1,       STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 64K,     STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_DEVICE,     SERVICE4, 1M,      STEERED,        .device_quota = true),
	CASE("mqtt_data", W_MQTT_MANY,       SERVICE4, UNIFORM, STEERED,        .fresh = false),
	CASE("mqtt_data", W_MQTT_MANY,       SERVICE4, ZIPF,    STEERED,        .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  1,       RETURNED,       .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  64K,     RETURNED,       .fresh = false),
	CASE("return",   W_COAP,             DEVICE4,  1M,      RETURNED,       .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 1,       TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 64K,     TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED,    SERVICE4, 1M,      TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED_DEVICE, SERVICE4, 64K, TENANT_BYTES  , .device_quota = true),
	CASE("refused_tenant", W_REFUSED_DEVICE, SERVICE4, 1M,  TENANT_BYTES  , .device_quota = true),
	CASE("refused_tenant", W_REFUSED_MANY, SERVICE4, UNIFORM, TENANT_BYTES  , .fresh = false),
	CASE("refused_tenant", W_REFUSED_MANY, SERVICE4, ZIPF,  TENANT_BYTES  , .fresh = false),
	CASE("refused_device", W_DEVICE_REFUSED, SERVICE4, 1,   DEVICE_BYTES,   .device_quota = true, .apart = true),
	CASE("refused_device", W_DEVICE_REFUSED, SERVICE4, 64K, DEVICE_BYTES,   .device_quota = true, .apart = true),
	CASE("new_flow", W_COAP,             SERVICE4, 1,       STEERED,        .fresh = true),
	CASE("new_flow", W_COAP_DEVICE,      SERVICE4, 1,       STEERED,        .fresh = true, .device_quota = true),
	CASE("pin_hit",  W_PINS,             SERVICE4, 1,       STEERED,        .fresh = false),
	CASE("pin_hit",  W_PINS,             SERVICE4, 64K,     STEERED,        .fresh = false),
	CASE("pin_hit",  W_PINS,             SERVICE4, 1M,      STEERED,        .fresh = false),
	CASE("pin_made", W_PINS,             SERVICE4, 1,       STEERED,        .fresh = true, .makes_pins = true),
#undef CASE
};
/* clang-format on */
#define CASES SL_ARRAY_SIZE(cases)

struct options {
	int rounds;
	uint32_t repeats;
	const char *json, *only;
	const char *objects[2]; /* to be compared; NULL: the build's own */
};

/* Of one case; by round. */
struct row {
	double ns[2][MEASURE_ROUNDS], harness[MEASURE_ROUNDS], difference[MEASURE_ROUNDS];
};

struct bench {
	struct options opts;
	struct world world;
	struct bpf_object *objects[2];
	int n_objects;
	struct row rows[CASES];
	double yardstick[MEASURE_ROUNDS];
};

static bool is_wanted(const struct bench *b, size_t i)
{
	return !b->opts.only || strstr(cases[i].name, b->opts.only);
}

/* -- rounds -- */

static uint32_t repeats_of(const struct bench *b, size_t i)
{
	bool few = cases[i].makes_pins && b->opts.repeats > PIN_REPEATS;

	return few ? PIN_REPEATS : b->opts.repeats;
}

static int one_round(struct bench *b, bool apart, int round, struct measure_error *reterr)
{
	int err = measure_yardstick(&b->world, YARDSTICK * b->opts.repeats, &b->yardstick[round],
				    reterr);

	for (size_t i = 0; i < CASES && !err; i++) {
		struct row *row = &b->rows[i];

		if (!is_wanted(b, i) || cases[i].apart != apart)
			continue;
		for (int o = 0; o < b->n_objects && !err; o++) {
			int which = (o + round) % b->n_objects; /* each goes first as often */
			struct measure_result r = {};

			err = measure(&b->world, &cases[i], PERF_A + which, repeats_of(b, i), &r,
				      reterr);
			row->ns[which][round] = r.whole - r.harness;
			row->harness[round] = r.harness;
		}
		row->difference[round] = row->ns[1][round] - row->ns[0][round];
	}
	return err;
}

static int run(struct bench *b, bool apart, struct measure_error *reterr)
{
	int err = 0;

	for (size_t i = 0; i < CASES && !err; i++) {
		if (is_wanted(b, i) && cases[i].apart == apart)
			err = measure_prime(&b->world, &cases[i], reterr);
	}
	for (int round = 0; round < b->opts.rounds && !err; round++) {
		fprintf(stderr, "\r%sround %d of %d", apart ? "used-up devices: " : "", round + 1,
			b->opts.rounds);
		err = one_round(b, apart, round, reterr);
	}
	fprintf(stderr, "\n");
	return err;
}

/* -- what comes of it -- */

static double least(const double *v, int n)
{
	double x = v[0];

	for (int i = 1; i < n; i++)
		x = v[i] < x ? v[i] : x;
	return x;
}

static double most(const double *v, int n)
{
	double x = v[0];

	for (int i = 1; i < n; i++)
		x = v[i] > x ? v[i] : x;
	return x;
}

static bool is_many(const struct measure_case *c)
{
	return c->flows == W_SEQ_UNIFORM || c->flows == W_SEQ_ZIPF;
}

static const char *distribution(const struct measure_case *c)
{
	return c->flows == W_SEQ_ZIPF ? "zipf-1.1" : c->flows == W_SEQ_UNIFORM ? "uniform" : "-";
}

/* Two decimals are more than a machine repeats. */
static double rounded(double ns)
{
	return round(ns * 100) / 100;
}

static int json_line(FILE *f, const struct bench *b, const char *name, const struct measure_case *c,
		     const char *object, const double *ns)
{
	cJSON *o = cJSON_CreateObject(), *params = cJSON_AddObjectToObject(o, "params");
	int n = b->opts.rounds;
	char *text;
	bool ok;

	cJSON_AddStringToObject(o, "suite", "packet");
	cJSON_AddStringToObject(o, "case", name);
	if (c) {
		if (!c->fresh)
			cJSON_AddNumberToObject(params, "flows", b->world.count[c->flows]);
		cJSON_AddBoolToObject(params, "new_flows", c->fresh);
		cJSON_AddBoolToObject(params, "device_quota", c->device_quota);
		cJSON_AddNumberToObject(params, "tenants", is_many(c) ? WORLD_TENANTS : 1);
		if (is_many(c))
			cJSON_AddStringToObject(params, "distribution", distribution(c));
	}
	if (object)
		cJSON_AddStringToObject(params, "object", object);
	cJSON_AddStringToObject(o, "unit", "ns/packet");
	cJSON_AddNumberToObject(o, "median", rounded(measure_median(ns, n)));
	cJSON_AddNumberToObject(o, "min", rounded(least(ns, n)));
	cJSON_AddNumberToObject(o, "max", rounded(most(ns, n)));
	cJSON_AddNumberToObject(o, "rounds", n);
	cJSON_AddNumberToObject(o, "yardstick", rounded(measure_median(b->yardstick, n)));
	text = cJSON_PrintUnformatted(o);
	ok = text && fprintf(f, "%s\n", text) > 0;
	cJSON_free(text);
	cJSON_Delete(o);
	return ok ? 0 : -EIO;
}

static int write_json(const struct bench *b)
{
	FILE *f = fopen(b->opts.json, "we");
	int err;

	if (!f)
		return -errno;
	err = json_line(f, b, "yardstick", NULL, NULL, b->yardstick);
	for (size_t i = 0; i < CASES; i++) {
		for (int o = 0; o < b->n_objects && is_wanted(b, i) && !err; o++)
			err = json_line(f, b, cases[i].name, &cases[i], b->opts.objects[o],
					b->rows[i].ns[o]);
	}
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

static void print_row(const struct bench *b, size_t i)
{
	const struct measure_case *c = &cases[i];
	const struct row *r = &b->rows[i];
	int n = b->opts.rounds;
	char flows[16] = "new";

	if (!c->fresh)
		snprintf(flows, sizeof(flows), "%u", b->world.count[c->flows]);
	printf("%-15s %8s %7d %-8s %-6s %7.1f %7.1f %7.1f", c->name, flows,
	       is_many(c) ? WORLD_TENANTS : 1, distribution(c), c->device_quota ? "yes" : "no",
	       measure_median(r->ns[0], n), least(r->ns[0], n), most(r->ns[0], n));
	if (b->n_objects == 2)
		printf(" %7.1f %+7.1f", measure_median(r->ns[1], n),
		       measure_median(r->difference, n));
	printf("\n");
}

static void print_table(const struct bench *b)
{
	bool two = b->n_objects == 2;

	printf("nanoseconds a packet, harness subtracted; %d rounds of %u packets\n",
	       b->opts.rounds, b->opts.repeats);
	printf("yardstick: a look-up of a 20-byte key in a hash costs %.1f\n",
	       measure_median(b->yardstick, b->opts.rounds));
	printf("%-15s %8s %7s %-8s %-6s %7s %7s %7s%s\n", "case", "flows", "tenants", "drawn",
	       "device", two ? "A" : "median", "min", "max", two ? "       B     B-A" : "");
	for (size_t i = 0; i < CASES; i++) {
		if (is_wanted(b, i))
			print_row(b, i);
	}
}

/* -- start -- */

static int load_objects(struct bench *b, struct dataplane_error *reterr)
{
	b->n_objects = 1;
	for (int o = 0; o < 2 && b->opts.objects[o]; o++) {
		int err = object_load(&b->world, b->opts.objects[o], &b->objects[o], reterr);

		if (!err)
			err = world_target(&b->world, PERF_A + o,
					   bpf_program__fd(bpf_object__find_program_by_name(
						   b->objects[o], SL_PROGRAM_NAME)));
		if (err)
			return err;
		b->n_objects = o + 1;
	}
	return 0;
}

/* One CPU, the last one, because the first takes more of the machine's interrupts;
 * and ahead of everybody else there. Both as far as they are allowed.
 */
static void stay_on_a_cpu(void)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t all, one;

	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: bench [--quick] [--rounds N] [--only CASE] [--json FILE] "
			"[--compare OBJECT OBJECT]\n");
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "quick", no_argument, NULL, 'q' },
					       { "rounds", required_argument, NULL, 'r' },
					       { "only", required_argument, NULL, 'o' },
					       { "json", required_argument, NULL, 'j' },
					       { "compare", required_argument, NULL, 'c' },
					       {} };
	char *end;
	int c;

	*o = (struct options){ .repeats = FULL_REPEATS };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q') {
			o->repeats = QUICK_REPEATS;
		} else if (c == 'r') {
			o->rounds = (int)strtol(optarg, &end, 10);
			if (*end || o->rounds < 1 || o->rounds > MEASURE_ROUNDS) {
				fprintf(stderr, "bench: --rounds: want 1 to %d\n", MEASURE_ROUNDS);
				return -EINVAL;
			}
		} else if (c == 'o') {
			o->only = optarg;
		} else if (c == 'j') {
			o->json = optarg;
		} else if (c == 'c' && optind < argc) {
			o->objects[0] = optarg;
			o->objects[1] = argv[optind++];
		} else {
			return -EINVAL;
		}
	}
	if (!o->rounds)
		o->rounds = o->repeats == QUICK_REPEATS ? QUICK_ROUNDS : FULL_ROUNDS;
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct measure_error why = {};
	struct dataplane_error set_up = {};
	int err;

	if (!b)
		return 1;
	if (parse(argc, argv, &b->opts))
		return usage();
	fprintf(stderr, "setting up: %d tenants, %d flows, as many pins\n", WORLD_TENANTS,
		WORLD_FLOWS);
	err = world_open(&b->world, &set_up);
	if (!err)
		err = load_objects(b, &set_up);
	stay_on_a_cpu();
	if (!err)
		err = run(b, false, &why);
	if (!err)
		err = run(b, true, &why);
	if (!err) {
		print_table(b);
		err = b->opts.json ? write_json(b) : 0;
		if (err)
			fprintf(stderr, "bench: %s: %s\n", b->opts.json, strerror(-err));
	} else {
		fprintf(stderr, "bench: %s\n", set_up.text[0] ? set_up.text : why.text);
	}
	for (int o = 0; o < 2; o++)
		bpf_object__close(b->objects[o]);
	world_close(&b->world);
	free(b);
	return err ? 1 : 0;
}
