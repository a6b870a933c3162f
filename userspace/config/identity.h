/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What messages say of themselves, as struct model_identity has it: text, and the steps
 * of abi.h's trie.
 */
#ifndef SL_IDENTITY_H
#define SL_IDENTITY_H

#include <stdbool.h>
#include "model.h"

/* Before the strings there is a byte with the root; each has one with its length. */
#define IDENTITY_BYTES (1 + SL_PATH_DEPTH * (1 + SL_IDENTITY_MAX))
/* Every byte of a path may need three characters, and every segment a '/'. */
#define IDENTITY_TEXT (3 * IDENTITY_BYTES)

static inline enum sl_trie_root identity_root(const struct model_identity *i)
{
	return i->bytes[0];
}

/* Of SL_T_DTLS_CID. */
uint32_t identity_number(const struct model_identity *i);

/* As a configuration says it, without a path's needless percent-encoding (RFC 7252 6.5).
 * Returns @ret.
 */
const char *identity_text(const struct model_identity *i, char ret[IDENTITY_TEXT]);

/* The member of "match" with this root; "coap_paths" of SL_T_ALLOW, "path" of
 * SL_T_RESPONSE and SL_T_ROUTE.
 */
const char *identity_member(enum sl_trie_root root);

/* Chunk by chunk; begin with { .of = IDENTITY }. */
struct identity_walk {
	const struct model_identity *of;
	size_t at;    /* what of @of->bytes is behind; no two ways have the same bytes there */
	uint8_t left; /* of a string that is not at its end */
};
/* The next step's key, without parent. False: there is no more. */
bool identity_next(struct identity_walk *w, struct sl_trie_key *ret);

/* How many steps all identities, paths and responses of @m need; those that several share count
 * once. Returns 0, -ENOMEM.
 */
int identity_count_steps(const struct model *m, uint64_t *ret);

#endif /* SL_IDENTITY_H */
