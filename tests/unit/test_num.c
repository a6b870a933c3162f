// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checked numbers: what is a count, a rate, a duration, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/base.h>
#include "common/num.h"

#define S NUM_NS_PER_S

static void test_counts(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max, want;
		int err;
	} rows[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 10, 0 },
		{ "007", 0, 10, 7, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, UINT64_MAX, 0 },
		{ "18446744073709551616", 0, UINT64_MAX, 0, -ERANGE },
		{ "99999999999999999999999", 0, UINT64_MAX, 0, -ERANGE },
		{ "11", 0, 10, 0, -ERANGE },
		{ "4", 5, 10, 0, -ERANGE },
		{ "", 0, 10, 0, -EINVAL },
		{ "-1", 0, 10, 0, -EINVAL },
		{ "+1", 0, 10, 0, -EINVAL },
		{ " 1", 0, 10, 0, -EINVAL },
		{ "1 ", 0, 10, 0, -EINVAL },
		{ "0x1", 0, 10, 0, -EINVAL },
		{ "1.0", 0, 10, 0, -EINVAL },
		{ "1e1", 0, 10, 0, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		uint64_t n = 42;
		int err = num_count(rows[i].text, rows[i].min, rows[i].max, &n);

		if (err != rows[i].err || n != (err ? 42 : rows[i].want))
			fail_msg("\"%s\": %d, %llu", rows[i].text, err, (unsigned long long)n);
	}
}

static void test_rates(void **state)
{
	static const struct {
		const char *text;
		double want;  /* 0: no rate */
		double bytes; /* the same with a B */
	} rows[] = {
		{ "1/s", 1, 0 },	  { "500/s", 500, 0 },	   { "50k/s", 50e3, 0 },
		{ "1.5M/s", 1.5e6, 0 },	  { "1G/s", 1e9, 0 },	   { "10/m", 10.0 / 60, 0 },
		{ "1/h", 1.0 / 3600, 0 }, { "0.25/s", 0.25, 0 },   { "100000000000000/s", 1e14, 0 },
		{ "0/s", 0, 0 },	  { "20MB/s", 0, 20e6 },   { "512B/s", 0, 512 },
		{ "1.5kB/m", 0, 25 },	  { "100GB/s", 0, 100e9 }, { "1B/h", 0, 1.0 / 3600 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		double rate = 0, bytes = 0;

		(void)num_rate(rows[i].text, &rate);
		(void)num_byte_rate(rows[i].text, &bytes);
		if (rate != rows[i].want || bytes != rows[i].bytes)
			fail_msg("\"%s\": %g, %g", rows[i].text, rate, bytes);
	}
}

static void test_no_rates(void **state)
{
	static const char *const rows[] = {
		"",
		"1",
		"/s",
		"k/s",
		"1/",
		"1//s",
		"1/s/s",
		"1/s ",
		" 1/s",
		"1 /s",
		"1/ s",
		"-1/s",
		"+1/s",
		"1.5.5/s",
		".5/s",
		"1./s",
		"1e3/s",
		"0x1/s",
		"inf/s",
		"nan/s",
		"1kk/s",
		"1km/s",
		"1K/s",
		"1m/s",
		"1T/s",
		"1/d",
		"1/ms",
		"1B",
		"1Bk/s",
		"1b/s",
		"1kiB/s",
		"1,5/s",
		"1/S",
		"1BB/s",
		"B/s",
		"1kB/sB/s",
		"1MB/",
		"1kB//s",
		"1/B/s",
		"1.0000000000/s",
		"10000000000000000/s",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		double rate = 42;

		if (!num_rate(rows[i], &rate) || !num_byte_rate(rows[i], &rate) || rate != 42)
			fail_msg("\"%s\" is taken for %g", rows[i], rate);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
		int err;
	} rows[] = {
		{ "0s", 0, 0 },
		{ "1ns", 1, 0 },
		{ "7us", 7000, 0 },
		{ "250ms", 250000000, 0 },
		{ "2s", 2 * S, 0 },
		{ "1.5s", 1500000000, 0 },
		{ "0.000000001s", 1, 0 },
		{ "0.5ns", 0, 0 },
		{ "10m", 600 * S, 0 },
		{ "1h", 3600 * S, 0 },
		{ "7d", 7 * 86400 * S, 0 },
		{ "0.999999999d", 86399999913600ull, 0 },
		{ "213503d", 213503ull * 86400 * S, 0 },
		{ "213504d", 0, -ERANGE },
		{ "213503.999999999d", 0, -ERANGE },
		{ "999999999999999h", 0, -ERANGE },
		{ "1000000000000000s", 0, -ERANGE },
		{ "", 0, -EINVAL },
		{ "2", 0, -EINVAL },
		{ "s", 0, -EINVAL },
		{ "-2s", 0, -EINVAL },
		{ "+2s", 0, -EINVAL },
		{ "2 s", 0, -EINVAL },
		{ " 2s", 0, -EINVAL },
		{ "2s ", 0, -EINVAL },
		{ "2sec", 0, -EINVAL },
		{ "2S", 0, -EINVAL },
		{ "2M", 0, -EINVAL },
		{ "1h30m", 0, -EINVAL },
		{ "1w", 0, -EINVAL },
		{ "1.s", 0, -EINVAL },
		{ ".5s", 0, -EINVAL },
		{ "1e3s", 0, -EINVAL },
		{ "infs", 0, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		uint64_t ns = 42;
		int err = num_duration(rows[i].text, &ns);

		if (err != rows[i].err || ns != (err ? 42 : rows[i].want))
			fail_msg("\"%s\": %d, %llu", rows[i].text, err, (unsigned long long)ns);
	}
}

static void test_text(void **state)
{
	static const struct {
		double rate;
		const char *text, *bytes;
	} rates[] = {
		{ 50000, "50k/s", "50kB/s" },  { 999, "999/s", "999B/s" },
		{ 1000, "1k/s", "1kB/s" },     { 1.5e6, "1.5M/s", "1.5MB/s" },
		{ 1e11, "100G/s", "100GB/s" }, { 10.0 / 60, "10/m", "10B/m" },
		{ 1.0 / 3600, "1/h", "1B/h" }, { 0, "0/s", "0B/s" },
	};
	static const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{ 0, "0s" },	      { 1, "1ns" },
		{ 8000000, "8ms" },   { 7999000, "7999us" },
		{ 90 * S, "90s" },    { 600 * S, "10m" },
		{ 7200 * S, "2h" },   { 86400 * S, "1d" },
		{ 90000 * S, "25h" }, { UINT64_MAX, "18446744073709551615ns" },
	};
	char text[NUM_TEXT];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rates); i++) {
		assert_string_equal(num_rate_text(rates[i].rate, text), rates[i].text);
		assert_string_equal(num_byte_rate_text(rates[i].rate, text), rates[i].bytes);
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(durations); i++)
		assert_string_equal(num_duration_text(durations[i].ns, text), durations[i].text);
}

/* What is printed is read again as what it was. */
static void test_there_and_back(void **state)
{
	char text[NUM_TEXT];
	double back, d;
	uint64_t ns;

	(void)state;
	for (double rate = 1.0 / 3600; rate < 1e11; rate *= 1.37) {
		assert_int_equal(num_rate(num_rate_text(rate, text), &back), 0);
		d = back / rate - 1;
		assert_true(d < 1e-8 && d > -1e-8);
		assert_int_equal(num_byte_rate(num_byte_rate_text(rate, text), &back), 0);
		d = back / rate - 1;
		assert_true(d < 1e-8 && d > -1e-8);
	}
	for (uint64_t n = 1; n < 900000000000000ull; n = n * 3 + 1) {
		assert_int_equal(num_duration(num_duration_text(n, text), &ns), 0);
		assert_int_equal(ns, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	 cmocka_unit_test(test_rates),
		cmocka_unit_test(test_no_rates), cmocka_unit_test(test_durations),
		cmocka_unit_test(test_text),	 cmocka_unit_test(test_there_and_back),
	};

	/* a decimal comma must not matter, where that locale is installed */
	setlocale(LC_ALL, "de_DE.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
