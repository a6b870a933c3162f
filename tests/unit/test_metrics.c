// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The Prometheus writer against a strict reader of text format 0.0.4, and that
 * reader against broken text. With a file as argument the reader judges it, so
 * that lab tests can check what a living daemon says.
 */
#include <ctype.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sluiced/metrics_latency.c"
#include "sluiced/metrics_text.c"

#define MAX_FAMILIES 256
#define MAX_SAMPLES  200000

/* -- the reader -- */

struct reader {
	char family[MAX_FAMILIES][128]; /* by HELP, in order */
	size_t n_families;
	char type[16];
	double bucket, le; /* of a histogram, the last */
	bool typed;	   /* TYPE of the last family was seen */
	char **sample;	   /* name and labels of each, to find repeated ones */
	size_t n_samples;
	char why[256];
};

static bool bad(struct reader *r, const char *why, const char *line)
{
	snprintf(r->why, sizeof(r->why), "%s: %.160s", why, line);
	return false;
}

static bool is_name(const char *s, size_t len, bool colon)
{
	if (!len || isdigit((unsigned char)*s))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && !(colon && s[i] == ':'))
			return false;
	return true;
}

static bool read_help(struct reader *r, const char *line)
{
	const char *name = line + strlen("# HELP ");
	size_t len = strcspn(name, " ");

	if (!is_name(name, len, true) || len >= sizeof(r->family[0]) || name[len] != ' ' ||
	    !name[len + 1])
		return bad(r, "HELP wants a name and a text", line);
	if (r->n_families && !r->typed)
		return bad(r, "the family before has no TYPE", line);
	for (size_t i = 0; i < r->n_families; i++)
		if (!strncmp(r->family[i], name, len) && !r->family[i][len])
			return bad(r, "a family twice, or its samples apart", line);
	if (r->n_families == MAX_FAMILIES)
		return bad(r, "too many families", line);
	snprintf(r->family[r->n_families++], len + 1, "%s", name);
	r->typed = false;
	return true;
}

static bool read_type(struct reader *r, const char *line)
{
	const char *name = line + strlen("# TYPE "), *family;
	size_t len = strcspn(name, " ");

	if (!r->n_families || r->typed)
		return bad(r, "TYPE without HELP before", line);
	family = r->family[r->n_families - 1];
	if (strncmp(family, name, len) || family[len] || name[len] != ' ')
		return bad(r, "TYPE of another family than HELP", line);
	snprintf(r->type, sizeof(r->type), "%s", name + len + 1);
	r->bucket = r->le = 0;
	if (strcmp(r->type, "counter") && strcmp(r->type, "gauge") && strcmp(r->type, "histogram"))
		return bad(r, "unknown type", line);
	if (!strcmp(r->type, "counter") != (len > 6 && !strcmp(family + len - 6, "_total")))
		return bad(r, "_total is for counters, all of them", line);
	r->typed = true;
	return true;
}

/* After '{'; *@io ends up after '}'. */
static bool read_labels(const char **io)
{
	const char *s = *io;

	for (;;) {
		size_t len = strcspn(s, "=");

		if (!is_name(s, len, false) || s[len] != '=' || s[len + 1] != '"')
			return false;
		for (s += len + 2; *s != '"'; s++) {
			if (*s == '\\' && !strchr("\\\"n", *++s))
				return false;
			if (!*s)
				return false;
		}
		if (*++s == '}')
			break;
		if (*s++ != ',')
			return false;
	}
	*io = s + 1;
	return true;
}

/* A histogram's samples are buckets that count up, to +Inf, then their sum and their count. */
static bool read_histogram(struct reader *r, const char *suffix, const char *line, double value)
{
	const char *le = strstr(line, "le=\"");
	double bound = le ? strtod(le + 4, NULL) : -1;

	if (!strncmp(suffix, "_sum", 4))
		return isinf(r->le) ? true : bad(r, "a sum without +Inf before", line);
	if (!strncmp(suffix, "_count", 6)) {
		if (!isinf(r->le) || value != r->bucket)
			return bad(r, "a count that is not that of +Inf", line);
		r->bucket = r->le = 0;
		return true;
	}
	if (strncmp(suffix, "_bucket", 7) || bound <= r->le || value < r->bucket)
		return bad(r, "want buckets in order, each with what is in those before", line);
	r->le = bound;
	r->bucket = value;
	return true;
}

static bool read_sample(struct reader *r, const char *line)
{
	bool histogram = !strcmp(r->type, "histogram");
	const char *at = line + strcspn(line, "{ "), *family;
	size_t len;
	char *end;

	if (!r->typed)
		return bad(r, "a sample before HELP and TYPE", line);
	family = r->family[r->n_families - 1];
	len = histogram ? strlen(family) : (size_t)(at - line);
	if (strncmp(line, family, len) || family[len])
		return bad(r, "a sample of another family", line);
	if (*at == '{' && (at++, !read_labels(&at)))
		return bad(r, "labels", line);
	if (*at != ' ')
		return bad(r, "want one blank before the value", line);
	strtod(at + 1, &end);
	if (end == at + 1 || *end || isspace((unsigned char)at[1]))
		return bad(r, "want a number", line);
	if (histogram && !read_histogram(r, line + len, line, strtod(at + 1, NULL)))
		return false;
	if (r->n_samples == MAX_SAMPLES)
		return bad(r, "too many samples", line);
	r->sample[r->n_samples++] = strndup(line, at - line);
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_unique(struct reader *r)
{
	qsort(r->sample, r->n_samples, sizeof(*r->sample), by_text);
	for (size_t i = 1; i < r->n_samples; i++)
		if (!strcmp(r->sample[i - 1], r->sample[i]))
			return bad(r, "the same series twice", r->sample[i]);
	return true;
}

static bool read_line(struct reader *r, const char *line)
{
	if (!strncmp(line, "# HELP ", 7))
		return read_help(r, line);
	if (!strncmp(line, "# TYPE ", 7))
		return read_type(r, line);
	return *line && *line != '#' ? read_sample(r, line) : bad(r, "not expected", line);
}

/* Consumes @text. */
static bool read_all(char *text, char why[256])
{
	struct reader *r = calloc(1, sizeof(*r));
	bool ok = true;
	char *line = text, *end;

	r->sample = calloc(MAX_SAMPLES, sizeof(*r->sample));
	for (; ok && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end) {
			ok = bad(r, "the last line has no newline", line);
			break;
		}
		*end = '\0';
		ok = read_line(r, line);
	}
	ok = ok && is_unique(r);
	if (ok && !r->n_samples)
		ok = bad(r, "no samples", "");
	memcpy(why, r->why, sizeof(r->why));
	for (size_t i = 0; i < r->n_samples; i++)
		free(r->sample[i]);
	free(r->sample);
	free(r);
	free(text);
	return ok;
}

/* -- tests -- */

static void test_reader_refuses(void **state)
{
#define HEAD "# HELP a x\n# TYPE a gauge\n"
#define HISTOGRAM(one, all, count)                                                                 \
	"# HELP a x\n# TYPE a histogram\na_bucket{le=\"0.5\"} " one "\na_bucket{le=\"+Inf\"} " all \
	"\na_sum 0.7\na_count " count "\n"
	static const struct {
		const char *name, *text;
		bool ok;
	} cases[] = {
		{ "one sample", HEAD "a 1\n", true },
		{ "labels", HEAD "a{b=\"c\",d=\"\"} 1.5e3\n", true },
		{ "escapes", HEAD "a{b=\"\\\\ \\\" \\n\"} +Inf\n", true },
		{ "histogram", HISTOGRAM("1", "1", "1"), true },
		{ "histogram: buckets of their own", HISTOGRAM("2", "1", "1"), false },
		{ "histogram: another count", HISTOGRAM("1", "2", "3"), false },
		{ "nothing", "", false },
		{ "no newline", HEAD "a 1", false },
		{ "no help", "a 1\n", false },
		{ "no type", "# HELP a x\na 1\n", false },
		{ "other family", HEAD "ab 1\n", false },
		{ "counter without _total", "# HELP a x\n# TYPE a counter\na 1\n", false },
		{ "gauge with _total", "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
		  false },
		{ "family twice", HEAD "a 1\n" HEAD "a{x=\"y\"} 1\n", false },
		{ "series twice", HEAD "a{x=\"y\"} 1\na{x=\"y\"} 2\n", false },
		{ "no value", HEAD "a \n", false },
		{ "words", HEAD "a one\n", false },
		{ "open quote", HEAD "a{b=\"c} 1\n", false },
		{ "bad escape", HEAD "a{b=\"\\t\"} 1\n", false },
		{ "bad label name", HEAD "a{b-c=\"\"} 1\n", false },
		{ "empty labels", HEAD "a{} 1\n", false },
		{ "empty line", HEAD "\na 1\n", false },
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case: %s\n", cases[i].name);
		assert_int_equal(read_all(strdup(cases[i].text), why), cases[i].ok);
	}
}

static char *written(void (*fn)(FILE *f))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fn(f);
	fclose(f);
	return text;
}

static void write_all(FILE *f)
{
	metric_family(f, "sl_x_total", METRIC_COUNTER, "back\\slash, \"quotes\"\nand a line");
	metric_int(f, "sl_x_total", NULL, UINT64_MAX);
	metric_int(f, "sl_x_total", METRIC_LABELS("a", "b\"c\\d\ne", "f", ""), 0);
	metric_family(f, "sl_y", METRIC_GAUGE, "floats");
	metric_float(f, "sl_y", METRIC_LABELS("v", "1"), 0.25);
	metric_float(f, "sl_y", METRIC_LABELS("v", "2"), -1.0 / 0.0);
	metric_float(f, "sl_y", METRIC_LABELS("v", "3"), 0.0 / 0.0);
}

static void test_writer(void **state)
{
	static const char want[] = "# HELP sl_x_total back\\\\slash, \"quotes\"\\nand a line\n"
				   "# TYPE sl_x_total counter\n"
				   "sl_x_total 18446744073709551615\n"
				   "sl_x_total{a=\"b\\\"c\\\\d\\ne\",f=\"\"} 0\n"
				   "# HELP sl_y floats\n"
				   "# TYPE sl_y gauge\n"
				   "sl_y{v=\"1\"} 0.25\n"
				   "sl_y{v=\"2\"} -Inf\n"
				   "sl_y{v=\"3\"} NaN\n";
	char *text = written(write_all), why[256];

	(void)state;
	assert_string_equal(text, want);
	assert_true(read_all(text, why));
}

/* -- times -- */

/* Three accounts of two tenants; the last has none of its own. */
bool figure_add_account_times(const struct figures *f, size_t account, struct figure_times *sum)
{
	(void)f;
	if (account == 2)
		return false;
	sum->of[SL_L_COAP].sum_ns += 3000000;
	sum->of[SL_L_COAP].bucket[latency_bucket(65535)]++;
	sum->of[SL_L_COAP].bucket[latency_bucket(65536)]++;
	sum->of[SL_L_COAP].bucket[SL_LATENCY_BUCKETS - 1]++;
	return true;
}

bool figure_add_tenant_times(const struct figures *f, const struct figure_tenant *t,
			     struct figure_times *sum)
{
	return figure_add_account_times(f, t->account, sum);
}

bool figure_add_other_times(const struct figures *f, struct figure_times *sum)
{
	(void)f;
	sum->of[SL_L_MQTT].bucket[1] = 7;
	return true;
}

static void write_times(FILE *f)
{
	static struct figure_account accounts[] = { { .service = "s1" },
						    { .service = "s2" },
						    { .service = "s3" } };
	static struct figure_tenant tenants[] = { { "acme", 0, 2 }, { "globex", 2, 1 } };
	const struct figures fig = {
		.accounts = accounts, .n_accounts = 3, .tenants = tenants, .n_tenants = 2
	};

	assert_int_equal(metrics_latencies(f, &fig, (const size_t[]){ 1, 0 }), 0);
}

static void test_times(void **state)
{
	static const char *const want[] = {
		"_bucket{tenant=\"acme\",service=\"s1\",sort=\"coap\",le=\"6.5536e-05\"} 1\n",
		"_bucket{tenant=\"acme\",service=\"s2\",sort=\"coap\",le=\"0.000131072\"} 2\n",
		"_bucket{tenant=\"acme\",service=\"s1\",sort=\"coap\",le=\"34.3597384\"} 2\n",
		"_bucket{tenant=\"acme\",service=\"s1\",sort=\"coap\",le=\"+Inf\"} 3\n",
		"_sum{tenant=\"acme\",service=\"s1\",sort=\"coap\"} 0.003",
		"_count{tenant=\"acme\",service=\"s1\",sort=\"coap\"} 3\n",
		"_count{tenant=\"_other\",service=\"_other\",sort=\"mqtt\"} 7\n",
	};
	char *text = written(write_times), why[256] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (!strstr(text, want[i]))
			fail_msg("no %s in:\n%s", want[i], text);
	assert_null(strstr(text, "globex"));
	if (!read_all(text, why))
		fail_msg("%s", why);
}

static int judge(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL, why[256] = "";
	size_t size = 0;

	if (!f || getdelim(&text, &size, '\0', f) < 0) {
		perror(path);
		return 1;
	}
	fclose(f);
	if (read_all(text, why))
		return 0;
	fprintf(stderr, "%s: %s\n", path, why);
	return 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_refuses),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_times),
	};

	if (argc > 1)
		return judge(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
