/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A traced packet as a line of JSON: explain's members, the interface, and its bytes. */
#ifndef SL_TRACE_LINE_H
#define SL_TRACE_LINE_H

#include "daemon.h"

/* @n: its number. Without @addresses the addresses of others than services and instances
 * are pseudonyms, in the flow and in the bytes, and those of the link are zeros. The
 * caller's to free; NULL: out of memory.
 */
char *trace_line(struct daemon *d, const struct sl_trace *t, uint64_t n, bool addresses);

#endif /* SL_TRACE_LINE_H */
