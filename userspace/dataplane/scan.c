// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "scan.h"

#define SCAN_ROOM     2048
#define SCAN_ROOM_MAX (1u << 20) /* of entries in one bucket: a hash gone wrong */

static int scan_make_room(struct scan *s, uint32_t room)
{
	char *keys = malloc(room * s->key_size);
	char *values = malloc(room * s->value_size);

	if (!keys || !values) {
		free(keys);
		free(values);
		return -ENOMEM;
	}
	free(s->keys);
	free(s->values);
	s->keys = keys;
	s->values = values;
	s->room = room;
	return 0;
}

int scan_open(int fd, size_t key_size, size_t value_size, struct scan *ret)
{
	struct scan s = { .fd = fd, .key_size = key_size, .value_size = value_size };
	int err = scan_make_room(&s, SCAN_ROOM);

	if (!err)
		*ret = s;
	return err;
}

void scan_close(struct scan *s)
{
	free(s->keys);
	free(s->values);
	*s = (struct scan){ .fd = -1, .done = true };
}

void scan_rewind(struct scan *s)
{
	s->begun = false;
	s->done = false;
}

int scan_next(struct scan *s, uint32_t *ret_n)
{
	uint32_t n = s->room, next = 0;
	int err;

	*ret_n = 0;
	if (s->done)
		return 0;
	err = bpf_map_lookup_batch(s->fd, s->begun ? &s->at : NULL, &next, s->keys, s->values, &n,
				   NULL);
	/* One bucket holds more than there is room for. */
	if (err == -ENOSPC && s->room < SCAN_ROOM_MAX)
		return scan_make_room(s, s->room * 2);
	if (err && err != -ENOENT) {
		s->done = true;
		return err;
	}
	s->done = err == -ENOENT;
	s->begun = true;
	s->at = next;
	*ret_n = n;
	return 0;
}
