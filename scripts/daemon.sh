# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# The daemon in a lab: its configuration, its start and end, and sluicectl. Goes with
# topology.sh; used by scripts/lab and tests/netns/lib.sh.

SLUICED=${SLUICED:-$B/sluiced}
SLUICECTL=${SLUICECTL:-$B/sluicectl}

# sluicectl, speaking to the lab's daemon.
ctl() { in_ns node "$SLUICECTL" --socket "$LAB_DIR/control.sock" "$@"; }

# instances_of N PORT FAMILY: the instances of one service, one on each of the machines 1..N.
instances_of() {
	local i

	for ((i = 1; i <= $1; i++)); do
		jq -n --arg n "m$i" --arg a "$(machine_addr "m$i" "$3")" --argjson p "$2" \
			'{name: $n, address: $a, port: $p}'
	done | jq -s .
}

# config_write INSTANCES: two tenants and four services over that many machines.
config_write() {
	local interfaces

	interfaces=$(cd "$LAB_DIR/machine" && printf '%s\n' acme globex m* |
		jq -R '{name: ., mode: "native"}' | jq -s .)
	hook_write
	jq -n --arg lab "$SLUICE_LAB" --argjson interfaces "$interfaces" \
		--arg v4 "$VIP4" --arg v6 "$VIP6" \
		--argjson mq4 "$(instances_of "$1" 1883 4)" \
		--argjson mq6 "$(instances_of "$1" 1883 6)" \
		--argjson co4 "$(instances_of "$1" 5683 4)" \
		--argjson co6 "$(instances_of "$1" 5683 6)" '
		def health: {interval: "500ms", timeout: "400ms", rise: 2, fall: 2};
		def broker: {port: 1883, protocol: "mqtt", steering: "nat", health: health};
		def telemetry: {port: 5683, protocol: "coap", steering: "nat", keep: "20s",
				drop_malformed: true, health: health};
		{
			node: $lab,
			secret: "5d41402abc4b2a76b9719d911017c592",
			interfaces: $interfaces,
			metrics: {listen: "127.0.0.1:9464"},
			services: [
				broker + {name: "broker", address: $v4, instances: $mq4},
				broker + {name: "broker6", address: $v6, instances: $mq6},
				telemetry + {name: "telemetry", address: $v4, instances: $co4},
				telemetry + {name: "telemetry6", address: $v6, instances: $co6}
			],
			tenants: [
				{name: "acme",
				 match: [{source: "198.51.100.0/24"}, {source: "2001:db8:a::/48"}],
				 quota: {messages: "50k/s", new_connections: "5k/s", burst: "100ms"}},
				{name: "globex",
				 match: [{source: "192.0.2.0/24"}, {source: "2001:db8:b::/48"}],
				 quota: {messages: "1k/s", new_connections: "500/s", burst: "100ms"}}
			]
		}' >"$LAB_DIR/config.json"
}

# config_edit [JQ OPTIONS] FILTER: change the configuration's file; a reload is the caller's.
config_edit() {
	jq "$@" "$LAB_DIR/config.json" >"$LAB_DIR/config.new"
	mv "$LAB_DIR/config.new" "$LAB_DIR/config.json"
}

# The scaling hook, knowing which lab it serves: the daemon gives it no environment of ours.
hook_write() {
	printf '#!/bin/sh\nexport SLUICE_LAB=%s SLUICE_RUN=%s\nexec %q "$@"\n' \
		"$SLUICE_LAB" "${SLUICE_RUN:-}" "$ROOT/scripts/lab-hook" >"$LAB_DIR/hook"
	chmod +x "$LAB_DIR/hook"
}

# daemon_start [OPTIONS]: returns when it answers and all its instances take flows.
daemon_start() {
	[ -x "$SLUICED" ] || die "$SLUICED is missing: make"
	lab_running sluiced && die "the daemon runs already"
	lab_start sluiced node "$SLUICED" --config "$LAB_DIR/config.json" \
		--socket "$LAB_DIR/control.sock" --state "$LAB_DIR/state.json" \
		--pin-path "$LAB_PINS" "$@"
	wait_until 20 daemon_settled || true
	ctl status >/dev/null 2>&1 || {
		tail -20 "$LAB_DIR/log/sluiced" >&2
		die "sluiced did not start"
	}
	wait_until 10 all_take_flows || warn "not all instances are healthy: scripts/lab status"
}

# It answers, or it is gone and there is nothing to wait for.
daemon_settled() { ctl status || ! lab_running sluiced; }

all_take_flows() {
	ctl --json service list | jq -e 'all(.services[]; .healthy == .instances)'
}

# take_flows SERVICE N: exactly that many instances are there and take new flows.
take_flows() {
	ctl --json service show "$1" | jq -e --argjson n "$2" '.healthy == $n and .instances == $n'
}
