// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "outlier.h"

struct sl_answers outlier_read(struct outlier *o, struct sl_answers now)
{
	struct sl_answers counted = { .asked = now.asked - o->seen.asked,
				      .answered = now.answered - o->seen.answered };

	if (!o->read)
		counted = (struct sl_answers){};
	o->read = true;
	o->seen = now;
	return counted;
}

bool outlier_is_bad(const struct model_outlier *rule, struct sl_answers counted)
{
	return counted.asked && counted.asked >= rule->requests &&
	       counted.answered < rule->answered * counted.asked;
}

/* a/b < c/d, without dividing. */
static bool answers_less(struct sl_answers a, struct sl_answers b)
{
	return (uint64_t)a.answered * b.asked < (uint64_t)b.answered * a.asked;
}

size_t outlier_worst(const struct model_outlier *rule, const struct sl_answers *counted, size_t n)
{
	size_t worst = n;

	for (size_t i = 0; i < n; i++) {
		if (!outlier_is_bad(rule, counted[i]))
			continue;
		if (worst == n || answers_less(counted[i], counted[worst]))
			worst = i;
	}
	return worst;
}

bool outlier_may_eject(uint32_t taking, uint32_t wanted, double min_healthy)
{
	return taking > 1 && taking - 1 >= min_healthy * wanted;
}

static uint64_t ejection_of(const struct model_outlier *rule, uint32_t in_a_row)
{
	uint64_t ns = rule->ejection_ns;

	for (uint32_t i = 1; i < in_a_row && ns < rule->ejection_max_ns; i++)
		ns *= 2;
	return ns < rule->ejection_max_ns ? ns : rule->ejection_max_ns;
}

void outlier_eject(struct outlier *o, const struct model_outlier *rule, uint64_t now_ns)
{
	o->ejected = true;
	if (o->in_a_row < UINT32_MAX)
		o->in_a_row++;
	o->until_ns = now_ns + ejection_of(rule, o->in_a_row);
}

void outlier_spare(struct outlier *o, uint64_t now_ns)
{
	o->well_ns = now_ns;
}

bool outlier_tick(struct outlier *o, const struct model_outlier *rule, uint64_t now_ns)
{
	if (o->ejected) {
		if (now_ns < o->until_ns)
			return false;
		o->ejected = false;
		o->well_ns = now_ns;
		return true;
	}
	while (o->in_a_row && rule->ejection_ns && now_ns - o->well_ns >= rule->ejection_ns) {
		o->in_a_row--;
		o->well_ns += rule->ejection_ns;
	}
	return false;
}
