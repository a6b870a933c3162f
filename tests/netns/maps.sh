# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced by tests that look at what the daemon writes for the packet path, or write what packets
# would, after lib.sh.

MAPS=$LAB_PINS/abi-3/maps

# map_dump MAP: its entries as bpftool's formatted JSON.
map_dump() { bpftool -j map dump pinned "$MAPS/$1" | jq -c '[.[].formatted]'; }

# record MACHINE PORT: {"key": id, "value": the record} of the instance there, IPv4.
record() {
	local a b c d

	IFS=. read -r a b c d < <(machine_addr "$1" 4)
	map_dump sl_instances | jq -c --argjson w $((a + (b << 8) + (c << 16) + (d << 24))) \
		--argjson p $((($2 >> 8) + (($2 & 255) << 8))) \
		'.[] | select(.value.port == $p and .value.addr.w[3] == $w)'
}
flags_are() { [ "$(record "$1" "$2" | jq .value.flags)" = "$3" ]; }

# le BYTES NUMBER: its bytes in this machine's order, as bpftool wants them.
le() {
	local i

	for ((i = 0; i < $1; i++)); do printf '0x%02x ' $((($2 >> (8 * i)) & 255)); done
}
# be BYTES NUMBER
be() {
	local i

	for ((i = $1 - 1; i >= 0; i--)); do printf '0x%02x ' $((($2 >> (8 * i)) & 255)); done
}

# map_put MAP "KEY BYTES" "VALUE BYTES"
map_put() {
	# shellcheck disable=SC2086 # bytes are words
	bpftool map update pinned "$MAPS/$1" key $2 value $3
}

# daemon_killed: kill -9, and another one; not all of its instances need take flows.
daemon_killed() {
	lab_stop sluiced KILL
	lab_start sluiced node "$SLUICED" --config "$LAB_DIR/config.json" --socket "$LAB_DIR/control.sock" \
		--state "$LAB_DIR/state.json" --pin-path "$LAB_PINS"
	# shellcheck disable=SC2154 # set by lab_start
	disown "$lab_pid" # or the shell tells that it was killed
	wait_for ctl status
}
