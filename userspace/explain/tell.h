/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A verdict as words (common/told.h): a line of JSON for machines, or of text for people. */
#ifndef SL_EXPLAIN_TELL_H
#define SL_EXPLAIN_TELL_H

#include <stdbool.h>
#include <stdio.h>
#include "capture.h"
#include "ground.h"

/* False: out of memory. */
bool tell_text(FILE *to, bool color, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v);
bool tell_json(FILE *to, const struct ground *g, const struct capture_frame *f,
	       const struct verdict *v);

/* Does the frame leave this node as the program made it? */
bool tell_leaves(const struct verdict *v);

#endif /* SL_EXPLAIN_TELL_H */
