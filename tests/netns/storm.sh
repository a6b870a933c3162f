# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Floods from spoofed sources, for lab tests; sourced behind lib.sh. A namespace "storm" beside the
# tenants' sends them; answers to a spoofed source go back there, where they end.
#
#	lab_new 3
#	storm_add                          # before daemon_start
#	storm_tenant globex                # whose it is; without: the default tenant's, or nobody's
#	daemon_start
#	storm_run syn 10 "$VIP4:1883"      # JSON of xdpflood, and what the node got
#
# Sources are addresses of STORM4, which nobody has, and /64s of STORM6: 16 million of each.
STORM4=240.0.0.0/8
STORM6=fdf0::/40

# storm_add: the namespace, its link to the node, and the way back to the sources. Neighbours are
# fixed: while the flood drops what comes back, nobody there answers for an address.
storm_add() {
	ns_add storm
	link_add storm storm
	in_ns node ethtool -K storm gro on >/dev/null # until an XDP program is there
	ip_in node <<-END
		addr add 10.78.0.1/24 dev storm
		addr add fd00:78::1/64 dev storm nodad
		link set storm up
		neigh replace 10.78.0.2 lladdr $(storm_mac storm eth0) dev storm nud permanent
		neigh replace fd00:78::2 lladdr $(storm_mac storm eth0) dev storm nud permanent
		route add $STORM4 via 10.78.0.2 dev storm
		route add $STORM6 via fd00:78::2 dev storm
	END
	ip_in storm <<-END
		addr add 10.78.0.2/24 dev eth0
		addr add fd00:78::2/64 dev eth0 nodad
		link set eth0 up
		route add blackhole $STORM4
		route add blackhole $STORM6
	END
	[ ! -e "$LAB_DIR/config.json" ] || config_edit '.interfaces += [{name: "storm", mode: "native"}]'
}

storm_mac() { in_ns "$1" cat "/sys/class/net/$2/address" 2>/dev/null || in_ns "$1" ip -j link show "$2" | jq -r '.[0].address'; }

# storm_tenant NAME: the sources are this tenant's of the configuration's file; one that is not there
# is added and has no quota.
storm_tenant() {
	config_edit --arg t "$1" --arg v4 "$STORM4" --arg v6 "$STORM6" \
		'(if any(.tenants[]; .name == $t) then . else .tenants += [{name: $t, match: []}] end) |
		(.tenants[] | select(.name == $t) | .match) += [{source: $v4}, {source: $v6}]'
}

# storm_flood KIND SECONDS ADDR:PORT [OPTIONS]: xdpflood as it is, from the storm.
storm_flood() {
	local kind=$1 seconds=$2 to=$3 from=$STORM4

	shift 3
	[[ $to != \[* ]] || from=$STORM6
	in_ns storm "$T/xdpflood" --kind "$kind" --duration "$seconds" --to "$to" --dev eth0 \
		--dmac "$(storm_mac node storm)" --from "$from" "$@"
}

# storm_run KIND SECONDS ADDR:PORT [OPTIONS]: the same; the JSON also has received, the frames that
# the node's XDP queues took, and kind. Fails where the flood did not run.
storm_run() {
	local before after json

	before=$(xdp_frames storm)
	json=$(storm_flood "$@" 2>>"$LAB_DIR/log/storm") || { tail -20 "$LAB_DIR/log/storm"; return 1; }
	after=$(xdp_frames storm)
	jq -c --arg kind "$1" --argjson n "$((after - before))" \
		'. + {kind: $kind, received: $n, received_rate: ($n / .seconds | round)}' <<<"$json"
}

# storm_sink MACHINE...: instances there are spared: an XDP program takes what comes from the storm's
# IPv4 sources, so that the flood is as fast as the node, not as a server's stack. storm_sunk MACHINE:
# stops it; its count as JSON.
storm_sink() {
	local m

	for m; do
		lab_start "sink-$m" "$m" "$T/xdpcount" --dev eth0 --from "$STORM4" --duration 3600
		wait_until 5 grep ready "$LAB_DIR/log/sink-$m" || fail "$(cat "$LAB_DIR/log/sink-$m")"
	done
}
storm_sunk() {
	lab_stop "sink-$1"
	wait_until 5 grep '"frames"' "$LAB_DIR/log/sink-$1" || fail "no count of $1"
	tail -1 "$LAB_DIR/log/sink-$1"
}

# storm_start KIND SECONDS ADDR:PORT [OPTIONS]: in the background, its JSON the last line of log/flood.
storm_start() {
	local kind=$1 seconds=$2 to=$3 from=$STORM4

	shift 3
	[[ $to != \[* ]] || from=$STORM6
	lab_start flood storm "$T/xdpflood" --kind "$kind" --duration "$seconds" --to "$to" --dev eth0 \
		--dmac "$(storm_mac node storm)" --from "$from" "$@"
}
