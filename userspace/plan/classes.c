// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include "../config/class.h"
#include "classes.h"
#include "plan.h"

/* A bucket like the tenant's own of messages. */
static struct sl_class_quota quota_of(const struct model_class *c, uint64_t tick_ns)
{
	struct model_tenant like = { .quota = { .burst_ns = c->burst_ns } };
	struct sl_account a = {};

	like.quota.rate[SL_Q_MESSAGES] = c->rate;
	plan_quota(&like, tick_ns, &a);
	return (struct sl_class_quota){ .limit = a.limit, .cost = a.cost[SL_Q_MESSAGES] };
}

int class_state_compare(const void *a, const void *b)
{
	const struct sl_class_state_key *x = a, *y = b;

	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return (x->cls > y->cls) - (x->cls < y->cls);
}

static void tenant_add(const struct model_tenant *t, uint32_t id, uint64_t tick_ns,
		       struct plan_classes *to)
{
	struct plan_class_set *set = &to->sets[to->n_sets++];

	set->key.tenant = id;
	for (size_t i = 0; i < t->n_classes; i++) {
		const struct model_class *c = &t->classes[i];

		set->value.slot[c->cls] = i + 1;
		set->value.quota[i] = quota_of(c, tick_ns);
		to->states[to->n_states++] =
			(struct sl_class_state_key){ .tenant = id, .cls = c->cls };
	}
}

int classes_build(const struct model *m, const uint32_t *ids, uint64_t tick_ns,
		  struct plan_classes *ret)
{
	struct plan_classes c = {};
	size_t sets = 0, states = 0;

	for (size_t i = 0; i < m->n_tenants; i++) {
		sets += m->tenants[i].n_classes > 0;
		states += m->tenants[i].n_classes;
	}
	c.sets = calloc(sets + 1, sizeof(*c.sets));
	c.states = calloc(states + 1, sizeof(*c.states));
	if (!c.sets || !c.states) {
		free(c.sets);
		free(c.states);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->n_tenants; i++)
		if (m->tenants[i].n_classes)
			tenant_add(&m->tenants[i], ids[i], tick_ns, &c);
	qsort(c.states, c.n_states, sizeof(*c.states), class_state_compare);
	*ret = c;
	return 0;
}

uint8_t classes_flags(const struct model_tenant *t, const struct model_service *s)
{
	if (s->protocol == SL_P_MQTTSN && t->excess == SL_X_ANSWER)
		return SL_SVC_CONTENT;
	if (!model_is_udp(s->protocol) && t->reset_syn)
		return SL_SVC_CONTENT;
	for (size_t i = 0; i < t->n_classes; i++)
		if (class_protocol(t->classes[i].cls) == s->protocol)
			return SL_SVC_CONTENT;
	return 0;
}

uint8_t classes_mask(const struct model_tenant *t)
{
	return (t->n_classes ? SL_ACCOUNT_CLASSES : 0) | (t->reset_syn ? SL_ACCOUNT_RESET_SYN : 0);
}
