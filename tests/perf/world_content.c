// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the bench's tenant is told by, and which paths it may use: of the services whose
 * messages are looked into alone.
 */
#include <errno.h>
#include <stdlib.h>
#include "common/cleanup.h"
#include "config/identity.h"
#include "world_parts.h"

/* "things.acme.example"; "/sensors". */
static uint8_t host[] = "\x01\x13things.acme.example", path[] = "\x04\x07sensors";
_Static_assert(SL_T_COAP_HOST == 1 && SL_T_ALLOW_PATH == 4, "their roots");

int world_content(const uint32_t *tenant_id, struct plan_trie *ret)
{
	struct model_identity is = { .size = sizeof(host) - 1, .bytes = host };
	struct model_identity may = { .size = sizeof(path) - 1, .bytes = path };
	struct model_tenant solo = {
		.identities = &is, .n_identities = 1, .paths = &may, .n_paths = 1
	};
	struct model m = { .tenants = &solo, .n_tenants = 1 };

	return trie_build(&m, tenant_id, NULL, ret);
}
