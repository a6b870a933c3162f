// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /v1/doctor: the node itself, the room left in the maps, and figures that
 * should be zero. Links and instances are in doctor_net.c.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include "../common/cleanup.h"
#include "../config/identity.h"
#include "../dataplane/stats.h"
#include "api.h"
#include "doctor.h"

#define KERNEL_MAJOR	6
#define KERNEL_MINOR	1
#define TICK_LONG_NS	4000000
#define NEARLY_FULL_PCT 80

void doctor_say(struct doctor *doc, const char *check, enum doctor_state state, const char *advice,
		const char *fmt, ...)
{
	static const char *const label[] = { "ok", "warn", "fail" };
	cJSON *o = cJSON_CreateObject();
	char text[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_str(o, "check", check);
	json_str(o, "state", label[state]);
	json_str(o, "text", text);
	json_str(o, "advice", state == DOCTOR_OK ? "" : advice);
	cJSON_AddItemToArray(doc->checks, o);
}

/* -- the node -- */

static void check_kernel(struct doctor *doc)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;
	bool ok;

	uname(&u);
	ok = sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	     (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR));
	doctor_say(doc, "kernel", ok ? DOCTOR_OK : DOCTOR_FAIL, "run Linux 6.1 or later",
		   "Linux %s", u.release);
}

static void check_bpffs(struct doctor *doc)
{
	const char *path = doc->d->dp->pin_root;
	struct statfs fs;

	if (statfs(path, &fs))
		doctor_say(doc, "bpffs", DOCTOR_FAIL, "mount -t bpf bpf /sys/fs/bpf", "%s: %s",
			   path, strerror(errno));
	else if (fs.f_type != BPF_FS_MAGIC)
		doctor_say(doc, "bpffs", DOCTOR_FAIL,
			   "mount -t bpf bpf /sys/fs/bpf, then restart sluiced",
			   "%s is not on a BPF file system: nothing outlives the daemon", path);
	else
		doctor_say(doc, "bpffs", DOCTOR_OK, "", "maps and links are pinned in %s", path);
}

static void check_tick(struct doctor *doc)
{
	double ms = doc->d->tick_ns / 1e6;

	doctor_say(doc, "clock", doc->d->tick_ns > TICK_LONG_NS ? DOCTOR_WARN : DOCTOR_OK,
		   "bursts must be longer on this kernel; one built with HZ of 250 or more allows "
		   "less",
		   "the coarse clock's step is %g ms: the shortest burst is %g ms", ms, 2 * ms);
}

static void check_reload(struct doctor *doc)
{
	const struct api *a = doc->d->api;

	if (!a)
		return;
	if (a->reload_error[0])
		doctor_say(doc, "configuration", DOCTOR_WARN,
			   "correct the file and run: sluicectl reload; the old one is in force",
			   "the last reload failed: %s", a->reload_error);
	else
		doctor_say(doc, "configuration", DOCTOR_OK, "", "generation %llu is in force",
			   (unsigned long long)doc->d->generation);
}

/* -- room -- */

static void check_room(struct doctor *doc, const char *member, uint64_t used, uint64_t cap)
{
	char check[48], advice[DOCTOR_TEXT];
	enum doctor_state state = DOCTOR_OK;

	if (!cap)
		return;
	if (used >= cap)
		state = DOCTOR_FAIL;
	else if (used * 100 >= cap * NEARLY_FULL_PCT)
		state = DOCTOR_WARN;
	snprintf(check, sizeof(check), "capacity %s", member);
	snprintf(advice, sizeof(advice),
		 "raise capacity.%s: maps get their size when the data plane is loaded anew "
		 "(sluicectl detach --all, remove the pins, restart sluiced)",
		 member);
	doctor_say(doc, check, state, advice, "%llu of %llu in use", (unsigned long long)used,
		   (unsigned long long)cap);
}

static void count_name(void *arg, const char *text, const struct sl_name *name)
{
	(void)text;
	(void)name;
	++*(uint64_t *)arg;
}

static uint64_t names_count(struct daemon *d, enum sl_name_kind kind)
{
	uint64_t n = 0;

	names_each(registry_names(d->registry), kind, count_name, &n);
	return n;
}

static void check_rooms(struct doctor *doc)
{
	struct daemon *d = doc->d;
	const struct model_capacity *cap = &d->dp->cap;
	uint64_t slots = 0, pins = 0, half_open = 0, exchanges = 0, flows = 0, steps = 0;
	sl_autofree struct stats_tally *tallies = NULL;
	size_t n_tallies = 0;

	for (struct live_service *s = registry_services(d->registry); s; s = s->next) {
		slots += s->ring_size;
		half_open += d->dp->service_states[s->id].half_open;
		exchanges += d->dp->service_states[s->id].exchanges;
		flows += d->dp->service_states[s->id].flows;
		for (struct live_instance *i = s->instances; i; i = i->next)
			pins += i->pins;
	}
	check_room(doc, "services", names_count(d, SL_NAME_SERVICE), cap->services);
	check_room(doc, "instances", names_count(d, SL_NAME_INSTANCE), cap->instances);
	check_room(doc, "tenants", names_count(d, SL_NAME_TENANT), cap->tenants);
	check_room(doc, "accounts", names_count(d, SL_NAME_ACCOUNT), cap->accounts);
	check_room(doc, "slots", slots, cap->slots);
	check_room(doc, "pins", pins, cap->pins);
	check_room(doc, "half_open", half_open, cap->half_open);
	check_room(doc, "exchanges", exchanges, cap->exchanges);
	check_room(doc, "flows", flows, cap->flows);
	/* Sums over CPUs: the table itself has up to as many entries a CPU. */
	if (!stats_tallies(d->dp, &tallies, &n_tallies))
		check_room(doc, "tallies", n_tallies, cap->tallies);
	if (d->model && !identity_count_steps(d->model, &steps))
		check_room(doc, "trie", steps, cap->trie);
}

/* -- figures that should be zero -- */

static void check_figures(struct doctor *doc)
{
	static const struct {
		bool is_note;
		uint8_t at;
		enum doctor_state state;
		const char *advice;
	} zero[] = {
		{ false, SL_R_INTERNAL, DOCTOR_FAIL,
		  "a bug: please report it with sluicectl events" },
		{ true, SL_N_REDIRECT_FAILED, DOCTOR_WARN,
		  "the peer of a redirect target is not ready: see the checks of links" },
		{ true, SL_N_PIN_FAILED, DOCTOR_WARN, "raise capacity.pins" },
		{ true, SL_N_HALF_OPEN_FULL, DOCTOR_WARN,
		  "raise the service's pin_budget, or find who floods it with openers" },
		{ true, SL_N_DEVICE_BYPASSED, DOCTOR_WARN, "raise capacity.device_lines" },
		{ true, SL_N_EVENT_LOST, DOCTOR_WARN,
		  "raise events.sample, or lower events.max_rate: fewer packets are told" },
	};
	struct stats_reasons s;

	stats_reasons(doc->d->dp, &s);
	for (size_t i = 0; i < SL_ARRAY_SIZE(zero); i++) {
		uint64_t n = zero[i].is_note ? s.note[zero[i].at] : s.reason[zero[i].at];

		if (!n)
			continue;
		doctor_say(doc,
			   zero[i].is_note ? note_labels[zero[i].at] : reason_labels[zero[i].at],
			   zero[i].state, zero[i].advice, "%llu packets: %s", (unsigned long long)n,
			   zero[i].is_note ? note_texts[zero[i].at] : reason_texts[zero[i].at]);
	}
	if (!doc->d->dp->counts_refused)
		doctor_say(doc, "redirect_failed", DOCTOR_WARN,
			   "give sluiced CAP_PERFMON, and a kernel with tracepoints",
			   "redirects that a driver refuses are not counted here");
}

void doctor_run(struct daemon *d, cJSON *checks)
{
	struct doctor doc = { .d = d, .checks = checks };
	int err;

	check_kernel(&doc);
	check_bpffs(&doc);
	check_tick(&doc);
	check_reload(&doc);
	err = neigh_links(d->neigh, &doc.links, &doc.n_links);
	if (err)
		doctor_say(&doc, "links", DOCTOR_FAIL, "see the log of sluiced",
			   "links could not be read: %s", strerror(-err));
	else
		doctor_links(&doc);
	doctor_instances(&doc);
	check_rooms(&doc);
	check_figures(&doc);
	free(doc.links);
}
