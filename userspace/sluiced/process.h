/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the process is to the system: folders, the lock, capabilities, systemd. */
#ifndef SL_PROCESS_H
#define SL_PROCESS_H

#include "../config/config.h"

/* Make the folders above @path. */
int process_make_parents(const char *path, mode_t mode, struct config_error *reterr);

/* One daemon for one state file and one data plane: the locks are held until the
 * process ends. -EBUSY: another has it.
 */
int process_lock(const char *state_path, struct config_error *reterr);
int process_lock_pins(const char *pin_root, struct config_error *reterr);

/* Keep only what later reloads need. Programs that it starts are root's as before. */
int process_drop_capabilities(void);

/* Tell systemd, where it asked for it: "READY=1". */
void process_notify(const char *state);

/* libbpf's and libxdp's messages into the log, one level lower. */
void process_route_logs(void);

#endif /* SL_PROCESS_H */
