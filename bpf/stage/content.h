/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a CoAP request says of itself: its host, its path and who asks, oneM2M's
 * originator. From that follow its tenant, what the tenant may do (allow.h), and which
 * instances it is for (route.h).
 * Only requests have options that say so; all else is the default tenant's.
 *
 * Strings are looked up byte by byte, as a trie in sl_trie: see <sluice/abi.h>.
 */
#ifndef SL_STAGE_CONTENT_H
#define SL_STAGE_CONTENT_H

#include "../lib/class.h"
#include "../lib/coap.h"
#include "../maps.h"
#include "../pkt.h"
#include "echo.h"
#include "note.h"
#include "police.h"
#include "resolve.h"

/* Options by their numbers: RFC 7252 5.10; oneM2M TS-0008 6.2.3. */
#define COAP_OPT_URI_HOST      3
#define COAP_OPT_ETAG	       4
#define COAP_OPT_URI_PORT      7
#define COAP_OPT_OSCORE	       9 /* RFC 8613 */
#define COAP_OPT_URI_PATH      11
#define COAP_OPT_ACCEPT	       17
#define COAP_OPT_PROXY_URI     35
#define COAP_OPT_PROXY_SCHEME  39
#define COAP_OPT_RESOURCE_TYPE 267
#define COAP_OPT_ORIGINATOR    279

/* -- what its options are -- */

static __always_inline __u32 content_byte(const struct sl_content *c, __u32 off)
{
	return c->option[off & (SL_CONTENT_BYTES - 1)];
}

static __always_inline __u32 content_extended(const struct sl_content *c, __u32 nibble, __u32 *off)
{
	__u32 ret = nibble;

	if (nibble == COAP_EXTENDED) {
		ret += content_byte(c, *off);
		*off += 1;
	} else if (nibble == COAP_EXTENDED + 1) {
		ret = 269 + (content_byte(c, *off) << 8 | content_byte(c, *off + 1));
		*off += 2;
	}
	return ret;
}

/* oneM2M's options, 259 to 311, are each the fourth number (TS-0008 6.2.3). */
static __always_inline bool content_is_onem2m(__u32 number)
{
	return number >= 259 && number <= 311 && (number & 3) == 3;
}

/* Of a path's first segment. */
static __always_inline enum class_entry content_entry(const struct sl_content *c, __u32 off,
						      __u32 len)
{
	__u32 two = content_byte(c, off) << 8 | content_byte(c, off + 1);

	if (len != 2)
		return CLASS_NO_ENTRY;
	return two == ('r' << 8 | 'd')	 ? CLASS_RD
	       : two == ('b' << 8 | 's') ? CLASS_BS
					 : CLASS_NO_ENTRY;
}

static __always_inline bool content_is_dots(const struct sl_content *c, __u32 off, __u32 len)
{
	return len && len <= 2 && content_byte(c, off) == '.' &&
	       content_byte(c, off + len - 1) == '.';
}

/* Bits of sl_content.options: options of these numbers; a payload; any other option but
 * Echo; and one that is repeated and may not be.
 */
#define CONTENT_OTHER	63
#define CONTENT_PAYLOAD 0
static __always_inline __u64 content_bit(__u32 number, bool repeated)
{
	if (number == COAP_OPT_ECHO)
		return 0;
	if (repeated && number != COAP_OPT_ETAG && number != COAP_OPT_URI_PATH)
		number = CONTENT_OTHER;
	return 1ull << (number < CONTENT_OTHER ? number : CONTENT_OTHER);
}

/* An integer (RFC 7252 3.2); of more than two bytes it is more than anybody asks for. */
static __always_inline __u32 content_number(const struct sl_content *c, __u32 off, __u32 len)
{
	if (len > 2)
		return SL_TYPE_NONE - 1;
	if (len == 2)
		return content_byte(c, off) << 8 | content_byte(c, off + 1);
	return len ? content_byte(c, off) : 0;
}

/* Of an option that may not be repeated the first counts (RFC 7252 5.4.5). */
static __always_inline void content_keep(struct sl_content *c, bool repeated, __u32 off, __u32 len)
{
	struct sl_text text = { .at = c->base + off, .len = len };

	c->options |= content_bit(c->number, repeated);
	switch (c->number) {
	case COAP_OPT_ETAG:
		if (c->etags < SL_ETAGS)
			c->etag[c->etags & (SL_ETAGS - 1)] = text;
		c->etags++;
		break;
	case COAP_OPT_ACCEPT:
		c->accept = text;
		break;
	case COAP_OPT_URI_HOST:
		if (!repeated)
			c->host = text;
		break;
	case COAP_OPT_OSCORE:
		c->oscore = true;
		break;
	case COAP_OPT_URI_PATH:
		if (content_is_dots(c, off, len))
			c->detour = true;
		if (!c->segments)
			c->lwm2m = content_entry(c, off, len);
		if (c->segments < SL_PATH_DEPTH)
			c->segment[c->segments & (SL_PATH_DEPTH - 1)] = text;
		c->segments++;
		break;
	case COAP_OPT_PROXY_URI:
	case COAP_OPT_PROXY_SCHEME:
		c->detour = true;
		break;
	case COAP_OPT_RESOURCE_TYPE:
		/* Which of several a server goes by is not known: it is none that is allowed. */
		c->type = repeated ? SL_TYPE_NONE - 1 : content_number(c, off, len);
		break;
	case COAP_OPT_ECHO:
		if (!repeated)
			c->echo = text;
		break;
	case COAP_OPT_ORIGINATOR:
		if (!repeated)
			c->originator = text;
		break;
	}
}
_Static_assert(!(SL_PATH_DEPTH & (SL_PATH_DEPTH - 1)), "a mask");

/* One option; for bpf_loop(), so that it is verified once. Returns 1 at the end of what
 * matters. Whether the message is well-formed has been found out before.
 */
static long content_option(__u32 i, void *nothing)
{
	struct sl_content *c = content_scratch();
	__u32 off, first, delta, len;

	(void)i, (void)nothing;
	if (!c)
		return 1;
	off = c->off;
	if (off >= c->len) /* the message's end, or that of what is looked at */
		return 1;
	first = content_byte(c, off++);
	if (first == COAP_MARKER) {
		c->whole = true;
		c->options |= 1 << CONTENT_PAYLOAD;
		return 1;
	}
	delta = content_extended(c, first >> 4, &off);
	len = content_extended(c, first & 15, &off);
	c->number += delta;
	c->onem2m |= content_is_onem2m(c->number);
	if (c->number > COAP_OPT_ORIGINATOR) {
		c->whole = true;
		c->options |= 1ull << CONTENT_OTHER;
		return 1;
	}
	if (off > c->len || off + len > c->len)
		return 1;
	content_keep(c, !delta, off, len);
	c->off = off + len;
	return 0;
}

/* VERIFIER: alone, as all that reads at an offset of the packet's own. Walk over the options
 * of the message of @left bytes at @at; 0: it is malformed, and nothing is taken from it.
 * Returns 0: done, as far as it goes.
 */
sl_global int sl_content_walk(struct xdp_md *ctx, __u32 at, __u32 left)
{
	struct sl_content *c = content_scratch();
	struct coap_hdr h;
	__u32 n;

	if (!c)
		return -1;
	__builtin_memset(&c->node, 0, sizeof(*c) - offsetof(struct sl_content, node));
	c->request = true;
	c->type = SL_TYPE_NONE;
	if (!left)
		return 0;
	if (bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, &h, sizeof(h)))
		return -1;
	c->request = h.code && !coap_class(h.code);
	n = sizeof(h) + (h.ver_type_tkl & 15);
	at += n;
	if (left <= n) { /* no options, no payload */
		c->whole = true;
		return 0;
	}
	left -= n;
	c->base = at;
	c->len = left < SL_CONTENT_BYTES ? left : SL_CONTENT_BYTES;
	n = c->len - 1;
	sl_opaque(n); /* VERIFIER: 6.1 does not see that a number is not 0 */
	n &= SL_CONTENT_BYTES - 1;
	if (bpf_xdp_load_bytes(ctx, at & (2 * PAYLOAD_OFFSET_MAX + 1), c->option, n + 1))
		return -1;
	bpf_loop(SL_COAP_OPTIONS, content_option, NULL, 0);
	if (c->off == left)
		c->whole = true;
	return 0;
}

/* -- who and what it names -- */

/* Eight letters at once: those from A to Z become small (RFC 7252 6.4). */
static __always_inline __u64 lower_word(__u64 w)
{
	const __u64 ones = 0x0101010101010101ull, high = 0x80 * ones;
	__u64 low7 = w & ~high;
	__u64 is_upper = (low7 + (0x80 - 'A') * ones) & ~(low7 + (0x7f - 'Z') * ones) & ~w & high;

	return w | is_upper >> 2;
}

static __always_inline void lower_chunk(struct sl_trie_key *key)
{
	__u64 *w = (__u64 *)key; /* the text begins in the middle of a word */
	__u64 head = w[1] & 0xffff;

	_Static_assert(offsetof(struct sl_trie_key, text) == 10, "two bytes in front");
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	head = w[1] & 0xffffull << 48;
	w[1] = head | (lower_word(w[1]) & ~(0xffffull << 48));
#else
	w[1] = head | (lower_word(w[1]) & ~0xffffull);
#endif
	w[2] = lower_word(w[2]);
	w[3] = lower_word(w[3]);
}

/* VERIFIER: alone, as it is called for many strings. Go on from @parent by the string at
 * @at. Returns what ends where that leads, and leaves the node in the scratch; 0: the trie
 * does not have it, or nothing ends there.
 */
sl_global __u32 sl_trie_string(struct xdp_md *ctx, __u64 parent, __u32 at, __u32 len, bool lower)
{
	struct sl_content *c = content_scratch();
	const struct sl_trie_node *node;
	__u64 bank = parent & SL_TRIE_BANK;

	if (!c)
		return 0;
	c->node.child = 0;
	c->node.value = 0;
	c->node.more = 0;
	if (len > SL_IDENTITY_MAX)
		return 0;
	for (int i = 0; i < SL_IDENTITY_MAX / SL_TRIE_CHUNK; i++) {
		__u32 n = len < SL_TRIE_CHUNK ? len : SL_TRIE_CHUNK;

		__builtin_memset(&c->key, 0, sizeof(c->key));
		c->key.parent = parent;
		c->key.len = len;
		if (!n) /* nothing is called nothing */
			return 0;
		n = (n - 1) & 31;
		sl_opaque(n);
		if (n >= SL_TRIE_CHUNK || bpf_xdp_load_bytes(ctx, at & 0xffff, c->key.text, n + 1))
			return 0;
		if (lower)
			lower_chunk(&c->key);
		node = bpf_map_lookup_elem(&sl_trie, &c->key);
		if (!node)
			return 0;
		parent = node->child | bank;
		at += n + 1;
		len -= n + 1;
		if (!len) {
			c->node = *node;
			return node->value;
		}
		if (!node->child)
			return 0;
	}
	return 0;
}
_Static_assert(SL_IDENTITY_MAX % SL_TRIE_CHUNK == 0, "whole chunks");

/* What is the longest beginning of the path that @parent's branch has? 0: none. */
static __always_inline __u32 content_path(struct xdp_md *ctx, struct sl_content *c, __u64 parent)
{
	__u64 bank = parent & SL_TRIE_BANK;
	__u32 found = 0;

	for (__u32 i = 0; i < SL_PATH_DEPTH; i++) {
		__u32 value;

		if (i >= c->segments)
			break;
		value = sl_trie_string(ctx, parent, c->segment[i].at, c->segment[i].len, false);
		if (value)
			found = value;
		if (!c->node.child)
			break;
		parent = c->node.child | bank;
	}
	return found;
}

/* VERIFIER: alone, for the stack. Whose is the request? What is harder to forge comes first.
 * Returns the tenant; 0: nobody that is known.
 */
sl_global __u32 sl_content_tenant(struct xdp_md *ctx, __u64 bank)
{
	struct sl_content *c = content_scratch();
	__u32 tenant = 0;

	if (!c)
		return 0;
	bank &= SL_TRIE_BANK;
	if (c->originator.len)
		tenant = sl_trie_string(ctx, SL_T_ORIGINATOR | bank, c->originator.at,
					c->originator.len, false);
	if (!tenant && c->host.len)
		tenant = sl_trie_string(ctx, SL_T_COAP_HOST | bank, c->host.at, c->host.len, true);
	if (!tenant)
		tenant = content_path(ctx, c, SL_T_COAP_PATH | bank);
	if (!tenant)
		note(c->whole ? SL_N_IDENTITY_MISSED : SL_N_IDENTITY_UNKNOWN);
	return tenant;
}

/* -- the stages -- */

static __always_inline __u64 content_bank(const struct pkt *p)
{
	return (__u64)p->bank << 63;
}

/* Until it has said who it is, a message is its source's or the default tenant's. A change of
 * the configuration may have come between the two programs.
 */
static __always_inline enum sl_reason stage_resolve_content(struct pkt *p)
{
	struct sl_content *c = content_scratch();

	p->svc = resolve_service(p);
	if (!c)
		return SL_R_INTERNAL;
	if (!p->svc)
		return SL_R_NOT_OURS;
	if (p->svc->protocol != SL_P_COAP) /* just become another: the next packet will do */
		return SL_R_NO_INSTANCE;
	*(volatile __u32 *)&c->tenant = resolve_source(p);
	return SL_R_NONE;
}

/* Of a datagram that is CoAP, as the service says, and of nobody that is known yet. */
static __always_inline enum sl_reason stage_classify_content(struct pkt *p)
{
	struct sl_content *c = content_scratch();
	__u32 why = classify_malformed_coap(p);

	if (!why || !c || !(p->svc->flags & SL_SVC_DROP_MALFORMED))
		return SL_R_NONE; /* stage_route knows whose it is, and counts it */
	why = resolve_account(p, c->tenant) ?: why;
	classify_count(p);
	return why;
}

/* Is it a request? Or may be one: what is malformed, and what lies behind the linear bytes. */
static __always_inline bool content_is_request(const struct pkt *p)
{
	__u32 method = p->kind - SL_K_COAP_GET;

	return p->malformed || p->kind == SL_K_UDP || method <= SL_METHODS;
}

/* It is asked who it is before anybody knows what it wants: as its source's, or the default
 * tenant's, and of the service itself.
 */
static __always_inline enum sl_reason identify_unproven(struct pkt *p, const struct sl_content *c)
{
	enum sl_reason why = resolve_account(p, c->tenant);

	if (why)
		return why;
	classify_count(p);
	return p->malformed ? p->malformed : SL_R_CHALLENGED;
}

static __always_inline enum sl_reason stage_identify(struct pkt *p)
{
	struct sl_content *c = content_scratch();

	if (!content_is_request(p))
		return SL_R_NONE;
	if (!c || sl_content_walk(p->ctx, p->cur.pos - (void *)(long)p->ctx->data,
				  p->malformed ? 0 : p->cur.left))
		return SL_R_INTERNAL;
	if (p->svc->echo_s && !sl_echo_proven(p->ctx, pkt_flow(p), p->svc))
		return identify_unproven(p, c);
	if (!c->tenant && p->svc->flags & SL_SVC_IDENTIFY)
		*(volatile __u32 *)&c->tenant = sl_content_tenant(p->ctx, content_bank(p));
	return SL_R_NONE;
}

#endif
