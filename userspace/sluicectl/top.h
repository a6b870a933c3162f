/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two answers of /v1/top -> rates. Pure: time comes with the answers. */
#ifndef SL_CTL_TOP_H
#define SL_CTL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#define TOP_NAME_LEN	64
#define TOP_WHY_LEN	160
#define TOP_WHYS	3 /* reasons told */
#define TOP_LATENCY_LEN 64

enum top_sort {
	TOP_BY_OFFERED,
	TOP_BY_ADMITTED,
	TOP_BY_REFUSED,
	TOP_BY_BYTES,
	TOP_BY_TENANT,
};

struct top_rate { /* a second */
	char tenant[TOP_NAME_LEN];
	double offered, admitted, refused, marked; /* packets */
	double messages, bytes;			   /* admitted */
	char why[TOP_WHY_LEN];	       /* "class_messages 1.2k, fragment 3 (coap.observe 1.2k)" */
	char latency[TOP_LATENCY_LEN]; /* p50 and p99 in between: "coap 2.1ms/40ms" */
};

/* False: no such key. */
bool top_sort_parse(const char *text, enum top_sort *ret);

/* Rates between @before and @now, sorted; the caller's to free. A tenant that
 * @before did not show had no figure then, or was folded; which of the two is
 * not known where tenants were folded: it starts at zero. Counters that went
 * down began anew: no rate, rather than a wrong one.
 * Returns how many; SIZE_MAX if the answers are not what they should be, or
 * lie no time apart.
 */
size_t top_rates(const cJSON *before, const cJSON *now, enum top_sort by, struct top_rate **ret);

/* Of all rows. */
struct top_rate top_sum(const struct top_rate *rows, size_t n);

#endif /* SL_CTL_TOP_H */
