// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "str.h"

#define FIRST_SIZE 256

struct str str_over(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct str){ .text = buf, .size = size };
}

struct str str_upto(size_t max)
{
	return (struct str){ .max = max };
}

void str_free(struct str *s)
{
	if (!s->max)
		return;
	free(s->text);
	*s = str_upto(s->max);
}

char *str_take(struct str *s)
{
	char *text = s->max ? s->text : NULL;

	if (s->max)
		*s = str_upto(s->max);
	return text;
}

/* Make room for @more bytes and a NUL if the bounds allow it; otherwise leave
 * what room there is. Returns the room for bytes, without the NUL.
 */
static size_t make_room(struct str *s, size_t more)
{
	size_t want = more >= SIZE_MAX / 2 - s->len ? SIZE_MAX / 2 : s->len + more + 1;

	if (s->max && want > s->size && s->size < s->max) {
		size_t size = s->size ? s->size : FIRST_SIZE;
		char *text;

		while (size < want && size < s->max)
			size *= 2;
		if (size > s->max)
			size = s->max;
		text = realloc(s->text, size);
		if (text) {
			text[s->len] = '\0';
			s->text = text;
			s->size = size;
		}
	}
	return s->size ? s->size - s->len - 1 : 0;
}

void str_addn(struct str *s, const char *bytes, size_t len)
{
	size_t room = make_room(s, len);

	if (len > room) {
		s->cut = true;
		len = room;
	}
	if (!len)
		return;
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
	s->text[s->len] = '\0';
}

void str_addv(struct str *s, const char *fmt, va_list ap)
{
	size_t room;
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len <= 0) {
		s->cut |= len < 0;
		return;
	}

	room = make_room(s, len);
	if ((size_t)len > room)
		s->cut = true;
	if (!room)
		return;
	vsnprintf(s->text + s->len, room + 1, fmt, ap);
	s->len += (size_t)len > room ? room : (size_t)len;
}

void str_add(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

void str_add_safe(struct str *s, const char *text, size_t max)
{
	size_t i;

	for (i = 0; text[i] && i < max; i++) {
		bool printable = text[i] >= 0x20 && text[i] < 0x7f;

		str_addn(s, printable ? &text[i] : "?", 1);
	}
	if (text[i])
		str_addn(s, "...", 3);
}

int str_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(to, from, len + 1);
	return 0;
}
