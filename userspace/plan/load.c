// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counters to load, see load.h. */
#include "load.h"

/* @now - @before for all members. False if any of them went back. */
static bool counters_since(const struct load_counters *before, const struct load_counters *now,
			   struct load_counters *ret)
{
	bool forward =
		now->refused_device >= before->refused_device && now->unserved >= before->unserved;

	ret->refused_device = now->refused_device - before->refused_device;
	ret->unserved = now->unserved - before->unserved;
	for (int q = 0; q < SL_Q__MAX; q++) {
		forward &= now->admitted[q] >= before->admitted[q] &&
			   now->refused[q] >= before->refused[q];
		ret->admitted[q] = now->admitted[q] - before->admitted[q];
		ret->refused[q] = now->refused[q] - before->refused[q];
	}
	return forward;
}

/* What one refused packet is worth in @unit. */
static double packet_worth(const struct load_counters *delta, enum sl_quota unit)
{
	if (unit != SL_Q_BYTES)
		return 1;
	if (!delta->admitted[SL_Q_PACKETS])
		return 0; /* its size is not known: better no load than an invented one */
	return (double)delta->admitted[SL_Q_BYTES] / (double)delta->admitted[SL_Q_PACKETS];
}

bool load_rates(const struct load_counters *before, const struct load_counters *now, uint64_t dt_ns,
		enum sl_quota unit, double quota, struct load_rates *ret)
{
	struct load_counters delta;
	double worth, wanted, other, dt_s = (double)dt_ns / 1e9;

	if (!dt_ns || !counters_since(before, now, &delta))
		return false;

	worth = packet_worth(&delta, unit);
	wanted = (double)delta.admitted[unit] +
		 worth * (double)(delta.refused[unit] + delta.unserved);
	other = (double)delta.refused_device;
	for (int q = 0; q < SL_Q__MAX; q++)
		if (q != (int)unit)
			other += (double)delta.refused[q];

	/* Only SYNs can be refused by a quota of connections, but any packet by the
	 * others: those say nothing of connections that were wanted.
	 */
	if (unit == SL_Q_CONNECTIONS)
		other = 0;

	ret->offered = (wanted + worth * other) / dt_s;
	ret->load = wanted / dt_s;
	if (quota > 0 && ret->load > quota)
		ret->load = quota;
	return true;
}

void load_average_add(struct load_average *a, double sample, uint64_t dt_ns, uint64_t tau_ns)
{
	double weight = 1;

	if (a->primed && tau_ns)
		weight = (double)dt_ns / ((double)dt_ns + (double)tau_ns);
	a->value += weight * (sample - a->value);
	a->primed = true;
}
