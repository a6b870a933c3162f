/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounded string that is built piece by piece. What does not fit is cut off
 * and remembered in .cut; .text is terminated at all times (NULL only before
 * the first piece of a growing one, or where memory ran out at once).
 *
 *	char buf[64];
 *	struct str s = str_over(buf, sizeof(buf));	   never grows
 *	sl_cleanup(str_free) struct str s = str_upto(MAX); grows up to MAX bytes
 */
#ifndef SL_STRING_H
#define SL_STRING_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *text;
	size_t len;  /* without the NUL */
	size_t size; /* of what .text points to */
	size_t max;  /* of a growing one, with the NUL; 0: the memory is the caller's */
	bool cut;    /* something did not fit */
};

struct str str_over(char *buf, size_t size);
struct str str_upto(size_t max);
/* Release a growing string; harmless for others. */
void str_free(struct str *s);
/* Hand the memory of a growing string on; NULL if there is none. */
char *str_take(struct str *s);

void str_add(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void str_addn(struct str *s, const char *bytes, size_t len);

/* Text of strangers for a person's eyes: what is not printable ASCII becomes
 * '?', and what is longer than @max ends in "...".
 */
void str_add_safe(struct str *s, const char *text, size_t max);

/* Copy @from whole, with its NUL, or return -ENAMETOOLONG and touch nothing. */
int str_copy(char *to, size_t size, const char *from);

#endif /* SL_STRING_H */
