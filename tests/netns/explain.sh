# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced after lib.sh by tests of `sluicectl explain`: configurations for what tests/lib/capmake
# makes, and what the tests ask of the lines.

VIP4=203.0.113.10
VIP6=2001:db8:ffff::10

for cmd in tshark editcap; do
	command -v $cmd >/dev/null || skip "needs $cmd: scripts/install-deps test"
done

# explain_config FILTER [JQ OPTIONS]: one tenant, no quota, no service; edited. On standard output.
explain_config() {
	local filter=$1

	shift
	jq -n --arg v4 "$VIP4" --arg v6 "$VIP6" "$@" '
		def service($name; $protocol; $port): {
			name: $name, protocol: $protocol, address: $v4, port: $port, health: {probe: "none"},
			instances: [{name: "m1", address: "10.77.1.2", port: $port}]};
		{secret: "5d41402abc4b2a76b9719d911017c592", interfaces: [{name: "eth0"}], services: [],
		 tenants: [{name: "acme", match: [{source: "198.51.100.0/24"}, {source: "2001:db8:a::/48"}]}]}
		| '"$filter"
}

# What `capmake leaving` is for: both families, UDP and TCP, and a broker half of whose instances
# have just gone.
leaving_config() {
	explain_config '.services = [
		service("u4"; "udp"; 9000) | .instances[0].port = 19000,
		(service("u6"; "udp"; 9000) | .address = $v6 | .instances[0].address = "fd00:77:1::2"),
		(service("t4"; "tcp"; 9001) | .health.on_down = "reset"
		 | .instances += [{name: "m2", address: "10.77.2.2", port: 9001, admin: "down"}]),
		(service("t6"; "tcp"; 9001) | .address = $v6 | .health.on_down = "reset"
		 | .instances = [{name: "m1", address: "fd00:77:1::2", port: 19001},
				 {name: "m2", address: "fd00:77:2::2", port: 9001, admin: "down"}])]' "$@"
}

# explain CONFIG CAPTURE [OPTION...]: lines of JSON.
explain() { "$SLUICECTL" --json explain --config "$@"; }

# refused WHAT TEXT CMD...: it fails, and says TEXT.
refused() {
	local what=$1 text=$2 said

	shift 2
	if said=$("$@" 2>&1 >/dev/null); then fail "$what: not refused"; fi
	[[ $said == *"$text"* ]] || fail "$what: want '$text', not: $said"
}

# lines WHAT FILE FILTER: the filter holds of the array of FILE's lines.
lines() { jq -e -s "$3" "$2" >/dev/null || fail "$1: not '$3' in: $(head -n 3 "$2")"; }
