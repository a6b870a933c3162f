/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What names_rollback() must undo, in order. */
#ifndef SL_DP_NAMES_JOURNAL_H
#define SL_DP_NAMES_JOURNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sluice/abi.h>

struct journal_step {
	struct sl_name_key key; /* given, or the name before */
	struct sl_name_key to;	/* the name after */
	bool is_rename;
};

struct journal {
	bool on;
	struct journal_step *steps;
	size_t n, room;
};

static inline int journal_add(struct journal *j, const struct sl_name_key *key,
			      const struct sl_name_key *to)
{
	if (!j->on)
		return 0;
	if (j->n == j->room) {
		size_t room = j->room ? 2 * j->room : 64;
		struct journal_step *steps = realloc(j->steps, room * sizeof(*steps));

		if (!steps)
			return -ENOMEM;
		j->steps = steps;
		j->room = room;
	}
	j->steps[j->n++] = (struct journal_step){ .key = *key, .is_rename = to };
	if (to)
		j->steps[j->n - 1].to = *to;
	return 0;
}

static inline const struct journal_step *journal_last(const struct journal *j)
{
	return j->n ? &j->steps[j->n - 1] : NULL;
}

static inline void journal_forget_last(struct journal *j)
{
	if (j->n)
		j->n--;
}

static inline void journal_clear(struct journal *j)
{
	free(j->steps);
	*j = (struct journal){};
}

#endif /* SL_DP_NAMES_JOURNAL_H */
