// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What libxdp and the kernel know about others' programs on an interface. */
#include <errno.h>
#include <stdio.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <xdp/libxdp.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "occupied.h"

/* More links than any machine has: the walk below must end. */
#define WALK_MAX 65536

static void multiprog_closep(struct xdp_multiprog **mp)
{
	if (*mp)
		xdp_multiprog__close(*mp);
}

/* The id of the bpf_link that holds @ifindex's XDP hook; 0: none does. */
static __u32 xdp_link_of(int ifindex)
{
	__u32 id = 0;

	for (int i = 0; i < WALK_MAX && !bpf_link_get_next_id(id, &id); i++) {
		sl_autoclose int fd = bpf_link_get_fd_by_id(id);
		struct bpf_link_info info = { 0 };
		__u32 len = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			continue;
		if (info.type == BPF_LINK_TYPE_XDP && (int)info.xdp.ifindex == ifindex)
			return id;
	}
	return 0;
}

static void add_program(struct str *s, const struct xdp_program *prog)
{
	const char *name = prog ? xdp_program__name(prog) : NULL;

	str_add(s, "%s\"", s->len ? ", " : "");
	str_add_safe(s, name && *name ? name : "?", 32);
	str_add(s, "\" (id %u)", prog ? xdp_program__id(prog) : 0);
}

/* Lists what is attached in @ret; returns the id to unload, 0 if it cannot be told. */
static __u32 list_programs(const struct xdp_multiprog *mp, struct str *ret)
{
	struct xdp_program *prog = NULL, *first = NULL;

	if (xdp_multiprog__is_legacy(mp)) {
		first = xdp_multiprog__main_prog(mp);
		add_program(ret, first);
	} else {
		while ((prog = xdp_multiprog__next_prog(prog, mp))) {
			first = first ? first : prog;
			add_program(ret, prog);
		}
	}
	prog = xdp_multiprog__hw_prog(mp);
	if (prog)
		add_program(ret, prog);
	return first ? xdp_program__id(first) : 0;
}

bool occupied_explain(const char *ifname, int ifindex, struct dataplane_error *reterr)
{
	sl_cleanup(multiprog_closep) struct xdp_multiprog *mp = NULL;
	struct str out = str_over(reterr->text, sizeof(reterr->text));
	char text[256] = "";
	struct str list = str_over(text, sizeof(text));
	__u32 link = xdp_link_of(ifindex), id = 0;
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	mp = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(mp))
		mp = NULL;
	if (mp)
		id = list_programs(mp, &list);
	if (!list.len) {
		if (bpf_xdp_query(ifindex, 0, &query) || query.attach_mode == XDP_ATTACHED_NONE)
			return false;
		id = query.prog_id;
		str_add(&list, "with id %u", id);
	}

	str_add(&out, "%s: XDP program %s is attached; remove it with ", ifname, text);
	if (link)
		str_add(&out,
			"its own tool, for it is held by bpf_link %u: \"bpftool link detach id "
			"%u\"",
			link, link);
	else
		str_add(&out, "\"xdp-loader unload %s --id %u\" or \"ip link set %s xdp off\"",
			ifname, id, ifname);
	return true;
}
