// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pure parts of the command line tool: figures as text, tables, paths, and what
 * top makes of two answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "sluicectl/output.c"
#include "sluicectl/top.c"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void test_counts(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },	     { 0.5, "0.5" },	 { 7, "7" },	      { 9.97, "10" },
		{ 99.4, "99" },	     { 999.4, "999" },	 { 999.5, "1.00k" },  { 1234, "1.23k" },
		{ 9996, "10.0k" },   { 12345, "12.3k" }, { 99960, "100k" },   { 999499, "999k" },
		{ 999500, "1.00M" }, { 1e9, "1.00G" },	 { 1.8e19, "18.0E" }, { 1e24, "1000000E" },
		{ -3, "0" },	     { 0.0 / 0.0, "0" },
	};
	char text[FORMAT_LEN];

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++)
		assert_string_equal(format_count(cases[i].value, text), cases[i].text);
	assert_string_equal(format_bytes(1500, text), "1.50kB");
	assert_string_equal(format_bytes(12, text), "12B");
}

static void test_times(void **state)
{
	static const struct {
		double us;
		const char *text;
	} cases[] = {
		{ 0, "0us" },	     { 0.4, "0us" },	{ 830.2, "830us" }, { 999.4, "999us" },
		{ 999.5, "1.0ms" },  { 2130, "2.1ms" }, { 9949, "9.9ms" },  { 9951, "10ms" },
		{ 999400, "999ms" }, { 1.3e6, "1.3s" }, { 68e6, "68s" },    { 2e9, "2000s" },
	};
	char text[FORMAT_LEN];

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++)
		assert_string_equal(format_us(cases[i].us, text), cases[i].text);
}

static void test_durations(void **state)
{
	static const struct {
		uint64_t s;
		const char *text;
	} cases[] = {
		{ 0, "0s" },	      { 59, "59s" },   { 60, "1m" },
		{ 61, "1m 1s" },      { 3600, "1h" },  { 3660, "1h 1m" },
		{ 86399, "23h 59m" }, { 86400, "1d" }, { 93600, "1d 2h" },
	};
	char text[FORMAT_LEN];

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++)
		assert_string_equal(format_duration(cases[i].s, text), cases[i].text);
}

static void test_path_segments(void **state)
{
	char to[32];

	(void)state;
	assert_true(format_path_segment("mq-1.a_b~", to, sizeof(to)));
	assert_string_equal(to, "mq-1.a_b~");
	assert_true(format_path_segment("a/b?c#d e%\xff", to, sizeof(to)));
	assert_string_equal(to, "a%2Fb%3Fc%23d%20e%25%FF");
	assert_true(format_path_segment("1234567", to, 8));
	assert_false(format_path_segment("12345678", to, 8));
	assert_false(format_path_segment("12345/", to, 8));
	assert_true(format_path_segment("", to, 1));
	assert_false(format_path_segment("", to, 0));
}

static char *printed(const struct table *t, bool color, size_t width, size_t lines)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	table_print(t, f, color, width, lines);
	fclose(f);
	return text;
}

static void assert_printed(const struct table *t, bool color, size_t width, size_t lines,
			   const char *want)
{
	char *text = printed(t, color, width, lines);

	assert_string_equal(text, want);
	free(text);
}

static void test_table(void **state)
{
	static const char *const heads[] = { "NAME", ">N", "WHY", NULL };
	struct table t;

	(void)state;
	table_begin(&t, heads);
	table_add_text(&t, TONE_PLAIN, "a");
	table_add(&t, TONE_WARN, "%d", 1234);
	table_add_text(&t, TONE_PLAIN, "x\033[31my\n");
	table_add_text(&t, TONE_PLAIN, "longer");
	table_add(&t, TONE_PLAIN, "5");
	table_add_text(&t, TONE_PLAIN, "");
	assert_printed(&t, false, 0, 0,
		       "NAME       N  WHY\na       1234  x?[31my?\nlonger     5  \n");
	assert_printed(&t, false, 10, 0, "NAME      \na       12\nlonger    \n");
	assert_printed(&t, false, 0, 1, "NAME     N  WHY\na     1234  x?[31my?\n");
	assert_printed(&t, true, 7, 1, "\033[1mNAME\033[0m   \na     \033[33m1\033[0m\n");
	table_free(&t);
}

static void test_cells_are_bounded(void **state)
{
	static const char *const heads[] = { "A", NULL };
	char huge[1000];
	struct table t;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	table_begin(&t, heads);
	table_add_text(&t, TONE_PLAIN, huge);
	table_add(&t, TONE_PLAIN, "%s", huge);
	for (size_t i = 0; i < t.n; i++)
		assert_true(strlen(t.cell[i].text) < TABLE_CELL_LEN);
	table_free(&t);
}

/* -- top -- */

#define ROW(name, off, adm, bytes, msgs, refused, marked)                                  \
	"{\"tenant\":\"" name "\",\"offered\":{\"packets\":" #off "},"                     \
	"\"admitted\":{\"packets\":" #adm ",\"bytes\":" #bytes ",\"messages\":" #msgs "}," \
	"\"refused\":{" refused "},\"marked\":{" marked "}}"
#define ANSWER(time, folded, rows) \
	"{\"time_ns\":" #time ",\"tenants\":2,\"folded\":" #folded ",\"rows\":[" rows "]}"

static size_t rates(const char *before, const char *now, enum top_sort by, struct top_rate **ret)
{
	cJSON *a = cJSON_Parse(before), *b = cJSON_Parse(now);
	size_t n = top_rates(a, b, by, ret);

	cJSON_Delete(a);
	cJSON_Delete(b);
	return n;
}

static void assert_near(double is, double want)
{
	assert_true(is > want - 1e-6 && is < want + 1e-6);
}

static void test_top_rates(void **state)
{
	static const char before[] =
		ANSWER(1000000000, 0, ROW("acme", 100, 60, 6000, 60, "\"tenant_messages\":40", ""));
	static const char now[] =
		ANSWER(3000000000, 0,
		       ROW("acme", 300, 160, 16000, 100, "\"tenant_messages\":138,\"fragment\":2",
			   "\"tenant_bytes\":10") "," ROW("new", 20, 20, 2000, 0, "", ""));
	struct top_rate *r, sum;

	(void)state;
	assert_int_equal(rates(before, now, TOP_BY_OFFERED, &r), 2);
	assert_string_equal(r[0].tenant, "acme");
	assert_near(r[0].offered, 100);
	assert_near(r[0].admitted, 50);
	assert_near(r[0].refused, 50);
	assert_near(r[0].marked, 5);
	assert_near(r[0].messages, 20);
	assert_near(r[0].bytes, 5000);
	assert_string_equal(r[0].why, "tenant_messages 49, fragment 1, tenant_bytes 5 (marked)");
	assert_near(r[1].offered, 10);
	sum = top_sum(r, 2);
	assert_near(sum.offered, 110);
	assert_near(sum.bytes, 6000);
	free(r);
}

#define CLASSED(name, classes) \
	"{\"tenant\":\"" name "\",\"refused\":{\"class_messages\":100},\"classes\":{" classes "}}"

/* Which classes refuse, of those whose figures have moved. */
static void test_top_classes(void **state)
{
	static const char before[] =
		ANSWER(0, 0, "{\"tenant\":\"acme\",\"classes\":{\"coap.get\":{\"refused\":7}}}");
	static const char now[] = ANSWER(
		2000000000, 0,
		CLASSED("acme", "\"coap.get\":{\"refused\":7},\"coap.observe\":{\"refused\":80},"
				"\"mqtt.publish\":{\"refused\":20,\"admitted\":9}"));
	struct top_rate *r;

	(void)state;
	assert_int_equal(rates(before, now, TOP_BY_OFFERED, &r), 1);
	assert_string_equal(r[0].why, "class_messages 50 (coap.observe 40, mqtt.publish 10)");
	free(r);
}

#define TIMED(name, times) "{\"tenant\":\"" name "\",\"latency\":{" times "}}"

static void test_top_latency(void **state)
{
	static const char before[] = ANSWER(
		0, 0,
		TIMED("a", "\"coap\":{\"buckets\":[[1048576,10],[2097152,5]]}") "," TIMED(
			"b",
			"\"tcp\":{\"buckets\":[[1048576,10]]}") "," TIMED("c",
									  "\"tcp\":{\"buckets\":[["
									  "1048576,10]]}"));
	static const char now[] = ANSWER(
		1, 0,
		TIMED("a",
		      "\"coap\":{\"buckets\":[[1048576,10],[2097152,103],[67108864,2]]},"
		      "\"mqtt\":{\"buckets\":[[0,1]]}") "," TIMED("b",
								  "\"tcp\":{\"buckets\":[[1048576,"
								  "10]]}") "," TIMED("c",
										     "\"tcp\":{"
										     "\"buckets\":["
										     "[1048576,1]]"
										     "}"));
	struct top_rate *r;

	(void)state;
	assert_int_equal(rates(before, now, TOP_BY_TENANT, &r), 3);
	assert_string_equal(r[0].latency, "coap 2.2ms/69ms, mqtt 1us/1us");
	assert_string_equal(r[1].latency, "");
	assert_string_equal(r[2].latency, ""); /* it began anew */
	free(r);
}

static void test_top_sorts(void **state)
{
	static const char before[] = ANSWER(0, 0, "");
	static const char now[] =
		ANSWER(1000000000, 0,
		       ROW("b", 30, 1, 5, 0, "\"fragment\":29",
			   "") "," ROW("a", 20, 20, 1, 0, "", "") "," ROW("c", 30, 2, 9, 0,
									  "\"fragment\":28", ""));
	static const struct {
		const char *key, *order;
	} cases[] = {
		{ "offered", "bca" }, { "admitted", "acb" }, { "refused", "bca" },
		{ "bytes", "cba" },   { "tenant", "abc" },
	};
	enum top_sort by;

	(void)state;
	for (size_t i = 0; i < SIZE(cases); i++) {
		struct top_rate *r;

		assert_true(top_sort_parse(cases[i].key, &by));
		assert_int_equal(rates(before, now, by, &r), 3);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(r[k].tenant[0], cases[i].order[k]);
		free(r);
	}
	assert_false(top_sort_parse("size", &by));
}

static void test_top_is_never_wrong(void **state)
{
	struct top_rate *r;

	(void)state;
	/* Counters that began anew. */
	assert_int_equal(rates(ANSWER(0, 0, ROW("a", 100, 100, 1, 1, "\"fragment\":5", "")),
			       ANSWER(1000000000, 0, ROW("a", 3, 3, 1, 1, "\"fragment\":1", "")),
			       TOP_BY_OFFERED, &r),
			 1);
	assert_near(r[0].offered, 0);
	assert_near(r[0].refused, 0);
	free(r);
	/* It may have been in _other before. */
	assert_int_equal(rates(ANSWER(0, 3, ""),
			       ANSWER(1000000000, 0, ROW("a", 900, 900, 1, 1, "", "")),
			       TOP_BY_OFFERED, &r),
			 1);
	assert_near(r[0].offered, 0);
	free(r);
	/* The same answer twice; no answer. */
	assert_true(rates(ANSWER(5, 0, ""), ANSWER(5, 0, ""), TOP_BY_OFFERED, &r) == SIZE_MAX);
	assert_true(rates("{}", "[]", TOP_BY_OFFERED, &r) == SIZE_MAX);
	/* Members missing, of another type, with a name for a terminal. */
	assert_int_equal(rates(ANSWER(0, 0, ""),
			       ANSWER(1000000000, 0,
				      "{\"tenant\":\"\\u001b[2J\",\"offered\":7},"
				      "{\"tenant\":5},{},7,null"),
			       TOP_BY_OFFERED, &r),
			 5);
	for (size_t i = 0; i < 5; i++)
		assert_null(strchr(r[i].tenant, '\033'));
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_path_segments),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_cells_are_bounded),
		cmocka_unit_test(test_top_classes),
		cmocka_unit_test(test_top_rates),
		cmocka_unit_test(test_top_latency),
		cmocka_unit_test(test_top_sorts),
		cmocka_unit_test(test_top_is_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
