/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sweep: walks the pins in small steps on the loop's timer, deletes those that
 * are idle or say what the slot says, settles slots that have none left, and so
 * finds out which instances are drained and which ids are free.
 */
#ifndef SL_SWEEP_H
#define SL_SWEEP_H

#include "daemon.h"

int sweep_open(struct daemon *d, struct sweep **ret);
void sweep_close(struct sweep *s);

/* Something drains: begin the next pass within a second. NULL is fine. */
void sweep_soon(struct sweep *s);

#endif /* SL_SWEEP_H */
