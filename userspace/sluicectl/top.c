// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "../common/str.h"
#include "lib/latency.h"
#include "output.h"
#include "top.h"

bool top_sort_parse(const char *text, enum top_sort *ret)
{
	static const char *const key[] = { "offered", "admitted", "refused", "bytes", "tenant" };

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		if (strcmp(text, key[i]))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

/* -- pairs of rows -- */

static int by_tenant(const void *a, const void *b)
{
	return strcmp(json_text(*(const cJSON *const *)a, "tenant"),
		      json_text(*(const cJSON *const *)b, "tenant"));
}

/* Rows of an answer, sorted by tenant. */
static const cJSON **rows_sorted(const cJSON *answer, size_t *ret_n)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "rows"), *row;
	size_t n = cJSON_GetArraySize(list), i = 0;
	const cJSON **rows = calloc(n + 1, sizeof(const cJSON *));

	if (!rows)
		return NULL;
	cJSON_ArrayForEach(row, list)
		rows[i++] = row;
	qsort(rows, n, sizeof(*rows), by_tenant);
	*ret_n = n;
	return rows;
}

struct pair {
	const cJSON *before, *now;
	bool known; /* @before is complete: a row that is not there was zero */
	double seconds;
};

static double rate(const struct pair *p, double before, double now)
{
	if (!p->before && !p->known)
		return 0;
	return now > before ? (now - before) / p->seconds : 0;
}

static double group_rate(const struct pair *p, const char *group, const char *name)
{
	return rate(p, json_number(cJSON_GetObjectItemCaseSensitive(p->before, group), name),
		    json_number(cJSON_GetObjectItemCaseSensitive(p->now, group), name));
}

/* -- why -- */

struct why {
	const char *name;
	double rate;
};

/* Keep the largest TOP_WHYS, in order. */
static void why_add(struct why top[TOP_WHYS], struct why w)
{
	for (size_t i = 0; i < TOP_WHYS; i++) {
		struct why t = top[i];

		if (w.rate <= t.rate)
			continue;
		top[i] = w;
		w = t;
	}
}

static double add_whys(const struct pair *p, const char *group, struct why top[TOP_WHYS])
{
	const cJSON *item;
	double sum = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(p->now, group)) {
		struct why w = { item->string, group_rate(p, group, item->string) };

		why_add(top, w);
		sum += w.rate;
	}
	return sum;
}

static void why_text(const struct why top[TOP_WHYS], const char *after, struct str *to)
{
	char number[FORMAT_LEN];

	for (size_t i = 0; i < TOP_WHYS && top[i].name; i++)
		str_add(to, "%s%s %s%s", to->len ? ", " : "", top[i].name,
			format_count(top[i].rate, number), after);
}

/* Of the classes whose quotas refuse: " (coap.observe 12)". */
static void classes_text(const struct pair *p, struct str *to)
{
	const cJSON *before = cJSON_GetObjectItemCaseSensitive(p->before, "classes"), *item;
	struct why top[TOP_WHYS] = {};
	char number[FORMAT_LEN];

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(p->now, "classes")) {
		const cJSON *was = cJSON_GetObjectItemCaseSensitive(before, item->string);
		struct why w = { item->string, rate(p, json_number(was, "refused"),
						    json_number(item, "refused")) };

		why_add(top, w);
	}
	for (size_t i = 0; i < TOP_WHYS && top[i].name; i++)
		str_add(to, "%s%s %s", i ? ", " : " (", top[i].name,
			format_count(top[i].rate, number));
	if (top[0].name)
		str_add(to, ")");
}

/* -- latency -- */

/* Add @sign times the buckets of @times, [[from_ns, samples], ...]. */
static void add_buckets(const cJSON *times, int sign, __u64 bucket[SL_LATENCY_BUCKETS])
{
	const cJSON *pair;

	cJSON_ArrayForEach(pair, cJSON_GetObjectItemCaseSensitive(times, "buckets")) {
		double from = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 0));
		double n = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 1));

		if (from >= 0 && from < 1e12 && n >= 0 && n < 1e18)
			bucket[latency_bucket(from)] += sign * (int64_t)n;
	}
}

/* What was timed in between; counters that went down began anew. */
static bool times_between(const cJSON *before, const cJSON *now, __u64 bucket[SL_LATENCY_BUCKETS])
{
	uint64_t n = 0;

	memset(bucket, 0, SL_LATENCY_BUCKETS * sizeof(*bucket));
	add_buckets(now, 1, bucket);
	add_buckets(before, -1, bucket);
	for (size_t i = 0; i < SL_LATENCY_BUCKETS; i++) {
		if (bucket[i] >> 63)
			return false;
		n += bucket[i];
	}
	return n;
}

static void latency_text(const struct pair *p, struct str *to)
{
	const cJSON *before = cJSON_GetObjectItemCaseSensitive(p->before, "latency"), *item;
	__u64 bucket[SL_LATENCY_BUCKETS];
	char p50[FORMAT_LEN], p99[FORMAT_LEN];

	if (!p->before && !p->known)
		return;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(p->now, "latency")) {
		if (!times_between(cJSON_GetObjectItemCaseSensitive(before, item->string), item,
				   bucket))
			continue;
		str_add(to, "%s%s %s/%s", to->len ? ", " : "", item->string,
			format_us(latency_quantile_ns(bucket, 500) / 1e3, p50),
			format_us(latency_quantile_ns(bucket, 990) / 1e3, p99));
	}
}

static void row_rate(const struct pair *p, struct top_rate *ret)
{
	struct why refused[TOP_WHYS] = {}, marked[TOP_WHYS] = {};
	struct str why = str_over(ret->why, sizeof(ret->why));
	struct str latency = str_over(ret->latency, sizeof(ret->latency));
	struct str name = str_over(ret->tenant, sizeof(ret->tenant));

	str_add_safe(&name, json_text(p->now, "tenant"), TOP_NAME_LEN - 1);
	ret->offered = group_rate(p, "offered", "packets");
	ret->admitted = group_rate(p, "admitted", "packets");
	ret->messages = group_rate(p, "admitted", "messages");
	ret->bytes = group_rate(p, "admitted", "bytes");
	ret->refused = add_whys(p, "refused", refused);
	ret->marked = add_whys(p, "marked", marked);
	why_text(refused, "", &why);
	why_text(marked, " (marked)", &why);
	classes_text(p, &why);
	latency_text(p, &latency);
}

/* -- order -- */

static double key_of(const struct top_rate *r, enum top_sort by)
{
	switch (by) {
	case TOP_BY_ADMITTED:
		return r->admitted;
	case TOP_BY_REFUSED:
		return r->refused;
	case TOP_BY_BYTES:
		return r->bytes;
	case TOP_BY_OFFERED:
	case TOP_BY_TENANT:
		break;
	}
	return r->offered;
}

static int by_key(const void *a, const void *b, void *arg)
{
	enum top_sort by = *(enum top_sort *)arg;
	double x = key_of(a, by), y = key_of(b, by);

	if (by != TOP_BY_TENANT && x != y)
		return x > y ? -1 : 1;
	return strcmp(((const struct top_rate *)a)->tenant, ((const struct top_rate *)b)->tenant);
}

static void fill(const cJSON **before, size_t n_before, const cJSON **now, size_t n, struct pair p,
		 struct top_rate *rows)
{
	for (size_t i = 0; i < n; i++) {
		const cJSON **hit = bsearch(&now[i], before, n_before, sizeof(*before), by_tenant);

		p.before = hit ? *hit : NULL;
		p.now = now[i];
		row_rate(&p, &rows[i]);
	}
}

size_t top_rates(const cJSON *before, const cJSON *now, enum top_sort by, struct top_rate **ret)
{
	struct pair p = {
		.known = json_number(before, "folded") == 0,
		.seconds = (json_number(now, "time_ns") - json_number(before, "time_ns")) / 1e9
	};
	size_t n_before = 0, n = 0;
	const cJSON **was = rows_sorted(before, &n_before), **is = rows_sorted(now, &n);
	struct top_rate *rows = calloc(n + 1, sizeof(*rows));

	if (!was || !is || !rows || !(p.seconds > 0)) {
		free(rows);
		n = SIZE_MAX;
	} else {
		fill(was, n_before, is, n, p, rows);
		qsort_r(rows, n, sizeof(*rows), by_key, &by);
		*ret = rows;
	}
	free(was);
	free(is);
	return n;
}

struct top_rate top_sum(const struct top_rate *rows, size_t n)
{
	struct top_rate sum = { .tenant = "all" };

	for (size_t i = 0; i < n; i++) {
		sum.offered += rows[i].offered;
		sum.admitted += rows[i].admitted;
		sum.refused += rows[i].refused;
		sum.marked += rows[i].marked;
		sum.messages += rows[i].messages;
		sum.bytes += rows[i].bytes;
	}
	return sum;
}
