/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small file replaced as a whole. */
#ifndef SL_SAVE_H
#define SL_SAVE_H

/* Make @path hold @text: written beside it, synced, renamed, and the folder synced,
 * so that a crash at any point leaves the old file or the new one. Mode 0600.
 * Returns 0 or a negative errno; on failure the old file is there.
 */
int save_file(const char *path, const char *text);

#endif /* SL_SAVE_H */
