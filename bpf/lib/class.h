/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which quota classes a message may be of: its kind, and of CoAP requests what they ask for:
 * Observe (RFC 7641 2), Block (RFC 7959 2), oneM2M's operations (its CoAP binding, TS-0008),
 * what LwM2M's clients send to a server's /rd and /bs. Pure.
 */
#ifndef SL_CLASS_H
#define SL_CLASS_H

#include <sluice/kind.h>
#include "affinity.h"

/* What a CoAP request's path begins with. */
enum class_entry {
	CLASS_NO_ENTRY,
	CLASS_RD, /* registration, and below it its updates */
	CLASS_BS, /* bootstrap */
};

#define CLASS_ALL_SEEN 0x10000 /* no option has such a number */

struct class_facts {
	__u8 kind;	/* enum sl_kind */
	__u8 step;	/* enum flow_step */
	__u8 entry;	/* enum class_entry */
	bool onem2m;	/* has an option of oneM2M's */
	bool typed;	/* among them a resource type */
	__u32 segments; /* of the path */
	__u32 unseen;	/* options from this number on were not looked at; CLASS_ALL_SEEN */
};

/* Several classes in one word, a byte each, the lowest first. 0: of none. */
#define CLASS_ASK_MAX	3
#define CLASS_ASK_SHIFT 8

/* Numbers of the options that tell; what was not looked at may be there. */
#define CLASS_OPT_OBSERVE  6
#define CLASS_OPT_URI_PATH 11
#define CLASS_OPT_TYPE	   267
#define CLASS_OPT_REQUEST  283 /* every oneM2M request has its identifier */

static __always_inline __u32 class_lwm2m(const struct class_facts *f)
{
	bool below = f->segments > 1;

	if (f->kind == SL_K_COAP_DELETE)
		return f->entry == CLASS_RD && below ? SL_C_LWM2M_DEREGISTER : 0;
	if (f->kind != SL_K_COAP_POST)
		return 0;
	if (f->unseen <= CLASS_OPT_URI_PATH)
		return SL_C_LWM2M_REGISTER;
	if (f->entry == CLASS_RD)
		return below ? SL_C_LWM2M_UPDATE : SL_C_LWM2M_REGISTER;
	return f->entry == CLASS_BS && !below ? SL_C_LWM2M_BOOTSTRAP : 0;
}

/* What is created names its type; a notification is a POST that does not. */
static __always_inline __u32 class_onem2m(const struct class_facts *f)
{
	if (!f->onem2m && f->unseen > CLASS_OPT_REQUEST)
		return 0;
	switch (f->kind) {
	case SL_K_COAP_POST:
		return f->typed || f->unseen <= CLASS_OPT_TYPE ? SL_C_ONEM2M_CREATE
							       : SL_C_ONEM2M_NOTIFY;
	case SL_K_COAP_GET:
		return SL_C_ONEM2M_RETRIEVE;
	case SL_K_COAP_PUT:
		return SL_C_ONEM2M_UPDATE;
	case SL_K_COAP_DELETE:
		return SL_C_ONEM2M_DELETE;
	default:
		return 0;
	}
}

/* A later block belongs to a request that has been counted, so it is nothing but that; an
 * observation costs the most.
 */
static __always_inline __u32 class_coap(const struct class_facts *f)
{
	bool get = f->kind == SL_K_COAP_GET || f->kind == SL_K_COAP_FETCH;
	__u32 first, ask = f->kind;

	if (f->step == FLOW_BLOCK)
		return ask << CLASS_ASK_SHIFT | SL_C_COAP_BLOCK;
	if (f->step == FLOW_REGISTER || (get && f->unseen <= CLASS_OPT_OBSERVE))
		first = SL_C_COAP_OBSERVE;
	else
		first = class_lwm2m(f);
	ask = ask << CLASS_ASK_SHIFT | class_onem2m(f);
	return ask << CLASS_ASK_SHIFT | first;
}

#endif /* SL_CLASS_H */
