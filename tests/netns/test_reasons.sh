#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Every frame leaves under exactly one reason: after a mix of valid, malformed and foreign frames
# from devices and servers, with real clients beside it, the sum of all reasons is what the XDP
# queues have received, to the frame. And it was a mix: it met nearly all reasons there are.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

FRAMES=${FRAMES:-240000}
SEED=${SEED:-$((RANDOM + 1))}
WANT_REASONS=38 # of 41; internal never
LIMITS=8 # tenants with a limit, see config_mix
LINKS=(acme globex m1 m2 m3)

command -v bpftool >/dev/null || skip "needs bpftool: scripts/install-deps build"

# Beside the lab's services: one without instances, one whose server is not there, one that acme
# may not use. Beside its tenants: one for each sort of limit. Nothing is probed.
config_mix() {
	config_edit --arg v4 "$VIP4" --arg v6 "$VIP6" '
		def service($name; $vip; $port; $servers):
			{name: $name, address: $vip, port: $port, protocol: "udp", steering: "nat",
			 instances: [$servers[] | {name: "s", address: ., port: $port}]};
		def limited($by; $i):
			{name: "limit\($i)",
			 match: [{source: "100.64.\($i).0/24"}, {source: "2001:db8:c:\($i)::/64"}]} +
			($by | map_values(. + {burst: "100ms"}));
		.services += [
			service("none4"; $v4; 7000; []), service("none6"; $v6; 7000; []),
			service("gone4"; $v4; 7001; ["10.77.1.77"]), service("gone6"; $v6; 7001; ["fd00:77:1::77"]),
			service("other4"; $v4; 7002; ["10.77.1.2"]), service("other6"; $v6; 7002; ["fd00:77:1::2"])
		]
		| .services[].health = {probe: "none"}
		| .tenants[0].services = [.services[].name | select(startswith("other") | not)]
		| [{packets: "20/s"}, {bytes: "2kB/s"}, {messages: "20/s"}, {new_connections: "20/s"}] as $quotas
		| .tenants += ([$quotas[] | {quota: .}, {device_quota: .}]
			       | to_entries | map(limited(.value; .key + 1)))'
}

# flows SOURCE4 SOURCE6 [PROTOCOL:PORT...]: to services (telemetry and broker), from random ports.
flows() {
	local from4=$1 from6=$2 to

	shift 2
	[ $# -gt 0 ] || set -- udp:5683 tcp:1883
	for to; do
		printf -- '--flow %s,%s,0,%s,%s ' "${to%:*}" "$from4" "$VIP4" "${to#*:}"
		printf -- '--flow %s,%s,0,%s,%s ' "${to%:*}" "$from6" "$VIP6" "${to#*:}"
	done
}

# answers: what m1's servers send to a device, to one that is not there, to where no way leads, and
# to the node.
answers() {
	local to from=10.77.1.2

	for to in 198.51.100.10 198.51.100.77 100.64.1.9 10.77.1.1 \
		2001:db8:a:10::1 2001:db8:a::77 2001:db8:c:1::9 fd00:77:1::1; do
		[[ $to != *:* ]] || from=fd00:77:1::2
		printf -- '--flow udp,%s,5683,%s,0 --flow tcp,%s,1883,%s,0 ' $from $to $from $to
	done
}

# mix NS LINK FRAMES FLOWS: to the node's LINK.
mix() {
	local mac

	mac=$(in_ns node ip -j link show "$2" | jq -r '.[0].address')
	# shellcheck disable=SC2086 # words
	in_ns "$1" "$T/mixedframes" --if eth0 --to "$mac" --seed "$SEED" --frames "$3" $4
}

# clients: real ones, of both families, meanwhile.
clients() {
	lab_start coap4 acme "$T/coapload" --to "$VIP4" --requests 2000 --from "$ACME4"
	lab_start coap6 acme "$T/coapload" --to "[$VIP6]" --requests 2000 --from "$ACME6"
	lab_start mqtt4 globex "$T/mqttload" --to "$VIP4:1883" --sessions 50 --from "$GLOBEX4"
	lab_start mqtt6 globex "$T/mqttload" --to "[$VIP6]:1883" --sessions 50 --from "$GLOBEX6"
}

# All senders, each with its part of the frames. SENT is what has left.
send_all() {
	local i limits=''

	for ((i = 1; i <= LIMITS; i++)); do
		limits+=$(flows "100.64.$i.9" "2001:db8:c:$i::9")
	done
	clients
	{
		mix acme acme $((FRAMES / 4)) "$(flows 198.51.100.10 2001:db8:a:10::1 \
			udp:5683 tcp:1883 udp:7000 udp:7001 udp:7002 tcp:9)"
		mix acme acme $((FRAMES / 4)) "$limits $(flows 100.65.0.1 2001:db8:d::1)"
		mix globex globex $((FRAMES / 4)) "$(flows 192.0.2.10 2001:db8:b:10::1)"
		mix m1 m1 $((FRAMES / 4)) "$(answers)"
	} >"$LAB_DIR/log/mixed"
	SENT=$(jq -s '[.[].sent] | add' "$LAB_DIR/log/mixed")
}

received() {
	local link sum=0

	for link in "${LINKS[@]}"; do
		sum=$((sum + $(xdp_frames "$link")))
	done
	echo $sum
}

# The same counters, as they stand in the map.
map_sum() {
	bpftool -j map dump pinned "$(echo "$LAB_PINS"/abi-*/maps/sl_counters)" |
		jq '[.[].formatted.value.reason[]] | add'
}

# snapshot: reads all sums at a moment when no frame came: FRAMES_IN, IN_API, IN_MAP.
snapshot() {
	FRAMES_IN=$(received)
	IN_API=$(reasons_sum)
	IN_MAP=$(map_sum)
	[ "$(received)" = "$FRAMES_IN" ]
}

client_ended() { ! lab_running "$1"; }

lab_new 3
config_mix
# Too big for the way there, and for the way back.
in_ns node ip link set m3 mtu 1300
in_ns node ip link set acme mtu 1400
in_ns node ip route add unreachable 100.64.1.0/24
in_ns node ip route add unreachable 2001:db8:c:1::/64
daemon_start
send_all
for what in coap4 coap6 mqtt4 mqtt6; do
	WAIT=20 wait_for client_ended $what
done
WAIT=20 wait_for snapshot

json=$(ctl --json reasons)
met=$(jq '[.reasons[] | select(.packets > 0)] | length' <<<"$json")
unmet=$(jq -r '[.reasons[] | select(.packets == 0).reason] | join(" ")' <<<"$json")
say "seed $SEED: sent $SENT, received $FRAMES_IN, under reasons $IN_API (API) and $IN_MAP (map);" \
	"$met reasons met, not: $unmet"
[ "$FRAMES_IN" -ge "$SENT" ] || fail "the queues received $FRAMES_IN frames of $SENT sent"
[ "$IN_API" = "$FRAMES_IN" ] || fail "reasons add up to $IN_API by the API, received $FRAMES_IN"
[ "$IN_MAP" = "$FRAMES_IN" ] || fail "reasons add up to $IN_MAP in the map, received $FRAMES_IN"
[ "$met" -ge $WANT_REASONS ] || fail "$met reasons met, want at least $WANT_REASONS"
[ "$(reason internal)" = 0 ] || fail "$(reason internal) packets left as internal"
echo PASS
