// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Decoders of single values, see decode.h: limits and words come from the row of
 * the member's table, so that the error can name them.
 */
#include <errno.h>
#include <string.h>
#include "../common/addr.h"
#include "../common/num.h"
#include "../common/str.h"
#include "decode.h"

#define MIN_RATE      (1.0 / 3600) /* 1/h */
#define MIN_BYTE_RATE 1.0	   /* 1B/s */

/* Is it an integer within the field's limits? */
static bool integer_from(const cJSON *value, const struct decode_field *f, uint64_t *ret)
{
	double n = cJSON_IsNumber(value) ? value->valuedouble : -1;

	if (!(n >= f->min && n <= f->max) || n != (uint64_t)n)
		return false;
	*ret = n;
	return true;
}

static int fail_integer(const struct path *at, struct config_error *reterr)
{
	return decode_fail(at, reterr, "want an integer from %llu to %llu",
			   (unsigned long long)at->field->min, (unsigned long long)at->field->max);
}

int decode_u8(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	uint64_t n;

	if (!integer_from(value, at->field, &n))
		return fail_integer(at, reterr);
	*(uint8_t *)out = n;
	return 0;
}

int decode_u16(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	uint64_t n;

	if (!integer_from(value, at->field, &n))
		return fail_integer(at, reterr);
	*(uint16_t *)out = n;
	return 0;
}

int decode_u32(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	uint64_t n;

	if (!integer_from(value, at->field, &n))
		return fail_integer(at, reterr);
	*(uint32_t *)out = n;
	return 0;
}

int decode_power_of_two(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	const struct decode_field *f = at->field;
	uint64_t n;

	if (!integer_from(value, f, &n) || n & (n - 1))
		return decode_fail(at, reterr, "want %sa power of two from %llu to %llu",
				   f->min ? "" : "0 or ",
				   f->min ? (unsigned long long)f->min : 1ull,
				   (unsigned long long)f->max);
	*(uint32_t *)out = n;
	return 0;
}

int decode_share(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	double n = cJSON_IsNumber(value) ? value->valuedouble : -1;

	if (!(n >= 0 && n <= 1))
		return decode_fail(at, reterr, "want a number from 0 to 1, such as 0.5");
	*(double *)out = n;
	return 0;
}

int decode_bool(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	if (!cJSON_IsBool(value))
		return decode_fail(at, reterr, "want true or false");
	*(bool *)out = cJSON_IsTrue(value);
	return 0;
}

/* A string, or one that no parser takes. */
static const char *text_of(const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	return text ? text : "";
}

int decode_duration(const cJSON *value, const struct path *at, void *out,
		    struct config_error *reterr)
{
	const struct decode_field *f = at->field;
	char min[NUM_TEXT], max[NUM_TEXT];
	uint64_t ns;

	if (num_duration(text_of(value), &ns) || ns < f->min || ns > f->max)
		return decode_fail(at, reterr, "want a duration such as \"2s\", from %s to %s",
				   num_duration_text(f->min, min), num_duration_text(f->max, max));
	*(uint64_t *)out = ns;
	return 0;
}

int decode_seconds(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr)
{
	uint64_t ns;
	int err = decode_duration(value, at, &ns, reterr);

	if (err)
		return err;
	if (ns % NUM_NS_PER_S)
		return decode_fail(at, reterr, "want a duration of whole seconds, such as \"10s\"");
	*(uint32_t *)out = ns / NUM_NS_PER_S;
	return 0;
}

/* Rates come from division: allow for its last bit at both ends. */
static bool rate_within(double rate, double min, double max)
{
	return rate >= min * (1 - 1e-12) && rate <= max * (1 + 1e-12);
}

int decode_rate(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	double least = at->field->min ? at->field->min : MIN_RATE, rate;
	char min[NUM_TEXT], max[NUM_TEXT];

	if (num_rate(text_of(value), &rate) || !rate_within(rate, least, at->field->max))
		return decode_fail(at, reterr, "want a rate such as \"50k/s\", from %s to %s",
				   num_rate_text(least, min), num_rate_text(at->field->max, max));
	*(double *)out = rate;
	return 0;
}

int decode_byte_rate(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr)
{
	char max[NUM_TEXT];
	double rate;

	if (num_byte_rate(text_of(value), &rate) ||
	    !rate_within(rate, MIN_BYTE_RATE, at->field->max))
		return decode_fail(at, reterr,
				   "want a rate of bytes such as \"20MB/s\", from 1B/s to %s",
				   num_byte_rate_text(at->field->max, max));
	*(double *)out = rate;
	return 0;
}

/* "a", "b" or "c": the words that this release supports. */
static void words_add(struct str *s, const struct decode_word *words)
{
	const struct decode_word *last = words;
	bool first = true;

	for (const struct decode_word *w = words; w->word; w++)
		if (!w->later)
			last = w;
	for (const struct decode_word *w = words; w->word; w++) {
		if (w->later)
			continue;
		str_add(s, "%s\"%s\"", first ? "" : w == last ? " or " : ", ", w->word);
		first = false;
	}
}

int decode_word(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	const struct decode_word *words = at->field->words;
	const char *text = text_of(value);
	char buf[128];
	struct str want = str_over(buf, sizeof(buf));

	words_add(&want, words);
	for (; words->word; words++) {
		if (strcmp(words->word, text))
			continue;
		if (words->later)
			return decode_fail(at, reterr,
					   "\"%s\" is not supported by this release yet; want %s",
					   text, want.text);
		memcpy(out, &words->value, sizeof(words->value));
		return 0;
	}
	return decode_fail(at, reterr, "want %s", want.text);
}

int decode_word_bool(const cJSON *value, const struct path *at, void *out,
		     struct config_error *reterr)
{
	int word = 0;
	int err = decode_word(value, at, &word, reterr);

	if (!err)
		*(bool *)out = word;
	return err;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int decode_name(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	const char *text = text_of(value);
	bool good = is_alnum(text[0]);

	for (const char *c = text; *c; c++)
		good &= is_alnum(*c) || strchr("._-", *c);
	if (!good || str_copy(out, SL_NAME_LEN, text))
		return decode_fail(at, reterr,
				   "want a name of at most %d letters, digits, '.', '_' and '-' "
				   "that begins with a letter or a digit",
				   SL_NAME_LEN - 1);
	return 0;
}

int decode_address(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr)
{
	int err = addr_parse(text_of(value), out);

	if (err == -EAFNOSUPPORT)
		return decode_fail(at, reterr,
				   "want the IPv4 address itself, not mapped into IPv6");
	if (err)
		return decode_fail(at, reterr,
				   "want an address such as \"192.0.2.10\" or \"2001:db8::10\"");
	return 0;
}

int decode_ignored(const cJSON *value, const struct path *at, void *out,
		   struct config_error *reterr)
{
	(void)out;
	return cJSON_IsString(value) ? 0 : decode_fail(at, reterr, "want a string");
}
