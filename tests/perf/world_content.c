// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the bench's tenant is told by, which paths it may use, which are a pool's, and its classes:
 * of the services whose messages are looked into alone.
 */
#include <errno.h>
#include <stdlib.h>
#include "common/cleanup.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include "config/identity.h"
#include "lib/echo.h"
#include "sluice.skel.h"
#include "world_parts.h"

struct model_class world_classes[WORLD_CLASSES] = {
	{ .cls = SL_K_COAP_GET, .rate = 1e9, .burst_ns = 100000000 },
	{ .cls = SL_K_MQTT_PUBLISH, .rate = 1e9, .burst_ns = 100000000 },
};

/* "things.acme.example"; "/sensors", twice; "/sensors/core"; 0x11. */
static uint8_t host[] = "\x01\x13things.acme.example", path[] = "\x04\x07sensors",
	       route[] = "\x06\x07sensors";
static uint8_t core[] = "\x05\x07sensors\x04"
			"core",
	       number[] = "\x0a\x04\x00\x00\x00\x11";
_Static_assert(SL_T_COAP_HOST == 1 && SL_T_ALLOW == 4 && SL_T_RESPONSE == 5 && SL_T_ROUTE == 6 &&
		       SL_T_DTLS_CID == 10,
	       "their roots");
static char said[] = "</temperature>;rt=t";

int world_content(const uint32_t *tenant_id, const uint16_t *service_ids, struct plan *plan)
{
	struct model_response says = { .path = { .size = sizeof(core) - 1, .bytes = core },
				       .format = 40,
				       .max_age_s = 3600,
				       .payload = said };
	struct model_identity is[] = { { .size = sizeof(host) - 1, .bytes = host },
				       { .size = sizeof(number) - 1, .bytes = number } };
	struct model_identity may = { .size = sizeof(path) - 1, .bytes = path };
	struct model_route to = {
		.path = { .size = sizeof(route) - 1, .bytes = route },
		.pool_at = W_COAP_POOL,
	};
	struct model_tenant solo = {
		.identities = is,
		.n_identities = SL_ARRAY_SIZE(is),
		.paths = &may,
		.n_paths = 1,
		.responses = &says,
		.n_responses = 1,
	};
	sl_autofree struct model_service *services = calloc(W__SERVICES, sizeof(*services));
	struct model m = {
		.tenants = &solo, .n_tenants = 1, .services = services, .n_services = W__SERVICES
	};

	int err;

	if (!services)
		return -ENOMEM;
	services[W_COAP_ROUTE].routes = &to;
	services[W_COAP_ROUTE].n_routes = 1;
	err = trie_build(&m, tenant_id, service_ids, &plan->trie);
	free(plan->responses);
	plan->responses = NULL;
	return err ? err : responses_build(&m, tenant_id, &plan->responses, &plan->n_responses);
}

int world_proven(struct world *w)
{
	const struct perf_flow one = w->flows[w->first[W_SEQ_1]];
	struct flow f = { .src = addr_from_v4(htonl(one.addr)), .sport = htons(one.port) };
	uint64_t hash = proven_hash(w->dp->control->flow_key, &f, W_COAP_PROVEN + 1);
	struct sl_proven_line line = { .word = { hash >> 32 << 32 | UINT32_MAX } };
	uint32_t at = hash & (SL_PROVEN_LINES - 1);
	struct bpf_map *map = w->dp->skel->maps.sl_proven;

	return bpf_map_update_elem(bpf_map__fd(map), &at, &line, BPF_ANY);
}

int world_classes_of(const uint32_t *tenant_id, uint64_t tick_ns, struct plan_classes *ret)
{
	struct model_tenant solo = { .classes = world_classes, .n_classes = WORLD_CLASSES };
	struct model m = { .tenants = &solo, .n_tenants = 1 };
	struct plan_classes made;
	int err = classes_build(&m, tenant_id, tick_ns, &made);

	if (err)
		return err;
	free(ret->sets);
	free(ret->states);
	*ret = made;
	return 0;
}
