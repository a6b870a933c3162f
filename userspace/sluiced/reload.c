// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A configuration's way: read, lay the run-time changes over it, decode, validate,
 * plan, sync. change_run() has the last two; whatever fails before the banks are
 * flipped leaves the old configuration in force, whole.
 */
#include <errno.h>
#include <stdio.h>
#include "../common/cleanup.h"
#include "change.h"
#include "reload.h"

void story_free(struct story *s)
{
	overlay_close(s->overlay);
	cJSON_Delete(s->document);
	model_free(s->model);
	*s = (struct story){};
}

static int read_base(struct daemon *d, bool file_again, struct story *s,
		     struct config_error *reterr)
{
	const cJSON *put = overlay_document(d->overlay);

	if (!put || file_again)
		return config_read_file(d->config_path, &s->document, reterr);
	event_emit(d->events, LOG_INFO, (struct event_about){ .type = "overlay" },
		   "the document that was put by the API is in force; a reload goes back to %s",
		   d->config_path);
	s->document = cJSON_Duplicate(put, true);
	return s->document ? 0 : -ENOMEM;
}

/* The file is good by itself, but not with what was changed at run time. */
static int blame_overlay(struct daemon *d, int err, struct config_error *reterr)
{
	sl_cleanup(model_freep) struct model *alone = NULL;
	struct config_error of_file, of_both = *reterr;

	if (overlay_is_empty(d->overlay))
		return err;
	if (config_load_file(d->config_path, d->tick_ns, &alone, &of_file)) {
		*reterr = of_file;
		return err;
	}
	snprintf(reterr->text, sizeof(reterr->text),
		 "%.380s (with the run-time changes kept in %.80s)", of_both.text, d->state_path);
	return err;
}

int story_load(struct daemon *d, bool file_again, struct story *ret, struct config_error *reterr)
{
	sl_cleanup(story_free) struct story s = {};
	int err = read_base(d, file_again, &s, reterr);

	if (err)
		return err;
	err = overlay_copy(d->overlay, &s.overlay);
	if (!err && file_again) {
		overlay_drop_document(s.overlay);
		s.quotas_given_up = overlay_drop_quotas(s.overlay);
	}
	if (!err)
		err = overlay_apply(s.overlay, s.document);
	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "%s: %s", d->state_path,
			 strerror(-err));
		return err;
	}
	err = config_load_json(s.document, d->tick_ns, &s.model, reterr);
	if (err)
		return blame_overlay(d, err, reterr);
	*ret = s;
	s = (struct story){};
	return 0;
}

void overlay_keep(struct daemon *d)
{
	int err = overlay_save(d->overlay);

	if (err)
		event_emit(d->events, LOG_ERR, (struct event_about){ .type = "overlay" },
			   "%s: %s: changes made at run time will not survive a restart",
			   d->state_path, strerror(-err));
}

/* In force: the daemon keeps what the story has made. */
static void story_keep(struct daemon *d, struct story *s)
{
	overlay_close(d->overlay);
	d->overlay = sl_take(s->overlay);
	cJSON_Delete(d->document);
	d->document = sl_take(s->document);
	overlay_tell_dropped(d->overlay, d->events);
	if (s->quotas_given_up)
		event_emit(d->events, LOG_INFO, (struct event_about){ .type = "overlay" },
			   "quotas or responses of %d tenants, set at run time, gave way to the "
			   "file's",
			   s->quotas_given_up);
	overlay_keep(d);
}

static int run(struct daemon *d, struct model **model, struct config_error *reterr)
{
	struct change c = { .d = d, .model = *model, .reterr = reterr };
	int err = change_run(&c);

	*model = c.model;
	return err;
}

int story_enforce(struct daemon *d, struct story *s, const char *what, struct config_error *reterr)
{
	struct overlay *before = d->overlay;
	uint64_t begin = daemon_now_ns();
	int err;

	/* What instances' origins are is asked of it on the way. */
	d->overlay = s->overlay;
	err = run(d, &s->model, reterr);
	d->overlay = before;
	if (err)
		return err;
	story_keep(d, s);
	event_emit(d->events, LOG_INFO, (struct event_about){ .type = "reload" },
		   "%s: %zu services and %zu tenants in force, after %llu ms", what,
		   d->model->n_services, d->model->n_tenants,
		   (unsigned long long)(daemon_now_ns() - begin) / 1000000);
	return 0;
}

static int tell_failed(struct daemon *d, const char *what, int err,
		       const struct config_error *reterr)
{
	event_emit(d->events, LOG_ERR, (struct event_about){ .type = "reload" },
		   "%s refused, the old configuration stays in force: %s", what, reterr->text);
	return err;
}

int daemon_reload(struct daemon *d, struct config_error *reterr)
{
	sl_cleanup(story_free) struct story s = {};
	int err = story_load(d, true, &s, reterr);

	if (!err)
		err = story_enforce(d, &s, "file", reterr);
	return err ? tell_failed(d, "file", err, reterr) : 0;
}

int daemon_apply(struct daemon *d, const cJSON *document, struct config_error *reterr)
{
	sl_cleanup(story_free) struct story s = { .document = cJSON_Duplicate(document, true) };
	int err = s.document ? overlay_copy(d->overlay, &s.overlay) : -ENOMEM;

	if (!err)
		err = overlay_put_document(s.overlay, document);
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "no memory");
	else
		err = config_load_json(s.document, d->tick_ns, &s.model, reterr);
	if (!err)
		err = story_enforce(d, &s, "document", reterr);
	return err ? tell_failed(d, "document", err, reterr) : 0;
}

int story_repair(struct daemon *d, struct config_error *reterr)
{
	sl_cleanup(model_freep) struct model *m = NULL;
	int err = config_load_json(d->document, d->tick_ns, &m, reterr);

	return err ? err : run(d, &m, reterr);
}

/* The document in force with these in place of the tenant's own, and the overlay to fit. */
static int story_of_responses(struct daemon *d, const char *tenant, const cJSON *responses,
			      struct story *s)
{
	cJSON *object = document_object(s->document, "tenants", tenant);
	int err = object ? document_set(object, "responses", responses) : -ENOENT;

	if (!err)
		err = overlay_copy(d->overlay, &s->overlay);
	return err ? err : overlay_responses(s->overlay, tenant, responses);
}

int story_responses(struct daemon *d, const char *tenant, const cJSON *responses,
		    struct config_error *reterr)
{
	sl_cleanup(story_free) struct story s = { .document = cJSON_Duplicate(d->document, true) };
	int err = s.document ? story_of_responses(d, tenant, responses, &s) : -ENOMEM;

	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "tenant \"%.*s\": %s", SL_NAME_LEN,
			 tenant, strerror(-err));
		return err;
	}
	err = config_load_json(s.document, d->tick_ns, &s.model, reterr);
	if (!err)
		err = run(d, &s.model, reterr);
	if (!err)
		story_keep(d, &s);
	return err;
}
