// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tracked connections of the flows of the packet bench: all of W_SEQ_1 and W_SEQ_64K. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include "world_parts.h"

static struct sl_flow_key flow_key(const struct perf_flow *f)
{
	return (struct sl_flow_key){
		.addr = { .w = { 0, 0, htonl(0xffff), htonl(f->addr) } },
		.port = htons(f->port),
		.service = W_MQTT_STREAM + 1,
	};
}

int world_streams(struct world *w)
{
	static const enum world_sequence which[] = { W_SEQ_1, W_SEQ_64K };
	struct sl_flow flow = {
		.who = SL_FLOW_WHO(WORLD_TENANTS + 1, 0, SL_FLOW_NAMED | SL_FLOW_SETTLED),
		.seen = world_now_s(),
	};
	int err = 0;

	for (size_t s = 0; s < SL_ARRAY_SIZE(which); s++) {
		for (uint32_t i = 0; i < w->count[which[s]] && !err; i++) {
			struct sl_flow_key key = flow_key(&w->flows[w->first[which[s]] + i]);

			err = bpf_map_update_elem(w->dp->flows_fd, &key, &flow, BPF_ANY);
		}
	}
	return err;
}
