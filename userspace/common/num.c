// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checked numbers, see num.h. Written out because strtod() and strtoull() also
 * take signs, blanks, hexadecimal, "inf", and the locale's decimal point.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sluice/base.h>
#include "num.h"

#define WHOLE_DIGITS	15 /* exact in a double, and no overflow in 64 bits */
#define FRACTION_DIGITS 9

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", NUM_NS_PER_MS },
	{ "s", NUM_NS_PER_S },
	{ "m", 60 * NUM_NS_PER_S },
	{ "h", 3600 * NUM_NS_PER_S },
	{ "d", 86400 * NUM_NS_PER_S },
	{},
};

static const struct unit prefixes[] = {
	{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, {},
};

static const struct unit periods[] = {
	{ "s", 1 },
	{ "m", 60 },
	{ "h", 3600 },
	{},
};

/* A decimal number: whole + fraction / scale. */
struct decimal {
	uint64_t whole, fraction, scale;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digits(const char **pos, size_t max, uint64_t *ret, uint64_t *ret_scale)
{
	uint64_t n = 0, scale = 1;
	size_t len = 0;

	for (; is_digit(**pos); (*pos)++, len++) {
		if (len == max)
			return -ERANGE;
		n = n * 10 + (**pos - '0');
		scale *= 10;
	}
	if (!len)
		return -EINVAL;
	*ret = n;
	*ret_scale = scale;
	return 0;
}

/* Take a decimal number off the front of *@pos. */
static int decimal_take(const char **pos, struct decimal *ret)
{
	struct decimal d = { .scale = 1 };
	uint64_t ignored;
	int err = digits(pos, WHOLE_DIGITS, &d.whole, &ignored);

	if (!err && **pos == '.') {
		(*pos)++;
		err = digits(pos, FRACTION_DIGITS, &d.fraction, &d.scale);
	}
	if (!err)
		*ret = d;
	return err;
}

static const struct unit *unit_find(const struct unit *units, const char *name, size_t len)
{
	for (; units->name; units++)
		if (strlen(units->name) == len && !memcmp(units->name, name, len))
			return units;
	return NULL;
}

int num_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!is_digit(*text))
			return -EINVAL;
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *text - '0', &n))
			return -ERANGE;
	}
	if (n < min || n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

/* "NUMBER [k|M|G] SUFFIX PERIOD", where @suffix is "/" or "B/". */
static int rate_parse(const char *text, const char *suffix, double *ret)
{
	const struct unit *prefix, *period;
	const char *end;
	struct decimal d;
	int err = decimal_take(&text, &d);

	if (err)
		return err;
	end = strstr(text, suffix);
	if (!end)
		return -EINVAL;
	prefix = unit_find(prefixes, text, end - text);
	end += strlen(suffix);
	period = unit_find(periods, end, strlen(end));
	if (!prefix || !period)
		return -EINVAL;

	*ret = ((double)d.whole + (double)d.fraction / d.scale) * prefix->factor / period->factor;
	return 0;
}

int num_rate(const char *text, double *ret)
{
	return rate_parse(text, "/", ret);
}

int num_byte_rate(const char *text, double *ret)
{
	return rate_parse(text, "B/", ret);
}

int num_duration(const char *text, uint64_t *ret_ns)
{
	const struct unit *unit;
	struct decimal d;
	uint64_t ns, part;
	int err = decimal_take(&text, &d);

	if (err)
		return err;
	unit = unit_find(durations, text, strlen(text));
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(d.whole, unit->factor, &ns))
		return -ERANGE;
	/* A day times a fraction of nine digits is more than 64 bits hold. */
	part = (unsigned __int128)d.fraction * unit->factor / d.scale;
	if (__builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

static const char *rate_text(double rate, const char *bytes, char ret[NUM_TEXT])
{
	const struct unit *prefix = prefixes, *period = periods;

	while (rate > 0 && rate < 1 && period[1].name) {
		rate *= (double)period[1].factor / period->factor;
		period++;
	}
	while (rate >= 1000 && prefix[1].name) {
		rate /= 1000;
		prefix++;
	}
	snprintf(ret, NUM_TEXT, "%.10g%s%s/%s", rate, prefix->name, bytes, period->name);
	return ret;
}

const char *num_rate_text(double rate, char ret[NUM_TEXT])
{
	return rate_text(rate, "", ret);
}

const char *num_byte_rate_text(double rate, char ret[NUM_TEXT])
{
	return rate_text(rate, "B", ret);
}

/* The largest unit of which it is a whole number; nanoseconds always are. */
const char *num_duration_text(uint64_t ns, char ret[NUM_TEXT])
{
	const struct unit *unit = &durations[SL_ARRAY_SIZE(durations) - 2];

	if (!ns)
		unit = &durations[3];
	while (ns % unit->factor)
		unit--;
	snprintf(ret, NUM_TEXT, "%llu%s", (unsigned long long)(ns / unit->factor), unit->name);
	return ret;
}
