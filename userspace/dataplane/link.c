// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Links: one pinned bpf_link for each interface, adopted and updated in place. */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../common/cleanup.h"
#include "dataplane.h"
#include "occupied.h"
#include "pins.h"
#include "sluice.skel.h"

/* What one attach knows on its way. */
struct attach {
	struct dataplane *dp;
	const char *ifname;
	int ifindex;
	char path[PATH_MAX]; /* of the pin */
	struct dataplane_error *reterr;
};

static int say(const struct attach *a, int err, const char *what)
{
	snprintf(a->reterr->text, sizeof(a->reterr->text), "%s: %s: %s", a->ifname, what,
		 strerror(-err));
	return err;
}

static int link_info(int fd, struct bpf_link_info *ret)
{
	__u32 len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &len);
}

/* In which mode the interface runs the program with @prog_id. */
static enum link_mode mode_of(int ifindex, __u32 prog_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query(ifindex, 0, &query) || !prog_id)
		return LINK_NONE;
	if (query.drv_prog_id == prog_id)
		return LINK_NATIVE;
	if (query.skb_prog_id == prog_id)
		return LINK_GENERIC;
	/* Only one is attached: libbpf tells it without its mode's own member. */
	if (query.prog_id != prog_id)
		return LINK_NONE;
	return query.attach_mode == XDP_ATTACHED_SKB ? LINK_GENERIC : LINK_NATIVE;
}

/* The pinned link is not this interface's. If it lives on another one (which was
 * renamed), its pin takes that one's name; a dead link's pin goes.
 */
static int set_aside(struct attach *a, __u32 other)
{
	char name[IF_NAMESIZE], path[PATH_MAX];
	int err;

	if (!other || !if_indextoname(other, name))
		return pins_drop_link(a->path);
	err = pins_path(path, a->dp->pin_root, SL_PIN_LINKS, name);
	if (!err && rename(a->path, path))
		err = -errno;
	return err;
}

/* Take over the pinned link. -ENOENT: there is none for this interface. */
static int adopt(struct attach *a, enum model_mode mode, enum link_mode *ret_mode)
{
	sl_autoclose int fd = bpf_obj_get(a->path);
	struct bpf_link_info info;
	int err;

	if (fd < 0)
		return fd == -ENOENT ? fd : say(a, fd, "the pinned link cannot be opened");
	err = link_info(fd, &info);
	if (err)
		return say(a, err, "the pinned link cannot be read");
	if (info.type != BPF_LINK_TYPE_XDP || (int)info.xdp.ifindex != a->ifindex) {
		err = set_aside(a, info.type == BPF_LINK_TYPE_XDP ? info.xdp.ifindex : 0);
		return err ? say(a, err, "the pin of another interface's link is in the way")
			   : -ENOENT;
	}
	err = bpf_link_update(fd, bpf_program__fd(a->dp->skel->progs.sl_xdp), NULL);
	if (!err)
		err = link_info(fd, &info);
	if (err)
		return say(a, err, "the link cannot be updated");

	*ret_mode = mode_of(a->ifindex, info.prog_id);
	if (*ret_mode == LINK_GENERIC ? mode != MODE_GENERIC : mode == MODE_GENERIC)
		snprintf(a->reterr->text, sizeof(a->reterr->text),
			 "%s: still in %s mode, as it was attached: a change loses packets; "
			 "\"sluicectl "
			 "detach %s\" and \"sluicectl reload\" attach it anew",
			 a->ifname, *ret_mode == LINK_GENERIC ? "generic" : "native", a->ifname);
	return 0;
}

/* Returns the link's descriptor or a negative errno. */
static int create(const struct attach *a, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(bpf_program__fd(a->dp->skel->progs.sl_xdp), a->ifindex, BPF_XDP,
			       &opts);
}

static bool is_occupied(const struct attach *a, int err)
{
	return (err == -EBUSY || err == -EEXIST) &&
	       occupied_explain(a->ifname, a->ifindex, a->reterr);
}

static void say_native_refused(const struct attach *a, int err)
{
	const char *hint = "";

	if (err == -EOPNOTSUPP)
		hint = " (its driver has no native XDP)";
	else if (err == -EINVAL || err == -ERANGE)
		hint = " (dmesg may tell why; often the MTU, LRO, or too few queues)";
	snprintf(a->reterr->text, sizeof(a->reterr->text), "%s: native XDP refused: %s%s",
		 a->ifname, strerror(-err), hint);
}

static int attach_anew(struct attach *a, enum model_mode mode, enum link_mode *ret_mode)
{
	bool native = mode != MODE_GENERIC;
	sl_autoclose int fd = create(a, native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);

	if (fd < 0 && is_occupied(a, fd))
		return -EBUSY;
	if (fd < 0 && native) {
		say_native_refused(a, fd);
		if (mode == MODE_NATIVE)
			return fd;
		native = false;
		fd = create(a, XDP_FLAGS_SKB_MODE);
		if (fd < 0 && is_occupied(a, fd))
			return -EBUSY;
	}
	if (fd < 0)
		return say(a, fd, "cannot attach");
	if (bpf_obj_pin(fd, a->path))
		return say(a, -errno, "the link cannot be pinned");
	*ret_mode = native ? LINK_NATIVE : LINK_GENERIC;
	return 0;
}

/* Count what drivers refuse. Best effort: tracing may be forbidden, and the
 * kernel cannot update such a link, so that one of before is replaced.
 */
static void attach_tracing(struct dataplane *dp)
{
	struct bpf_link *link = dp->skel->links.sl_redirect_err;
	char path[PATH_MAX];

	if (dp->counts_refused || link || bpf_program__fd(dp->skel->progs.sl_redirect_err) < 0)
		return;
	if (pins_path(path, dp->pin_root, SL_PIN_LINKS, PINS_REDIRECT_LINK))
		return;
	link = bpf_program__attach(dp->skel->progs.sl_redirect_err);
	if (!link)
		return;
	(void)pins_drop_link(path);
	dp->skel->links.sl_redirect_err = link; /* a pinned link outlives this */
	dp->counts_refused = !bpf_link__pin(link, path);
}

int dataplane_attach(struct dataplane *dp, const char *ifname, enum model_mode mode,
		     enum link_mode *ret_mode, bool *ret_adopted, struct dataplane_error *reterr)
{
	struct attach a = { .dp = dp, .ifname = ifname, .reterr = reterr };
	enum link_mode got = LINK_NONE;
	bool adopted = true;
	int err;

	reterr->text[0] = '\0';
	a.ifindex = (int)if_nametoindex(ifname);
	if (!a.ifindex)
		return say(&a, -ENODEV, "no such interface");
	err = pins_path(a.path, dp->pin_root, SL_PIN_LINKS, ifname);
	if (err)
		return say(&a, err, "its pin's path");

	err = adopt(&a, mode, &got);
	if (err == -ENOENT) {
		adopted = false;
		err = attach_anew(&a, mode, &got);
	}
	if (err)
		return err;
	attach_tracing(dp);
	*ret_mode = got;
	*ret_adopted = adopted;
	return 0;
}

/* Is any interface's link pinned, or only what counts for all of them? */
static bool any_interface(const char *root)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	if (pins_path(path, root, SL_PIN_LINKS, NULL))
		return true;
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d)))
		found = strchr(".:", e->d_name[0]) == NULL;
	closedir(d);
	return found;
}

int dataplane_detach(const char *pin_root, const char *ifname)
{
	char path[PATH_MAX];
	int err;

	if (!*ifname || strlen(ifname) >= IF_NAMESIZE || strchr(ifname, ':'))
		return -ENOENT;
	err = pins_path(path, pin_root, SL_PIN_LINKS, ifname);
	if (!err && access(path, F_OK))
		err = -errno;
	if (!err)
		err = pins_drop_link(path);
	if (err || any_interface(pin_root))
		return err;
	err = pins_path(path, pin_root, SL_PIN_LINKS, PINS_REDIRECT_LINK);
	return err ? err : pins_drop_link(path);
}
