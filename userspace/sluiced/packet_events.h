/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sampled packets from the ring buffer, as events of type "packet". */
#ifndef SL_PACKET_EVENTS_H
#define SL_PACKET_EVENTS_H

#include "daemon.h"

#define PACKET_EVENTS_PER_S 100 /* what is more is counted, and told once a second */

int packet_events_open(struct daemon *d, struct packet_events **ret);
void packet_events_close(struct packet_events *p);

#endif /* SL_PACKET_EVENTS_H */
