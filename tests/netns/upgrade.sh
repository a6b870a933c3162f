# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced by tests that replace the running program by another build of it, after lib.sh.

PINS=$LAB_PINS/abi-3

# link_of INTERFACE: {"id": of the pinned link, "prog_id", "tag"}; fails where nothing is pinned.
link_of() {
	local link

	link=$(bpftool -j link show pinned "$PINS/links/$1" 2>/dev/null) || return 1
	bpftool -j prog show id "$(jq .prog_id <<<"$link")" |
		jq -c --argjson l "$link" '{id: $l.id, prog_id: $l.prog_id, tag}'
}

# next_build: $B/next/sluiced, this source with the packet program made by another compiler:
# other instructions, the same maps. False where that compiler is missing. Objects are taken over,
# with their dependencies under the new folder's name: those that embed the program are older.
next_build() {
	local next=$B/next d was

	command -v clang-19 >/dev/null || return 1
	if [ -x "$next/sluiced" ] && [ "$next/sluiced" -nt "$B/sluiced" ]; then return 0; fi
	rm -rf "$next"
	next_make "$next/sluice.skel.h"
	cp -a "$B/obj" "$next/"
	while read -r d; do
		was=$(sed -n '1s|obj/.*||p' "$d")
		sed -i "s#\(^\| \)$was#\1$next/#g" "$d"
	done < <(find "$next/obj" -name '*.d')
	next_make "$next/sluiced"
}

next_make() {
	env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" B="$B/next" CLANG=clang-19 "$1" \
		>>"$LAB_DIR/log/next_build" 2>&1 || fail "next_build: $(tail -5 "$LAB_DIR/log/next_build")"
}

# daemon_again [BINARY]: start it where the data plane is there already, and wait for no more than
# its answer: some instances may be draining.
daemon_again() {
	lab_start sluiced node "${1:-$SLUICED}" --config "$LAB_DIR/config.json" \
		--socket "$LAB_DIR/control.sock" --state "$LAB_DIR/state.json" --pin-path "$LAB_PINS"
# shellcheck disable=SC2154 # set by lab_start
	disown "$lab_pid" # or the shell tells that it was killed
	WAIT=20 wait_for ctl status
}
