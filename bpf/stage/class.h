/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Within stage 3: hold the messages of a class to their quota, between device and tenant.
 * Device, class, tenant; what one refuses is charged at none. In programs that look into
 * messages only: a service is looked into where one of its tenants has such a quota.
 */
#ifndef SL_STAGE_CLASS_H
#define SL_STAGE_CLASS_H

#include "../config.h"
#include "../lib/class.h"
#include "../lib/gcra.h"
#include "../lib/mqtt.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "note.h"

/* What is asked of sl_police_by_class(), in one word: classes, the first that has a quota
 * counts; how many messages; and what else has to be known. 0: of no class.
 */
#define CLASS_ASK_MESSAGES_SHIFT 32
#define CLASS_ASK_BUNDLE	 (1ull << 61) /* not classes: see sl_class_of_bundle() */
#define CLASS_ASK_MARK		 (1ull << 62) /* on_excess is mark */
#define CLASS_ASK_BANK		 (1ull << 63)

static __always_inline __u64 class_messages(__u64 ask)
{
	return ask >> CLASS_ASK_MESSAGES_SHIFT & 0xff;
}

struct class_quota {
	struct sl_class_state *state; /* NULL: the message has none */
	__u64 limit, cost;	      /* of the message, or messages */
};

/* The first of the classes that has a quota; 0: none has. */
static __always_inline __u32 class_first(const struct sl_class_set *set, __u64 ask)
{
	for (int i = 0; i < CLASS_ASK_MAX; i++) {
		__u32 cls = ask & (SL_CLASS_SLOTS - 1);

		if (set->slot[cls])
			return cls;
		ask >>= CLASS_ASK_SHIFT;
	}
	return 0;
}

/* VERIFIER: the stack has room for one key: (tenant, bank), then (tenant, class). */
union class_key {
	struct sl_class_key set;
	struct sl_class_state_key state;
};

/* Whose quota is it? */
static __always_inline struct class_quota class_find(__u32 tenant, __u64 ask)
{
	union class_key key = { .set = { .tenant = tenant, .bank = ask >> 63 } };
	const struct sl_class_set *set = bpf_map_lookup_elem(&sl_class_sets, &key.set);
	struct class_quota ret = {};
	__u32 slot;

	if (!set)
		return ret;
	key.state.cls = class_first(set, ask);
	slot = set->slot[key.state.cls & (SL_CLASS_SLOTS - 1)] - 1;
	if (!key.state.cls || slot >= SL_TENANT_CLASSES)
		return ret;
	ret.limit = set->quota[slot].limit;
	ret.cost = set->quota[slot].cost * class_messages(ask);
	ret.state = bpf_map_lookup_elem(&sl_class_states, &key.state);
	return ret;
}

/* VERIFIER: alone, because races for a word are retried. Charge and count the messages of
 * @tenant's. Returns enum sl_reason.
 */
sl_global int sl_class_charge(__u32 tenant, __u64 ask, __u64 now_ns)
{
	struct class_quota q = class_find(tenant, ask);
	enum gcra_result res;

	if (!q.state)
		return SL_R_NONE;
	res = gcra_step(&q.state->tat, now_ns * SL_TAT_PER_NS, q.cost, q.limit,
			cfg_tick_ns * SL_TAT_PER_NS);
	if (res == GCRA_CONFORM) {
		__sync_fetch_and_add(&q.state->admitted, class_messages(ask));
		return SL_R_NONE;
	}
	if (res == GCRA_CONTENDED)
		note(SL_N_CONTENDED);
	__sync_fetch_and_add(ask & CLASS_ASK_MARK ? &q.state->marked : &q.state->refused,
			     class_messages(ask));
	return SL_R_CLASS_MESSAGES;
}

/* VERIFIER: alone, as it is seldom done. Undo that, as the tenant's own quota has refused them.
 * Returns nothing.
 */
sl_global int sl_class_refund(__u32 tenant, __u64 ask)
{
	struct class_quota q = class_find(tenant, ask);

	if (q.state) {
		gcra_refund(&q.state->tat, q.cost);
		__sync_fetch_and_sub(&q.state->admitted, class_messages(ask));
	}
	return 0;
}

/* -- several messages at once -- */

/* VERIFIER: alone, as its ways end in a number. What is asked for the @i-th MQTT message of a
 * segment and all others of its type; @bundle has four bits of each, the first lowest.
 * Together, because what is more than a burst passes when the bucket is full, and a segment
 * that never passes would end its connection. 0: there is none, or one before it is of its
 * type.
 */
sl_global __u64 sl_class_of_bundle(__u64 bundle, __u32 i)
{
	const __u32 ones = 0x11111111, sevens = 0x77777777;
	__u32 type = bundle >> 4 * i & 15;
	__u32 differ = (__u32)bundle ^ type * ones; /* 0 in the places of this type */
	__u32 same = ~(((differ & sevens) + sevens) | differ | sevens) >> 3;
	__u64 n = same * ones >> 28;

	if (!type || same & ((1u << 4 * i) - 1))
		return 0;
	return (bundle & (CLASS_ASK_BANK | CLASS_ASK_MARK)) | n << CLASS_ASK_MESSAGES_SHIFT |
	       (SL_K_MQTT_CONNECT + type - 1);
}
_Static_assert(SL_MQTT_MESSAGES < 16, "the sum fits");

/* VERIFIER: alone, as it is seldom done. Undo the first @n of them. Returns nothing. */
sl_global int sl_class_refund_bundle(__u32 tenant, __u64 bundle, __u32 n)
{
	for (__u32 i = 0; i < SL_MQTT_MESSAGES && i < n; i++) {
		__u64 ask = sl_class_of_bundle(bundle, i);

		if (ask)
			sl_class_refund(tenant, ask);
	}
	return 0;
}

/* VERIFIER: likewise. Each message is of its class; a segment passes or is refused whole. */
sl_global int sl_class_charge_bundle(__u32 tenant, __u64 bundle, __u64 now_ns)
{
	for (__u32 i = 0; i < SL_MQTT_MESSAGES; i++) {
		__u64 ask = sl_class_of_bundle(bundle, i);
		int why = ask ? sl_class_charge(tenant, ask, now_ns) : SL_R_NONE;

		if (why) {
			sl_class_refund_bundle(tenant, bundle, i);
			return why;
		}
	}
	return SL_R_NONE;
}

/* -- which classes -- */

/* Of a CoAP request that sl_content_walk() has gone over. */
static __always_inline __u32 class_coap_ask(__u32 kind, __u32 step)
{
	const struct sl_content *c = content_scratch();
	struct class_facts f = { .kind = kind, .step = step };

	if (!c)
		return kind;
	f.entry = c->lwm2m;
	f.onem2m = c->onem2m;
	f.typed = c->type != SL_TYPE_NONE;
	f.segments = c->segments;
	f.unseen = c->whole ? CLASS_ALL_SEEN : c->number;
	return class_coap(&f);
}

/* VERIFIER: alone, as its ways end in a number. @messages of @kind and @step, of one whose
 * tenant is @account's, by the bank of @bank.
 */
sl_global __u64 sl_class_ask(const struct sl_account *account, __u32 kind, __u32 step,
			     __u32 messages, __u32 bank)
{
	__u64 ask = kind;

	if (!account || !(account->quota_mask & SL_ACCOUNT_CLASSES) || !messages)
		return 0;
	if (kind >= SL_K_COAP_GET && kind <= SL_K_COAP_OTHER)
		ask = class_coap_ask(kind, step);
	ask |= (__u64)(messages & 0xff) << CLASS_ASK_MESSAGES_SHIFT;
	ask |= (__u64)bank << 63;
	return account->excess == SL_X_MARK ? ask | CLASS_ASK_MARK : ask;
}

/* Of a packet whose message is classified, and, of CoAP, whose options are known. */
static __always_inline __u64 class_ask(const struct pkt *p)
{
	return sl_class_ask(p->account, p->kind, p->step, p->messages, p->bank);
}

/* VERIFIER: alone, as all that reads at an offset of the packet's own. Types of the MQTT messages
 * in the payload, four bits each; 0: none begins there.
 */
sl_global __u32 sl_class_types(struct xdp_md *ctx, __u32 payload)
{
	struct cursor c = payload_cursor(ctx, payload);
	struct mqtt_msg msg;
	__u32 types = 0;

	if (mqtt_parse(&c, &msg) == MQTT_OK)
		mqtt_messages(&c, &msg, &types);
	return types;
}

/* The same of protocols other than CoAP, whose messages may come several at once. */
static __always_inline __u64 class_ask_other(const struct pkt *p)
{
	__u64 ask = class_ask(p);

	if (!ask || p->messages < 2)
		return ask;
	ask &= CLASS_ASK_BANK | CLASS_ASK_MARK;
	return ask | CLASS_ASK_BUNDLE | sl_class_types(p->ctx, pkt_payload(p));
}

#endif
