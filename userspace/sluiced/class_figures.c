// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include "../common/num.h"
#include "../config/class.h"
#include "api.h"
#include "class_figures.h"

int class_figures_read(const struct dataplane *dp, struct names *names, struct class_figures *ret)
{
	size_t n = 0;
	int err;

	*ret = (struct class_figures){ .names = names };
	err = stats_classes(dp, &ret->at, &n);
	/* Another build, to which these maps were, may have had other classes. */
	for (size_t i = 0; i < n && !err; i++)
		if (class_word(ret->at[i].cls))
			ret->at[ret->n++] = ret->at[i];
	return err;
}

void class_figures_free(struct class_figures *f)
{
	free(f->at);
	*f = (struct class_figures){};
}

const struct stats_class *class_figures_of(const struct class_figures *f, const char *tenant,
					   size_t *ret_n)
{
	size_t low = 0, high = f->n;
	struct sl_name name;

	*ret_n = 0;
	if (!f->n || names_find(f->names, SL_NAME_TENANT, tenant, &name))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->at[middle].tenant < name.id)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < f->n && f->at[high].tenant == name.id)
		high++;
	*ret_n = high - low;
	return &f->at[low];
}

static void add_one(const struct stats_class *c, cJSON *to)
{
	json_u64(to, "admitted", c->state.admitted);
	json_u64(to, "refused", c->state.refused);
	json_u64(to, "marked", c->state.marked);
}

void class_figures_json(const struct class_figures *f, const char *tenant, cJSON *row)
{
	size_t n;
	const struct stats_class *c = class_figures_of(f, tenant, &n);
	cJSON *classes = n ? json_obj(row, "classes") : NULL;

	for (size_t i = 0; i < n; i++)
		add_one(&c[i], json_obj(classes, class_word(c[i].cls)));
}

void class_quotas_json(const struct class_figures *f, const struct model_tenant *t, cJSON *to)
{
	cJSON *classes = json_obj(to, "classes");
	size_t n = 0;
	const struct stats_class *c = f ? class_figures_of(f, t->name, &n) : NULL;
	char text[NUM_TEXT];

	for (size_t i = 0; i < t->n_classes; i++) {
		const struct model_class *want = &t->classes[i];
		cJSON *o = json_obj(classes, class_word(want->cls));

		json_str(o, "messages", num_rate_text(want->rate, text));
		json_str(o, "burst", num_duration_text(want->burst_ns, text));
		for (size_t k = 0; k < n; k++)
			if (c[k].cls == want->cls)
				add_one(&c[k], o);
	}
}
