// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "../common/siphash.h"
#include "keys.h"

/* SipHash-2-4 of a counter, as the key a hash of the secret under two fixed keys.
 * Multipliers are odd, so that none of them throws bits away; SipHash's key is none.
 */
static struct siphash_key key_of(const struct model *m)
{
	static const struct siphash_key first = { 0x73656e6f6465206bull, 0 };
	static const struct siphash_key second = { 0x73656e6f6465206bull, 1 };

	return (struct siphash_key){
		.k0 = siphash(&first, m->secret, m->secret_len),
		.k1 = siphash(&second, m->secret, m->secret_len),
	};
}

void keys_derive(const struct model *m, struct sl_control *ret)
{
	const struct siphash_key key = key_of(m);
	uint8_t counter = 0;

	for (int i = 0; i < SL_HASH_WORDS; i++, counter++)
		ret->flow_key[i] = siphash(&key, &counter, sizeof(counter)) | 1;
	for (int i = 0; i < SL_HASH_WORDS; i++, counter++)
		ret->device_key[i] = siphash(&key, &counter, sizeof(counter)) | 1;
	for (int i = 0; i < 2; i++, counter++)
		ret->echo_key[i] = siphash(&key, &counter, sizeof(counter));
}

struct siphash_key keys_etag(const struct model *m)
{
	const struct siphash_key key = key_of(m);
	const char first[] = "etag 0", second[] = "etag 1";

	return (struct siphash_key){ siphash(&key, first, sizeof(first)),
				     siphash(&key, second, sizeof(second)) };
}
