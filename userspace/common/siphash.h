/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012): a keyed 64-bit hash of bytes. Pure. */
#ifndef SL_SIPHASH_H
#define SL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1; /* the key's 16 bytes as two little-endian words */
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif /* SL_SIPHASH_H */
