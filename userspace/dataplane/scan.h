/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a hash map in batches. The kernel walks bucket by bucket under the
 * bucket's lock: an entry that is there from begin to end is seen exactly once,
 * also while others are added and deleted.
 */
#ifndef SL_DP_SCAN_H
#define SL_DP_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

struct scan {
	int fd;
	size_t key_size, value_size;
	uint32_t room; /* entries that fit */
	uint32_t at;   /* the kernel's cursor */
	bool begun, done;
	char *keys, *values; /* of the last batch */
};

/* Returns 0, -ENOMEM. scan_close() releases it; also one that is all zero. */
int scan_open(int fd, size_t key_size, size_t value_size, struct scan *ret);
void scan_close(struct scan *s);

/* The next batch: *@ret_n entries in .keys and .values, perhaps none, even
 * before the end; the end is .done. A negative errno ends the walk.
 */
int scan_next(struct scan *s, uint32_t *ret_n);

/* Begin anew. */
void scan_rewind(struct scan *s);

#endif /* SL_DP_SCAN_H */
