/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Outliers: who is asked much and answers little, and for how long it takes no new
 * flows. Pure: the caller reads the counters and says what time it is.
 */
#ifndef SL_OUTLIER_H
#define SL_OUTLIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../config/model.h"

/* One instance over time; all zero: nothing is known of it. */
struct outlier {
	bool read; /* .seen is a reading */
	struct sl_answers seen;
	bool ejected;
	uint32_t in_a_row; /* ejections; one less for each ejection time spent well */
	uint64_t until_ns; /* of the ejection */
	uint64_t well_ns;  /* since when it has been well, or lost one from .in_a_row */
};

/* A reading of the counters, which are sums that wrap. Returns what was counted since
 * the last one; the first tells nothing.
 */
struct sl_answers outlier_read(struct outlier *o, struct sl_answers now);

/* Asked often enough to tell, and answered too seldom? */
bool outlier_is_bad(const struct model_outlier *rule, struct sl_answers counted);

/* Of @n countings that of the one that answers least, among the bad; @n: none is. */
size_t outlier_worst(const struct model_outlier *rule, const struct sl_answers *counted, size_t n);

/* May one of the @taking of @wanted that take new flows be ejected? Somebody is left
 * in any case.
 */
bool outlier_may_eject(uint32_t taking, uint32_t wanted, double min_healthy);

/* Eject it: for .ejection_ns, doubled with each ejection in a row, up to the longest. */
void outlier_eject(struct outlier *o, const struct model_outlier *rule, uint64_t now_ns);
/* It was found bad and could not be ejected: it is not well. */
void outlier_spare(struct outlier *o, uint64_t now_ns);
/* Time passes. True: an ejection has just ended. */
bool outlier_tick(struct outlier *o, const struct model_outlier *rule, uint64_t now_ns);

#endif /* SL_OUTLIER_H */
