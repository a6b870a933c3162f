/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of a packet, in words: one form for explain and trace, an object of JSON
 * (docs/explain.md), and a line of text made of it.
 */
#ifndef SL_TOLD_H
#define SL_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <cjson/cJSON.h>
#include <sluice/abi.h>

struct told {
	const struct sl_event *event;
	uint64_t n, time_ns; /* from 1; since 1970 */
	uint32_t len;	     /* bytes on the wire */
	bool cut;	     /* and fewer of them are there */
	bool has_flow;
	struct sl_addr src, dst; /* as it came */
	/* names; NULL: none */
	const char *service, *tenant, *account, *instance;
	const char *protocol;  /* what the service speaks; NULL: what the headers say */
	uint16_t kind;	       /* enum sl_kind */
	int action;	       /* XDP_* */
	uint32_t rows;	       /* a set: of enum affinity_row */
	const uint32_t *notes; /* a set of enum sl_note; NULL: not known */
};

/* The caller's to delete; NULL: out of memory. */
cJSON *told_json(const struct told *t);

/* Is the packet an instance's answer, whose source is no device? */
bool told_is_answer(const struct sl_event *e);

/* @o: what told_json() made, or the same parsed. @remark: at the end of the line. */
void told_head(FILE *to, bool color);
void told_text(FILE *to, bool color, const cJSON *o, const char *remark);

/* "1700000000.123456789": nanoseconds of the member "ts", which a double does not hold, in
 * @line. 0: there is none.
 */
uint64_t told_time(const char *line);

#endif /* SL_TOLD_H */
