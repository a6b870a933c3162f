/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where things are pinned, and what is there: ROOT/abi-N/{maps,links}, see
 * <sluice/names.h>. Knows files only, no program.
 */
#ifndef SL_DP_PINS_H
#define SL_DP_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <sluice/names.h>
#include "dataplane.h"

/* A link that is no interface's: ':' cannot be part of an interface's name. */
#define PINS_REDIRECT_LINK ":redirect_err"

/* ROOT/abi-N/@dir/@name, or without its last parts where these are NULL. Dots in
 * @name, which bpffs refuses, and '%' become "%2e" and "%25". @root NULL:
 * SL_PIN_ROOT. Returns 0 or -ENAMETOOLONG.
 */
int pins_path(char ret[PATH_MAX], const char *root, const char *dir, const char *name);

/* Make the folders, for root only. Refuses a root that is not below a bpffs, and
 * one in which a build of another layout still has links in force (-EEXIST).
 */
int pins_prepare(const char *root, struct dataplane_error *reterr);

/* Does ROOT/abi-N/@dir hold any pin? */
bool pins_any(const char *root, const char *dir);

/* Detach and unpin one link, or remove a folder's pins: of links, detaching each.
 * A pin that is not there is no error, what cannot be removed is (-errno).
 */
int pins_drop_link(const char *path);
int pins_clear(const char *root, const char *dir);

#endif /* SL_DP_PINS_H */
