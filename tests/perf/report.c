// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What comes of the packet bench: a table, JSON, or all figures for another program. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <cjson/cJSON.h>
#include "bench.h"

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
		cJSON_AddNumberToObject(params, "tenants", case_is_many(c) ? WORLD_TENANTS : 1);
		if (case_is_many(c))
			cJSON_AddStringToObject(params, "distribution", case_distribution(c));
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

int report_json(const struct bench *b)
{
	FILE *f = fopen(b->opts.json, "we");
	int err;

	if (!f)
		return -errno;
	err = json_line(f, b, "yardstick", NULL, NULL, b->yardstick);
	for (size_t i = 0; i < n_cases; i++) {
		for (int o = 0; o < b->n_objects && bench_wants(b, i) && !err; o++)
			err = json_line(f, b, cases[i].name, &cases[i], b->opts.objects[o],
					b->rows[i].ns[o]);
	}
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

static void print_row(const struct bench *b, size_t i)
{
	const struct row *r = &b->rows[i];
	int n = b->opts.rounds;
	char label[BENCH_LABEL];

	case_label(&cases[i], &b->world, label, sizeof(label));
	printf("%s %7.1f %7.1f %7.1f", label, measure_median(r->ns[0], n), least(r->ns[0], n),
	       most(r->ns[0], n));
	if (b->n_objects == 2)
		printf(" %7.1f %+7.1f", measure_median(r->ns[1], n),
		       measure_median(r->difference, n));
	printf("\n");
}

void report_table(const struct bench *b)
{
	bool two = b->n_objects == 2;

	printf("nanoseconds a packet, harness subtracted; %d rounds of %u packets\n",
	       b->opts.rounds, b->opts.repeats);
	printf("yardstick: a look-up of a 20-byte key in a hash costs %.1f\n",
	       measure_median(b->yardstick, b->opts.rounds));
	printf("%-15s %8s %7s %-8s %-6s %7s %7s %7s%s\n", "case", "flows", "tenants", "drawn",
	       "device", two ? "A" : "median", "min", "max", two ? "       B     B-A" : "");
	for (size_t i = 0; i < n_cases; i++) {
		if (bench_wants(b, i))
			print_row(b, i);
	}
}

int report_raw(const struct bench *b)
{
	FILE *f = fopen(b->opts.raw, "we");
	char label[BENCH_LABEL];
	int err = 0;

	if (!f)
		return -errno;
	for (size_t i = 0; i < n_cases; i++) {
		if (!bench_wants(b, i))
			continue;
		case_label(&cases[i], &b->world, label, sizeof(label));
		fputs(label, f);
		for (int round = 0; round < b->opts.rounds; round++)
			fprintf(f, "\t%.2f", b->rows[i].ns[0][round]);
		fputc('\n', f);
	}
	if (ferror(f))
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}
