// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two benches of different commits cannot share maps, but they can alternate: a byte
 * in a FIFO is the turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "bench.h"

int turns_open(struct bench *b)
{
	for (int i = 0; i < 2 && b->opts.turns[0]; i++) {
		/* For both, so that it does not wait for the other end. */
		b->turn_fds[i] = open(b->opts.turns[i], O_RDWR | O_CLOEXEC);
		if (b->turn_fds[i] < 0)
			return -errno;
	}
	return 0;
}

int turns_wait(const struct bench *b)
{
	char byte;

	if (!b->opts.turns[0])
		return 0;
	return read(b->turn_fds[0], &byte, 1) == 1 ? 0 : -EIO;
}

int turns_pass(const struct bench *b)
{
	if (!b->opts.turns[0])
		return 0;
	return write(b->turn_fds[1], "", 1) == 1 ? 0 : -EIO;
}
