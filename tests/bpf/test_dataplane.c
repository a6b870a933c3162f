// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Opening, pinning, adopting, attaching, detaching and removing, as root in
 * namespaces of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "private_net.h"
#include "dataplane/dataplane.h"
#include "sluice.skel.h"

#define ABI		    PRIVATE_ROOT "/" SL_PIN_VERSION_TEXT
#define SL_PIN_VERSION_TEXT "abi-3"

static const struct model_capacity small = {
	.services = 16,
	.instances = 32,
	.tenants = 8,
	.accounts = 24,
	.prefixes = 64,
	.slots = 2048,
	.pins = 64,
	.half_open = 32,
	.exchanges = 32,
	.device_lines = 64,
	.tallies = 256,
	.trie = 48,
};

static struct dataplane_error err_text;

static int try_open(const struct model_capacity *cap, struct dataplane **ret)
{
	struct dataplane_opts opts = { .pin_root = PRIVATE_ROOT, .capacity = *cap };

	return dataplane_open(&opts, ret, &err_text);
}

static struct dataplane *open_small(void)
{
	struct dataplane *dp = NULL;
	int err = try_open(&small, &dp);

	if (err)
		print_error("%s\n", err_text.text);
	assert_int_equal(err, 0);
	return dp;
}

static void expect_text(const char *part)
{
	if (!strstr(err_text.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err_text.text);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static __u32 xdp_id(const char *ifname, __u8 *ret_mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(ifname), 0, &q), 0);
	*ret_mode = q.attach_mode;
	return q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

static __u32 prog_id(const struct dataplane *dp)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	assert_int_equal(
		bpf_obj_get_info_by_fd(bpf_program__fd(dp->skel->progs.sl_xdp), &info, &len), 0);
	return info.id;
}

static __u32 pinned_link_id(const char *path)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info.id;
}

/* Somebody else's program: passes everything. */
static int other_program(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "other_xdp", "GPL", code, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static int reset(void **state)
{
	(void)state;
	(void)system("for i in v0 v1 v.7 w0 br0; do ip link del $i 2>/dev/null; done; true");
	if (dataplane_remove(PRIVATE_ROOT) || exists(PRIVATE_ROOT))
		return -1;
	return run("ip link add v0 type veth peer name v1") && run("ip link set v0 up") &&
			       run("ip link set v1 up")
		       ? 0
		       : -1;
}

static void test_needs_bpffs(void **state)
{
	struct dataplane_opts opts = { .pin_root = "/tmp/sluice-no-bpffs", .capacity = small };
	struct dataplane *dp = NULL;

	(void)state;
	assert_int_equal(dataplane_open(&opts, &dp, &err_text), -EINVAL);
	expect_text("mount -t bpf bpf");
	assert_null(dp);
	assert_false(exists(opts.pin_root));
}

static void test_open_maps_memory(void **state)
{
	struct dataplane *dp = open_small();
	struct sl_bucket bucket;
	__u32 key = 3;
	int fd;

	(void)state;
	assert_false(dp->adopted);
	assert_memory_equal(&dp->cap, &small, sizeof(small));
	assert_int_equal(dp->skel->rodata->cfg_accounts, small.accounts);
	assert_int_equal(dp->skel->rodata->cfg_services, small.services);
	assert_int_equal(dp->skel->rodata->cfg_device_lines, small.device_lines);
	assert_true(dp->tick_ns >= 1000000 && dp->skel->rodata->cfg_tick_ns == dp->tick_ns);
	assert_int_equal(bpf_map__max_entries(dp->skel->maps.sl_hot), dp->n_cpus * 24);
	assert_int_equal(bpf_map__max_entries(dp->skel->maps.sl_services), 32);
	assert_int_equal(bpf_map__max_entries(dp->skel->maps.sl_trie), 96);

	/* A store is what a packet sees, up to the arrays' ends. */
	dp->buckets[key].tat[1] = 77;
	fd = bpf_map__fd(dp->skel->maps.sl_buckets);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &bucket), 0);
	assert_int_equal(bucket.tat[1], 77);
	dp->slots[small.slots - 1].cur = 1;
	dp->prefix_index[2 * dp->index_per_bank - 1].first = 1;
	dp->prefix_ranges[2 * dp->ranges_per_bank - 1].value = 1;
	dp->instances[small.instances - 1].port = 1;
	assert_int_equal(dp->kinds[dp->n_cpus * dp->services_per_cpu - 1].kind[0], 0);
	dataplane_close(dp);
}

static void test_adopts(void **state)
{
	struct model_capacity any = { 0 }, other = small;
	struct dataplane *dp = open_small();
	__u32 one = 1;

	(void)state;
	dp->control->bank = 1;
	dp->slots[5] = (struct sl_slot){ .cur = 2, .prev = 1, .deadline = 9 };
	dataplane_close(dp);

	dp = NULL;
	assert_int_equal(try_open(&any, &dp), 0);
	assert_true(dp->adopted);
	assert_memory_equal(&dp->cap, &small, sizeof(small));
	assert_int_equal(dp->control->bank, one);
	assert_int_equal(dp->slots[5].deadline, 9);
	dataplane_close(dp);

	other.pins = 65;
	dp = NULL;
	assert_int_equal(try_open(&other, &dp), -EEXIST);
	expect_text("capacity.pins: 65 is wanted");
	expect_text("configure 64");
	expect_text("detach --all");
	other = small;
	other.accounts = 48;
	assert_int_equal(try_open(&other, &dp), -EEXIST);
	expect_text("capacity.accounts: 48");
	other = small;
	other.trie = 49;
	assert_int_equal(try_open(&other, &dp), -EEXIST);
	expect_text("capacity.trie: 49 is wanted");
	other = small;
	other.device_lines = 65;
	assert_int_equal(try_open(&other, &dp), -EINVAL);
	expect_text("capacity.device_lines: want a power of two");
	assert_null(dp);
}

/* A load that was killed half-way is begun anew, unless packets use what is there. */
static void test_partial_pins(void **state)
{
	enum link_mode mode;
	struct dataplane *dp = open_small();
	bool adopted;

	(void)state;
	dp->control->bank = 1;
	dataplane_close(dp);
	assert_int_equal(unlink(ABI "/maps/sl_pins"), 0);
	dp = open_small();
	assert_false(dp->adopted);
	assert_int_equal(dp->control->bank, 0);

	assert_int_equal(dataplane_attach(dp, "v0", MODE_NATIVE, &mode, &adopted, &err_text), 0);
	dp->control->bank = 1;
	dataplane_close(dp);
	assert_int_equal(unlink(ABI "/maps/sl_names"), 0);
	dp = open_small();
	assert_true(dp->adopted);
	assert_int_equal(dp->control->bank, 1);
	dataplane_close(dp);
}

static void test_other_layout(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	struct dataplane *dp = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_true(run("mkdir -p %s/abi-0/links %s/abi-0/maps", PRIVATE_ROOT, PRIVATE_ROOT));
	dp = open_small(); /* without links it is only leftovers */
	dataplane_close(dp);
	assert_int_equal(bpf_obj_pin(fd, PRIVATE_ROOT "/abi-0/links/eth7"), 0);
	close(fd);
	dp = NULL;
	assert_int_equal(try_open(&small, &dp), -EEXIST);
	expect_text("abi-0/links");
	expect_text("eth7");
	expect_text("detach --all");
	assert_null(dp);
}

static void test_attach_and_update(void **state)
{
	struct dataplane *dp = open_small();
	enum link_mode mode = LINK_NONE;
	bool adopted = true;
	__u32 first, link;
	__u8 kernel_mode;
	int held;

	(void)state;
	assert_int_equal(dataplane_attach(dp, "nope", MODE_AUTO, &mode, &adopted, &err_text),
			 -ENODEV);
	expect_text("nope: no such interface");
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_int_equal(mode, LINK_NATIVE);
	assert_false(adopted);
	assert_string_equal(err_text.text, "");
	first = prog_id(dp);
	link = pinned_link_id(ABI "/links/v0");
	dataplane_close(dp);
	assert_int_equal(xdp_id("v0", &kernel_mode), first);
	assert_int_equal(kernel_mode, XDP_ATTACHED_DRV);

	dp = open_small();
	assert_false(dp->counts_refused);
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_true(adopted);
	assert_int_equal(mode, LINK_NATIVE);
	assert_int_equal(pinned_link_id(ABI "/links/v0"), link);
	assert_int_not_equal(prog_id(dp), first);
	assert_int_equal(xdp_id("v0", &kernel_mode), prog_id(dp));
	print_message("refused redirects are %scounted here\n", dp->counts_refused ? "" : "not ");
	assert_int_equal(exists(ABI "/links/:redirect_err"), dp->counts_refused);

	/* Another mode would lose packets: kept, and said so. */
	assert_int_equal(dataplane_attach(dp, "v0", MODE_GENERIC, &mode, &adopted, &err_text), 0);
	assert_int_equal(mode, LINK_NATIVE);
	expect_text("still in native mode");

	held = bpf_obj_get(ABI "/links/v0"); /* keeps the link, but not the interface */
	assert_int_equal(dataplane_detach(PRIVATE_ROOT, "v0"), 0);
	assert_int_equal(xdp_id("v0", &kernel_mode), 0);
	close(held);
	assert_int_equal(dataplane_detach(PRIVATE_ROOT, "v0"), -ENOENT);
	assert_int_equal(dataplane_detach(PRIVATE_ROOT, "../maps"), -ENOENT);
	assert_int_equal(rmdir(ABI "/links"), 0); /* the tracepoint's link is gone, too */
	dataplane_close(dp);
}

static void test_generic(void **state)
{
	struct dataplane *dp = open_small();
	enum link_mode mode = LINK_NONE;
	bool adopted = true;
	__u8 kernel_mode;

	(void)state;
	assert_true(run("ip link add br0 type bridge"));
	assert_int_equal(dataplane_attach(dp, "br0", MODE_NATIVE, &mode, &adopted, &err_text),
			 -EOPNOTSUPP);
	assert_int_equal(mode, LINK_NONE);
	assert_int_equal(dataplane_attach(dp, "br0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_int_equal(mode, LINK_GENERIC);
	expect_text("br0: native XDP refused");
	assert_int_equal(xdp_id("br0", &kernel_mode), prog_id(dp));
	assert_int_equal(kernel_mode, XDP_ATTACHED_SKB);

	assert_int_equal(dataplane_attach(dp, "v0", MODE_GENERIC, &mode, &adopted, &err_text), 0);
	assert_int_equal(mode, LINK_GENERIC);
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_int_equal(mode, LINK_GENERIC);
	assert_true(adopted);
	expect_text("still in generic mode");
	dataplane_close(dp);
}

static void test_occupied(void **state)
{
	struct dataplane *dp = open_small();
	enum link_mode mode = LINK_NONE;
	int other = other_program(), link;
	__u32 theirs;
	bool adopted;
	__u8 kernel_mode;

	(void)state;
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("v0"), other, 0, NULL), 0);
	theirs = xdp_id("v0", &kernel_mode);
	for (int m = MODE_AUTO; m <= MODE_GENERIC; m++) {
		assert_int_equal(dataplane_attach(dp, "v0", m, &mode, &adopted, &err_text), -EBUSY);
		expect_text("v0: XDP program \"other_xdp\" (id ");
		expect_text("\"ip link set v0 xdp off\"");
		expect_text("\"xdp-loader unload v0 --id ");
	}
	assert_int_equal(xdp_id("v0", &kernel_mode), theirs);
	assert_false(exists(ABI "/links/v0"));

	link = bpf_link_create(other, (int)if_nametoindex("v1"), BPF_XDP, NULL);
	assert_true(link >= 0);
	assert_int_equal(dataplane_attach(dp, "v1", MODE_AUTO, &mode, &adopted, &err_text), -EBUSY);
	expect_text("\"other_xdp\"");
	expect_text("bpftool link detach id ");
	assert_int_equal(mode, LINK_NONE);
	close(link);
	close(other);
	dataplane_close(dp);
}

static void test_interfaces_come_and_go(void **state)
{
	struct dataplane *dp = open_small();
	enum link_mode mode;
	bool adopted;
	__u32 link;

	(void)state;
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_true(run("ip link del v0 && ip link add v0 type veth peer name v1"));
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_false(adopted);

	/* Renamed, and another took its name: each has its own link. */
	link = pinned_link_id(ABI "/links/v0");
	assert_true(run("ip link set v0 name v.7 && ip link add v0 type veth peer name w0"));
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_false(adopted);
	assert_int_equal(pinned_link_id(ABI "/links/v%2e7"), link);
	assert_int_equal(dataplane_attach(dp, "v.7", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_true(adopted);
	assert_int_equal(dataplane_detach(PRIVATE_ROOT, "v.7"), 0);
	assert_false(exists(ABI "/links/v%2e7"));
	dataplane_close(dp);
}

static void test_remove(void **state)
{
	struct dataplane *dp = open_small();
	enum link_mode mode;
	bool adopted;
	__u8 kernel_mode;

	(void)state;
	assert_int_equal(dataplane_attach(dp, "v0", MODE_AUTO, &mode, &adopted, &err_text), 0);
	assert_int_equal(unlink(ABI "/maps/sl_slots"), 0);
	assert_int_equal(dataplane_remove(PRIVATE_ROOT), 0);
	assert_int_equal(xdp_id("v0", &kernel_mode), 0);
	assert_false(exists(PRIVATE_ROOT));
	assert_int_equal(dataplane_remove(PRIVATE_ROOT), 0);
	dataplane_close(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_needs_bpffs, reset),
		cmocka_unit_test_setup(test_open_maps_memory, reset),
		cmocka_unit_test_setup(test_adopts, reset),
		cmocka_unit_test_setup(test_partial_pins, reset),
		cmocka_unit_test_setup(test_other_layout, reset),
		cmocka_unit_test_setup(test_attach_and_update, reset),
		cmocka_unit_test_setup(test_generic, reset),
		cmocka_unit_test_setup(test_occupied, reset),
		cmocka_unit_test_setup(test_interfaces_come_and_go, reset),
		cmocka_unit_test_setup(test_remove, reset),
	};

	private_net_enter();
	return cmocka_run_group_tests_name("dataplane", tests, NULL, NULL);
}
