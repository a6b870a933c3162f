// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The grammar of RFC 8259, checked before cJSON builds the tree: cJSON has no
 * reason for its refusals, and takes what is not JSON ("01", control characters)
 * or worse: "\u0000" ends its strings, so that two names may look the same.
 */
#include <stdio.h>
#include <string.h>
#include "syntax.h"

#define NUMBER_LEN 48 /* cJSON cuts longer ones */

struct scan {
	const char *pos, *end;
	const char *want; /* what would have been right at @pos */
	unsigned int depth;
};

static bool scan_value(struct scan *s);

static bool fail(struct scan *s, const char *want)
{
	s->want = want;
	return false;
}

/* The next byte, or -1 at the end. */
static int peek(const struct scan *s)
{
	return s->pos < s->end ? (unsigned char)*s->pos : -1;
}

static void skip_blank(struct scan *s)
{
	while (s->pos < s->end && memchr(" \t\r\n", *s->pos, 4))
		s->pos++;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool scan_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return fail(s, "a digit");
	while (is_digit(peek(s)))
		s->pos++;
	return true;
}

static bool scan_number(struct scan *s)
{
	const char *start = s->pos;
	bool ok;

	if (peek(s) == '-')
		s->pos++;
	if (peek(s) == '0')
		s->pos++;
	else if (!scan_digits(s))
		return false;
	if (is_digit(peek(s)))
		return fail(s, "a number without leading zero");

	ok = true;
	if (peek(s) == '.') {
		s->pos++;
		ok = scan_digits(s);
	}
	if (ok && (peek(s) == 'e' || peek(s) == 'E')) {
		s->pos++;
		if (peek(s) == '+' || peek(s) == '-')
			s->pos++;
		ok = scan_digits(s);
	}
	if (ok && s->pos - start > NUMBER_LEN)
		return fail(s, "a shorter number");
	return ok;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->pos) < len || memcmp(s->pos, word, len))
		return fail(s, "a value");
	s->pos += len;
	return true;
}

static bool scan_hex4(struct scan *s, unsigned int *ret)
{
	unsigned int code = 0;

	for (int i = 0; i < 4; i++, s->pos++) {
		int c = peek(s);

		if (is_digit(c))
			code = code << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code << 4 | ((c | 0x20) - 'a' + 10);
		else
			return fail(s, "four hexadecimal digits");
	}
	*ret = code;
	return true;
}

/* After "\u". */
static bool scan_code_point(struct scan *s)
{
	unsigned int code, low;

	if (!scan_hex4(s, &code))
		return false;
	if (!code || (code >= 0xdc00 && code <= 0xdfff))
		return fail(s, "a character before this");
	if (code < 0xd800 || code > 0xdbff)
		return true;
	if (s->end - s->pos < 2 || memcmp(s->pos, "\\u", 2))
		return fail(s, "the second half of a surrogate pair");
	s->pos += 2;
	if (!scan_hex4(s, &low))
		return false;
	return (low >= 0xdc00 && low <= 0xdfff) || fail(s, "a surrogate pair before this");
}

static bool scan_escape(struct scan *s)
{
	int c;

	s->pos++;
	c = peek(s);
	if (c == 'u') {
		s->pos++;
		return scan_code_point(s);
	}
	if (c <= 0 || !strchr("\"\\/bfnrt", c))
		return fail(s, "an escape such as \\n");
	s->pos++;
	return true;
}

/* One character of more than one byte: shortest form, no surrogates (RFC 3629). */
static bool scan_utf8(struct scan *s)
{
	unsigned char lead = *s->pos;
	int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
	unsigned char low = 0x80, high = 0xbf;

	if (lead < 0xc2 || lead > 0xf4)
		return fail(s, "UTF-8");
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;

	s->pos++;
	for (int i = 0; i < more; i++, s->pos++, low = 0x80, high = 0xbf)
		if (peek(s) < low || peek(s) > high)
			return fail(s, "UTF-8");
	return true;
}

static bool scan_string(struct scan *s)
{
	if (peek(s) != '"')
		return fail(s, "a member's name in double quotes");
	s->pos++;
	for (;;) {
		int c = peek(s);

		if (c < 0x20)
			return fail(s, "'\"' to end the string");
		if (c == '"')
			break;
		if (c == '\\') {
			if (!scan_escape(s))
				return false;
		} else if (c >= 0x80) {
			if (!scan_utf8(s))
				return false;
		} else {
			s->pos++;
		}
	}
	s->pos++;
	return true;
}

static bool scan_member(struct scan *s)
{
	skip_blank(s);
	if (!scan_string(s))
		return false;
	skip_blank(s);
	if (peek(s) != ':')
		return fail(s, "':' after the member's name");
	s->pos++;
	return scan_value(s);
}

/* An object or an array, by its closing bracket. */
static bool scan_nested(struct scan *s, char close, bool (*item)(struct scan *s), const char *want)
{
	if (++s->depth > SYNTAX_MAX_DEPTH)
		return fail(s, "less deep nesting");
	s->pos++;
	skip_blank(s);
	if (peek(s) != close) {
		while (item(s)) {
			skip_blank(s);
			if (peek(s) != ',')
				break;
			s->pos++;
		}
		if (s->want)
			return false;
		if (peek(s) != close)
			return fail(s, want);
	}
	s->pos++;
	s->depth--;
	return true;
}

static bool scan_value(struct scan *s)
{
	skip_blank(s);
	switch (peek(s)) {
	case '{':
		return scan_nested(s, '}', scan_member, "',' or '}'");
	case '[':
		return scan_nested(s, ']', scan_value, "',' or ']'");
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '-':
	case '0' ... '9':
		return scan_number(s);
	default:
		return fail(s, "a value");
	}
}

static void describe(const struct scan *s, const char *text, struct config_error *reterr)
{
	size_t line = 1, column = 1;
	int c = peek(s);
	char found[24];

	for (const char *p = text; p < s->pos; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	if (c < 0)
		snprintf(found, sizeof(found), "the end");
	else if (c > 0x20 && c < 0x7f)
		snprintf(found, sizeof(found), "'%c'", c);
	else
		snprintf(found, sizeof(found), "byte 0x%02x", c);
	snprintf(reterr->text, sizeof(reterr->text), "%zu:%zu: want %s, not %s", line, column,
		 s->want, found);
}

bool syntax_check(const char *text, size_t len, struct config_error *reterr)
{
	struct scan s = { .pos = text, .end = text + len };
	bool ok = scan_value(&s);

	if (ok) {
		skip_blank(&s);
		ok = s.pos == s.end || fail(&s, "nothing after the document");
	}
	if (!ok)
		describe(&s, text, reterr);
	return ok;
}
