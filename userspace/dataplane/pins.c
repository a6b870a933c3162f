// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins as files of bpffs: paths, the checks before anything is made, removal. */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "pins.h"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int join(char ret[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Append "/@name", escaped. */
static int append_escaped(char ret[PATH_MAX], const char *name)
{
	size_t len = strlen(ret);

	if (len + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	ret[len++] = '/';
	for (; *name; name++) {
		if (len + 4 > PATH_MAX)
			return -ENAMETOOLONG;
		if (*name == '.' || *name == '%' || *name == '/')
			len += (size_t)sprintf(ret + len, "%%%02x", (unsigned char)*name);
		else
			ret[len++] = *name;
	}
	ret[len] = '\0';
	return 0;
}

int pins_path(char ret[PATH_MAX], const char *root, const char *dir, const char *name)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s%s%s", root ? root : SL_PIN_ROOT, SL_PIN_VERSION,
			 dir ? "/" : "", dir ? dir : "");

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	return name ? append_escaped(ret, name) : 0;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Copy the name of one entry of the folder at @path, if there is any. */
static bool first_entry(const char *path, char ret[NAME_MAX + 1])
{
	sl_cleanup(closedirp) DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!is_dot(e->d_name)) {
			snprintf(ret, NAME_MAX + 1, "%s", e->d_name);
			return true;
		}
	return false;
}

bool pins_any(const char *root, const char *dir)
{
	char path[PATH_MAX], name[NAME_MAX + 1];

	return !pins_path(path, root, dir, NULL) && first_entry(path, name);
}

/* The root's parent must be of a bpffs: nothing else can hold a pin. */
static int check_mount(const char *root, struct dataplane_error *reterr)
{
	char copy[PATH_MAX];
	const char *parent;
	struct statfs fs;

	if (strlen(root) >= sizeof(copy))
		return -ENAMETOOLONG;
	parent = dirname(strcpy(copy, root));
	if (statfs(parent, &fs)) {
		int err = -errno;

		snprintf(reterr->text, sizeof(reterr->text),
			 "%.200s: %s; pins need a bpffs there: mount -t bpf bpf /sys/fs/bpf",
			 parent, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type == BPF_FS_MAGIC)
		return 0;
	snprintf(reterr->text, sizeof(reterr->text),
		 "%.200s is not in a bpffs, and pins need one: mount -t bpf bpf %.200s", parent,
		 strcmp(root, SL_PIN_ROOT) ? parent : "/sys/fs/bpf");
	return -EINVAL;
}

/* Two layouts side by side would each answer for a part of the packets. */
static int check_other_layouts(const char *root, struct dataplane_error *reterr)
{
	sl_cleanup(closedirp) DIR *d = opendir(root);
	char path[PATH_MAX], link[NAME_MAX + 1];
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "abi-", 4) || !strcmp(e->d_name, SL_PIN_VERSION))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s/%s", root, e->d_name, SL_PIN_LINKS) >=
		    (int)sizeof(path))
			return -ENAMETOOLONG;
		if (!first_entry(path, link))
			continue;
		snprintf(reterr->text, sizeof(reterr->text),
			 "%.150s holds links of a build with another layout of maps (%.60s): go on "
			 "with that build, or stop its daemon and end its data plane with "
			 "\"sluicectl detach --all\"; an upgrade between layouts is not hitless",
			 path, link);
		return -EEXIST;
	}
	return 0;
}

static int make_dir(const char *path, struct dataplane_error *reterr)
{
	int err;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	err = -errno;
	snprintf(reterr->text, sizeof(reterr->text), "%.200s: cannot make the folder: %s", path,
		 strerror(-err));
	return err;
}

int pins_prepare(const char *root, struct dataplane_error *reterr)
{
	static const char *const dirs[] = { NULL, SL_PIN_MAPS, SL_PIN_LINKS };
	char path[PATH_MAX];
	int err;

	root = root ? root : SL_PIN_ROOT;
	err = check_mount(root, reterr);
	if (!err)
		err = make_dir(root, reterr);
	if (!err)
		err = check_other_layouts(root, reterr);
	for (size_t i = 0; !err && i < SL_ARRAY_SIZE(dirs); i++) {
		err = pins_path(path, root, dirs[i], NULL);
		if (!err)
			err = make_dir(path, reterr);
	}
	return err;
}

int pins_drop_link(const char *path)
{
	sl_autoclose int fd = bpf_obj_get(path);

	/* Whoever else holds the link keeps it, but not the interface. One whose
	 * interface is gone, or that is no XDP link, cannot be detached: unpinning
	 * is all there is to do.
	 */
	if (fd >= 0)
		(void)bpf_link_detach(fd);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

/* Remove everything in the folder at @path. */
static int clear_dir(const char *path, bool links)
{
	sl_cleanup(closedirp) DIR *d = opendir(path);
	char entry[PATH_MAX];
	struct dirent *e;
	int err = 0, one;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (is_dot(e->d_name))
			continue;
		one = join(entry, path, e->d_name);
		if (!one && links)
			one = pins_drop_link(entry);
		else if (!one && unlink(entry) && errno != ENOENT)
			one = -errno;
		err = err ? err : one;
	}
	return err;
}

int pins_clear(const char *root, const char *dir)
{
	char path[PATH_MAX];
	int err = pins_path(path, root, dir, NULL);

	return err ? err : clear_dir(path, !strcmp(dir, SL_PIN_LINKS));
}

/* One layout: links first, so that no program is left without its maps' pins. */
static int remove_layout(const char *path)
{
	static const char *const dirs[] = { SL_PIN_LINKS, SL_PIN_MAPS };
	char dir[PATH_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < SL_ARRAY_SIZE(dirs); i++) {
		err = join(dir, path, dirs[i]);
		if (!err)
			err = clear_dir(dir, i == 0);
		if (!err && rmdir(dir) && errno != ENOENT)
			err = -errno;
	}
	if (!err && rmdir(path) && errno != ENOENT)
		err = -errno;
	return err;
}

int dataplane_remove(const char *pin_root)
{
	const char *root = pin_root ? pin_root : SL_PIN_ROOT;
	sl_cleanup(closedirp) DIR *d = opendir(root);
	char path[PATH_MAX];
	struct dirent *e;
	int err = 0, one;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, "abi-", 4))
			continue;
		one = join(path, root, e->d_name);
		if (!one)
			one = remove_layout(path);
		err = err ? err : one;
	}
	/* What others keep beside our folders is theirs, and so then is the root. */
	if (!err && rmdir(root) && errno != ENOENT && errno != ENOTEMPTY)
		err = -errno;
	return err;
}
