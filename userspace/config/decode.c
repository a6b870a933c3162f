// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objects and arrays by table, see decode.h; single values are in value.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sluice/base.h>
#include "../common/str.h"
#include "../common/cleanup.h"
#include "decode.h"

#define MEMBER_SHOWN 80 /* of a member's name in an error */
#define NEAR_LEN     32 /* of names that are compared for likeness */
#define MAX_FIELDS   64 /* in one table: they have a bit each */

static void path_add(struct str *s, const struct path *at)
{
	if (!at)
		return;
	path_add(s, at->up);
	if (at->member) {
		if (s->len)
			str_add(s, ".");
		str_add_safe(s, at->member, MEMBER_SHOWN);
	} else if (at->up) {
		str_add(s, "[%zu]", at->index);
	}
}

int decode_fail(const struct path *at, struct config_error *reterr, const char *fmt, ...)
{
	struct str s = str_over(reterr->text, sizeof(reterr->text));
	va_list ap;

	path_add(&s, at);
	str_add(&s, s.len ? ": " : "document: ");
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours between @a and @b. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t d[NEAR_LEN + 1][NEAR_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_LEN || lb > NEAR_LEN)
		return NEAR_LEN;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			d[i][j] = least(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = least(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[la][lb];
}

/* The known member that @name was most likely meant to be; NULL: none is near. */
static const char *nearest(const struct decode_field *fields, const char *name)
{
	size_t best = strlen(name) / 3 + 2;
	const char *near = NULL;

	for (; fields->name; fields++) {
		size_t d = edit_distance(fields->name, name);

		if (d < best && !fields->later) {
			best = d;
			near = fields->name;
		}
	}
	return near;
}

static int fail_unknown(const struct path *at, const struct decode_field *fields,
			struct config_error *reterr)
{
	const char *near = nearest(fields, at->member);
	char buf[384];
	struct str known = str_over(buf, sizeof(buf));

	if (near)
		return decode_fail(at, reterr, "unknown member; did you mean \"%s\"?", near);
	for (; fields->name; fields++)
		if (!fields->later)
			str_add(&known, "%s%s", known.len ? ", " : "", fields->name);
	return decode_fail(at, reterr, "unknown member; want one of %s", known.text);
}

static const struct decode_field *field_find(const struct decode_field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

bool decode_has_field(const struct decode_field *fields, const char *name)
{
	return field_find(fields, name);
}

static int decode_member(const cJSON *value, const struct path *at,
			 const struct decode_field *fields, uint64_t *seen, void *out,
			 struct config_error *reterr)
{
	const struct decode_field *f = field_find(fields, value->string);
	const struct path here = { .up = at, .member = value->string, .field = f };
	uint64_t bit;

	if (!f)
		return fail_unknown(&here, fields, reterr);
	bit = 1ull << ((f - fields) % MAX_FIELDS);
	if (*seen & bit)
		return decode_fail(&here, reterr, "given twice; want it once");
	*seen |= bit;
	if (f->later)
		return decode_fail(&here, reterr, "not supported by this release yet; %s",
				   f->later);
	return f->decode(value, &here, (char *)out + f->offset, reterr);
}

int decode_object(const cJSON *object, const struct path *at, const struct decode_field *fields,
		  void *out, struct config_error *reterr)
{
	uint64_t seen = 0;
	const cJSON *value;

	if (!cJSON_IsObject(object))
		return decode_fail(at, reterr, "want an object {...}");
	cJSON_ArrayForEach(value, object) {
		int err = decode_member(value, at, fields, &seen, out, reterr);

		if (err)
			return err;
	}
	for (const struct decode_field *f = fields; f->name; f++) {
		const struct path here = { .up = at, .member = f->name, .field = f };

		if (f->required && !(seen & 1ull << ((f - fields) % MAX_FIELDS)))
			return decode_fail(&here, reterr, "required");
	}
	return 0;
}

int decode_list(const cJSON *array, const struct path *at, const struct decode_items *items,
		struct decode_list *ret, struct config_error *reterr)
{
	const cJSON *value;
	size_t n;

	if (!cJSON_IsArray(array))
		return decode_fail(at, reterr, "want a list [...] of %s", items->what);
	n = cJSON_GetArraySize(array);
	if (n > items->max)
		return decode_fail(at, reterr, "%zu %s; want at most %zu", n, items->what,
				   items->max);
	if (!n)
		return 0;
	ret->items = calloc(n, items->size);
	if (!ret->items)
		return -ENOMEM;

	cJSON_ArrayForEach(value, array) {
		const struct path here = { .up = at, .index = ret->n };
		char *item = (char *)ret->items + ret->n++ * items->size;
		int err = items->decode(value, &here, item, reterr);

		if (err)
			return err;
	}
	return 0;
}

int decode_set(const cJSON *array, const struct path *at, const struct decode_items *items,
	       const struct decode_word *words, uint64_t *ret, struct config_error *reterr)
{
	struct decode_list list = {};
	int err = decode_list(array, at, items, &list, reterr);
	sl_autofree int *listed = list.items;
	uint64_t set = 0;

	if (err)
		return err;
	if (!list.n)
		return decode_fail(at, reterr, "want at least one; leave it out to allow all");
	for (size_t i = 0; i < list.n; i++) {
		const struct path here = { .up = at, .index = i };

		if (set >> listed[i] & 1)
			return words ? decode_fail(&here, reterr, "\"%s\" is listed twice",
						   words[listed[i]].word)
				     : decode_fail(&here, reterr, "listed twice; want each once");
		set |= 1ull << listed[i];
	}
	*ret = set;
	return 0;
}
