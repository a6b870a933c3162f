// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every string is walked to its end, and steps that several share become one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "../common/siphash.h"
#include "../config/identity.h"
#include "trie.h"

struct trie_draft {
	const struct model *m;
	const uint16_t *services; /* ids */
	struct plan_trie_step *steps;
	size_t n, cap;
};

/* The node behind a step, by what leads to it: the number of the node before stands for
 * the way up to there.
 */
static uint64_t node_number(const struct sl_trie_key *key)
{
	static const struct siphash_key of_tries = { 0x736c7569636520ull, 0x74726965ull };
	uint64_t n = siphash(&of_tries, key, sizeof(*key)) & ~SL_TRIE_BANK;

	return n > SL_T__MAX ? n : n + SL_T__MAX + 1;
}

static struct plan_trie_step *step_add(struct trie_draft *d, const struct sl_trie_key *key)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 64;
		void *bigger = reallocarray(d->steps, cap, sizeof(*d->steps));

		if (!bigger)
			return NULL;
		d->steps = bigger;
		d->cap = cap;
	}
	d->steps[d->n] = (struct plan_trie_step){ .key = *key };
	return &d->steps[d->n++];
}

/* From node @parent, where @last ends unless there is more. */
static int walk_add(struct trie_draft *d, const struct model_identity *of, uint64_t parent,
		    struct plan_trie_step *last, uint32_t value)
{
	struct identity_walk w = { .of = of };
	struct sl_trie_key key;

	while (identity_next(&w, &key)) {
		if (last)
			last->node.child = parent;
		key.parent = parent;
		last = step_add(d, &key);
		if (!last)
			return -ENOMEM;
		parent = node_number(&key);
	}
	if (last)
		last->node.value = value;
	return 0;
}

/* The first step of what belongs to one tenant or one service. */
static struct sl_trie_key key_of_id(enum sl_trie_root root, uint32_t id)
{
	struct sl_trie_key key = { .parent = root, .len = sizeof(id) };

	memcpy(key.text, &id, sizeof(id));
	return key;
}

static int allowed_add(struct trie_draft *d, const struct model_identity *path, uint32_t tenant)
{
	struct sl_trie_key key = key_of_id(SL_T_ALLOW, tenant);
	struct plan_trie_step *first;

	first = step_add(d, &key);
	return first ? walk_add(d, path, node_number(&key), first, 1) : -ENOMEM;
}

/* What of oneM2M it may do; and without paths it may use all. */
static int onem2m_add(struct trie_draft *d, const struct model_tenant *t, uint32_t tenant)
{
	struct sl_trie_key key = key_of_id(SL_T_ALLOW, tenant);
	struct sl_trie_key type = { .parent = node_number(&key), .len = SL_TRIE_RULE };
	struct plan_trie_step *step;

	if (!t->denied_operations && !t->types)
		return 0;
	step = step_add(d, &key);
	if (!step)
		return -ENOMEM;
	step->node.more = t->denied_operations | (t->n_paths ? 0 : SL_ALLOW_ANY_PATH);
	if (t->types) {
		step->node.more |= SL_ALLOW_TYPES;
		step->node.child = type.parent;
	}
	for (int i = 0; i < SL_TYPES; i++) {
		if (!(t->types >> i & 1))
			continue;
		type.text[0] = i;
		step = step_add(d, &type);
		if (!step)
			return -ENOMEM;
		step->node.value = 1;
	}
	return 0;
}

static int response_add(struct trie_draft *d, const struct model_response *r, uint32_t tenant,
			uint32_t service, uint32_t number)
{
	struct sl_trie_key key = { .parent = SL_T_RESPONSE,
				   .len = sizeof(tenant) + sizeof(service) };
	struct plan_trie_step *first;

	memcpy(key.text, &tenant, sizeof(tenant));
	memcpy(key.text + sizeof(tenant), &service, sizeof(service));
	first = step_add(d, &key);
	return first ? walk_add(d, &r->path, node_number(&key), first, number) : -ENOMEM;
}

/* 0: no service is meant. */
static uint32_t service_id(const struct trie_draft *d, const char *name)
{
	for (size_t i = 0; name[0] && i < d->m->n_services; i++)
		if (!strcmp(d->m->services[i].name, name))
			return d->services[i];
	return 0;
}

static int tenant_add(struct trie_draft *d, const struct model_tenant *t, uint32_t id)
{
	int err = 0;

	for (size_t i = 0; i < t->n_identities && !err; i++)
		err = walk_add(d, &t->identities[i], identity_root(&t->identities[i]), NULL, id);
	for (size_t i = 0; i < t->n_paths && !err; i++)
		err = allowed_add(d, &t->paths[i], id);
	for (size_t i = 0; i < t->n_responses && !err; i++)
		err = response_add(d, &t->responses[i], id, service_id(d, t->responses[i].service),
				   i + 1);
	return err ? err : onem2m_add(d, t, id);
}

static struct sl_route_rule rule_of(const struct model_route *r, const uint32_t *tenants)
{
	struct sl_route_rule rule = { .method = r->method };

	if (r->method)
		rule.sort |= SL_ROUTE_METHOD;
	if (r->has_type) {
		rule.sort |= SL_ROUTE_TYPE;
		rule.type = r->type;
	}
	if (r->tenant[0]) {
		rule.sort |= SL_ROUTE_TENANT;
		rule.tenant = tenants[r->tenant_at];
	}
	return rule;
}

static int route_add(struct trie_draft *d, const struct model_route *r, uint32_t service,
		     const struct sl_route_rule *rule, uint32_t pool)
{
	struct identity_walk w = { .of = &r->path };
	struct sl_trie_key key = key_of_id(SL_T_ROUTE, service), last = { .len = SL_TRIE_RULE };
	struct plan_trie_step *step = step_add(d, &key);
	uint64_t parent = node_number(&key);

	while (step && identity_next(&w, &key)) {
		step->node.child = parent;
		key.parent = parent;
		step = step_add(d, &key);
		parent = node_number(&key);
	}
	if (!step)
		return -ENOMEM;
	step->node.child = parent;
	step->node.more = 1u << rule->sort;
	last.parent = parent;
	memcpy(last.text, rule, sizeof(*rule));
	step = step_add(d, &last);
	if (!step)
		return -ENOMEM;
	step->node.value = pool;
	return 0;
}

static int routes_add(struct trie_draft *d, const struct model_service *s, uint32_t id,
		      const uint32_t *tenants, const uint16_t *services)
{
	int err = 0;

	for (size_t i = 0; i < s->n_routes && !err; i++) {
		struct sl_route_rule rule = rule_of(&s->routes[i], tenants);

		err = route_add(d, &s->routes[i], id, &rule, services[s->routes[i].pool_at]);
	}
	return err;
}

/* -- one of each -- */

static int step_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_trie_key)); /* first in plan_trie_step */
}

/* What @b says of the step that is in @a, too. */
static int step_join(struct sl_trie_node *a, const struct sl_trie_node *b)
{
	if (a->value && b->value && a->value != b->value)
		return -EEXIST;
	a->value |= b->value;
	a->more |= b->more;
	a->child |= b->child; /* the same, or there is none */
	return 0;
}

static int steps_join(struct trie_draft *d)
{
	size_t kept = 0;

	if (d->n)
		qsort(d->steps, d->n, sizeof(*d->steps), step_compare);
	for (size_t i = 0; i < d->n; i++) {
		int err = 0;

		if (kept && !step_compare(&d->steps[kept - 1], &d->steps[i]))
			err = step_join(&d->steps[kept - 1].node, &d->steps[i].node);
		else
			d->steps[kept++] = d->steps[i];
		if (err)
			return err;
	}
	d->n = kept;
	return 0;
}

static int number_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Two ways to one node would take each other's messages. */
static int numbers_check(const struct trie_draft *d)
{
	sl_autofree uint64_t *numbers = calloc(d->n + 1, sizeof(*numbers));
	size_t n = 0;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (d->steps[i].node.child)
			numbers[n++] = d->steps[i].node.child;
	qsort(numbers, n, sizeof(*numbers), number_compare);
	for (size_t i = 1; i < n; i++)
		if (numbers[i] == numbers[i - 1])
			return -EEXIST;
	return 0;
}

/* Do messages of the service name identities of this sort? */
static bool is_asked(const struct model_service *s, enum sl_trie_root root)
{
	switch (root) {
	case SL_T_MQTT_USERNAME:
	case SL_T_MQTT_CLIENT_ID:
		return s->track && s->protocol == SL_P_MQTT;
	case SL_T_TLS_SNI:
		return s->track && s->protocol != SL_P_MQTT;
	case SL_T_DTLS_CID:
		return s->cid.tenant_bits;
	default:
		return s->protocol == SL_P_COAP;
	}
}

bool trie_responds(const struct model_tenant *t, const struct model_service *s)
{
	for (size_t i = 0; i < t->n_responses; i++) {
		const char *of = t->responses[i].service;

		if (s->protocol == SL_P_COAP && (!of[0] || !strcmp(of, s->name)))
			return true;
	}
	return false;
}

uint8_t trie_flags(const struct model_tenant *t, const struct model_service *s)
{
	uint8_t flags = 0;

	if (s->protocol == SL_P_COAP && (model_allows_some(t) || trie_responds(t, s)))
		flags |= SL_SVC_CONTENT;
	for (size_t i = 0; i < t->n_identities && !s->tenant[0]; i++)
		if (is_asked(s, identity_root(&t->identities[i])))
			flags |= SL_SVC_CONTENT | SL_SVC_IDENTIFY;
	return flags;
}

int trie_build(const struct model *m, const uint32_t *ids, const uint16_t *services,
	       struct plan_trie *ret)
{
	struct trie_draft d = { .m = m, .services = services };
	int err = 0;

	for (size_t i = 0; i < m->n_tenants && !err; i++)
		err = tenant_add(&d, &m->tenants[i], ids[i]);
	for (size_t i = 0; i < m->n_services && !err; i++)
		err = routes_add(&d, &m->services[i], services[i], ids, services);
	if (!err)
		err = steps_join(&d);
	if (!err)
		err = numbers_check(&d);
	if (err) {
		free(d.steps);
		return err;
	}
	*ret = (struct plan_trie){ .steps = d.steps, .n_steps = d.n };
	return 0;
}
