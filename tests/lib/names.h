/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How many of what there are for each server's name. */
#ifndef SL_TEST_NAMES_H
#define SL_TEST_NAMES_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 64
#define NAME_LEN  65 /* with its NUL */

struct names {
	struct {
		char name[NAME_LEN];
		uint64_t n;
	} by[NAMES_MAX];
	unsigned int n;
};

/* One more of @name. More than NAMES_MAX names: the last is counted together with all others. */
static inline void names_count(struct names *t, const char *name)
{
	unsigned int i = 0;

	while (i < t->n && strcmp(t->by[i].name, name))
		i++;
	if (i == NAMES_MAX)
		i--;
	if (i == t->n) {
		snprintf(t->by[i].name, NAME_LEN, "%s", name);
		t->n++;
	}
	t->by[i].n++;
}

/* As the members of a JSON object, without its braces. */
static inline void names_print(const struct names *t)
{
	for (unsigned int i = 0; i < t->n; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", t->by[i].name, t->by[i].n);
}

#endif /* SL_TEST_NAMES_H */
