// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../dataplane/pins.h"
#include "links.h"

static struct daemon_interface *link_find(struct daemon *d, const char *name)
{
	for (struct daemon_interface *i = d->interfaces; i; i = i->next) {
		if (!strcmp(i->name, name))
			return i;
	}
	return NULL;
}

static const struct model_interface *wanted(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_interfaces; i++) {
		if (!strcmp(m->interfaces[i].name, name))
			return &m->interfaces[i];
	}
	return NULL;
}

static void link_drop(struct daemon *d, struct daemon_interface *i)
{
	struct daemon_interface **at = &d->interfaces;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	free(i);
}

/* -- attaching -- */

static void tell_attached(struct daemon *d, const struct model_interface *want, enum link_mode mode,
			  bool adopted, const char *why_not_native)
{
	struct event_about about = { .type = adopted ? "link_adopted" : "link_attached" };
	bool second_best = want->mode == MODE_AUTO && mode == LINK_GENERIC;

	if (second_best && adopted)
		event_emit(d->events, LOG_WARN, about,
			   "%s: was attached in generic mode, and runs this program now: %s",
			   want->name, why_not_native);
	else if (second_best)
		event_emit(d->events, LOG_WARN, about,
			   "%s: attached in generic mode, which is several times slower; native "
			   "mode is refused: %s",
			   want->name, *why_not_native ? why_not_native : "the driver has none");
	else
		event_emit(d->events, LOG_INFO, about, "%s: %s in %s mode", want->name,
			   adopted ? "was attached, and runs this program now" : "attached",
			   mode == LINK_NATIVE ? "native" : "generic");
}

static int link_attach(struct daemon *d, const struct model_interface *want, size_t index,
		       struct config_error *reterr)
{
	struct daemon_interface *i = calloc(1, sizeof(*i));
	struct dataplane_error why = {};
	bool adopted = false;
	int err;

	if (!i)
		return -ENOMEM;
	snprintf(i->name, sizeof(i->name), "%s", want->name);
	err = dataplane_attach(d->dp, want->name, want->mode, &i->mode, &adopted, &why);
	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "interfaces[%zu].name: %.400s", index,
			 why.text[0] ? why.text : strerror(-err));
		free(i);
		return err;
	}
	i->fresh = !adopted;
	i->next = d->interfaces;
	d->interfaces = i;
	tell_attached(d, want, i->mode, adopted, why.text);
	return 0;
}

int links_attach(struct daemon *d, const struct model *m, struct config_error *reterr)
{
	int err = 0;

	for (size_t i = 0; i < m->n_interfaces && !err; i++) {
		if (!link_find(d, m->interfaces[i].name))
			err = link_attach(d, &m->interfaces[i], i, reterr);
	}
	if (err)
		links_undo(d);
	return err;
}

/* -- detaching -- */

int links_detach(struct daemon *d, const char *ifname)
{
	struct daemon_interface *i = link_find(d, ifname);
	struct event_about about = { .type = "link_detached" };
	int err = dataplane_detach(d->dp->pin_root, ifname);

	if (!err)
		event_emit(d->events, LOG_INFO, about, "%s: detached", ifname);
	if (i && (!err || err == -ENOENT))
		link_drop(d, i); /* last: the name may be its own */
	return err;
}

static void detach_or_tell(struct daemon *d, const char *ifname)
{
	char name[IF_NAMESIZE];
	int err;

	snprintf(name, sizeof(name), "%s", ifname);
	err = links_detach(d, name);
	if (err)
		event_emit(d->events, LOG_ERR, (struct event_about){ .type = "link_detached" },
			   "%s: cannot be detached: %s", name, strerror(-err));
}

void links_undo(struct daemon *d)
{
	struct daemon_interface *i, *next;

	for (i = d->interfaces; i; i = next) {
		next = i->next;
		if (i->fresh)
			detach_or_tell(d, i->name);
	}
}

void links_keep(struct daemon *d)
{
	for (struct daemon_interface *i = d->interfaces; i; i = i->next)
		i->fresh = false;
}

/* A pin's name has "%2e" and "%25" for what it may not contain. False: no link of
 * an interface.
 */
static bool pin_to_name(const char *pin, char ret[IF_NAMESIZE])
{
	size_t n = 0;

	if (*pin == '.' || strchr(pin, ':'))
		return false;
	for (; *pin && n < IF_NAMESIZE - 1; n++) {
		if (!strncmp(pin, "%2e", 3) || !strncmp(pin, "%25", 3)) {
			ret[n] = pin[2] == 'e' ? '.' : '%';
			pin += 3;
		} else {
			ret[n] = *pin++;
		}
	}
	ret[n] = '\0';
	return !*pin;
}

/* Links of an earlier daemon to interfaces that are not wanted any more. */
static void detach_left_over(struct daemon *d, const struct model *m)
{
	char path[PATH_MAX], name[IF_NAMESIZE];
	const struct dirent *entry;
	DIR *dir;

	if (pins_path(path, d->dp->pin_root, SL_PIN_LINKS, NULL))
		return;
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (pin_to_name(entry->d_name, name) && !wanted(m, name) && !link_find(d, name))
			detach_or_tell(d, name);
	}
	closedir(dir);
}

static bool mode_is_other(const struct model_interface *want, enum link_mode now)
{
	return (want->mode == MODE_NATIVE && now != LINK_NATIVE) ||
	       (want->mode == MODE_GENERIC && now != LINK_GENERIC);
}

void links_commit(struct daemon *d, const struct model *m)
{
	struct daemon_interface *i, *next;
	struct config_error why = {};

	for (i = d->interfaces; i; i = next) {
		const struct model_interface *want = wanted(m, i->name);

		next = i->next;
		i->fresh = false;
		if (!want || mode_is_other(want, i->mode))
			detach_or_tell(d, i->name);
	}
	detach_left_over(d, m);
	if (d->ready && links_attach(d, m, &why))
		event_emit(d->events, LOG_ERR, (struct event_about){ .type = "link_attached" },
			   "%s", why.text);
	links_keep(d);
}

void links_free(struct daemon *d)
{
	while (d->interfaces)
		link_drop(d, d->interfaces);
}
