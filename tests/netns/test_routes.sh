#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One virtual address and port, several microservices: pools of a CoAP service by path, method,
# oneM2M's resource type and tenant, of real clients and servers (libcoap). An instance of each pool
# drains while devices observe there and transfer block by block: none of them moves, what is new
# goes elsewhere, and ACKs, which name no path, find whom they answer. Over a reload, a restart
# after kill -9, and an upgrade. IPv4 and IPv6.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

KEEP=10 # seconds; all flows speak each second
COAP=(--pause 0.1 --block 512 --upload-size 16k --timeout 4)

# server NAME MACHINE PORT: on both addresses, each with a log of its own.
server() {
	local family

	for family in 4 6; do
		tool_start "coapstack-$1-$family" "$2" "$T/coapserver" --name "$1" --every 0.5 \
			--listen "$(endpoint "$(machine_addr "$2" $family)" "$3")" --log "$LAB_DIR/executed-$1-$family"
	done
}
endpoint() { case $1 in *:*) echo "[$1]:$2" ;; *) echo "$1:$2" ;; esac; }

# pool NAME FRONT FAMILY PORT MACHINE...: a service as jq takes it.
pool() {
	local name=$1 front=$2 family=$3 port=$4 m

	shift 4
	for m; do
		jq -n --arg n "$name-$m" --arg a "$(machine_addr "$m" "$family")" --argjson p "$port" \
			'{name: $n, address: $a, port: $p}'
	done | jq -s --arg n "$name$([ "$family" = 4 ] || echo 6)" --arg f "$front" --arg keep "${KEEP}s" \
		'{name: $n, pool_of: $f, keep: $keep, instances: ., health: {interval: "500ms", timeout: "400ms", rise: 2, fall: 2}}'
}

# ask VIP METHOD PATH [OPTION...]: which server answers a client; each option is a number and a text.
ask() {
	local vip=$1 method=$2 path=$3 options=() o

	shift 3
	for o in "$@"; do options+=(-O "$o"); done
	in_ns acme coap-client-notls -v 6 -B 4 "${options[@]}" -m "$method" -e word "coap://$vip$path" 2>&1 || true
}

# admitted: {"TENANT/SERVICE": messages that went there, so far, ...}
admitted() {
	local t

	for t in globex initech guests; do
		ctl --json tenant show $t |
			jq --arg t $t '[.accounts[] | {key: "\($t)/\(.service)", value: .admitted.messages}] | from_entries'
	done | jq -cs add
}

# to TENANT SERVICE VIP METHOD PATH [OPTION...]: its messages are this tenant's, and counted for this
# service alone.
to() {
	local where=$1/$2 before grown got

	shift 2
	before=$(admitted)
	got=$(ask "$@")
	grown=$(jq -c --argjson b "$before" 'with_entries(select(.value > ($b[.key] // 0))) | keys' <<<"$(admitted)")
	[ "$grown" = "[\"$where\"]" ] || fail "$*: want $where, not $grown: $got"
}

everyone() {
	local v vip

	for v in "" 6; do
		vip=$([ "$v" ] && echo "[$VIP6]" || echo "$VIP4")
		to guests telemetry$v "$vip" get /count
		to guests watch$v "$vip" get /state
		to guests bulk$v "$vip" get /big
		to guests bulk$v "$vip" put /upload
		to guests telemetry$v "$vip" get /upload # another method
		to globex own$v "$vip" get /state 3,globex.example
		to globex own$v "$vip" get /anything 3,globex.example
		to initech watch$v "$vip" get /state 3,initech.example
		B=1 to guests made$v "$vip" post /cse 267,0x04
		B=1 to guests telemetry$v "$vip" post /cse 267,0x03
		B=1 to guests telemetry$v "$vip" post /cse
	done
}

lab_new_bare 4
server front m1 5683
server watch-m2 m2 5683
server watch-m3 m3 5683
server bulk-m3 m3 5690
server bulk-m4 m4 5690
server own-m4 m4 5683
server made-m2 m2 5690
for v in "" 6; do
	f=$([ "$v" ] && echo 6 || echo 4)
	config_edit --arg name telemetry$v --arg v "$v" --arg keep "${KEEP}s" \
		--argjson watch "$(pool watch telemetry$v "$f" 5683 m2 m3)" --argjson bulk "$(pool bulk telemetry$v "$f" 5690 m3 m4)" \
		--argjson own "$(pool own telemetry$v "$f" 5683 m4)" --argjson made "$(pool made telemetry$v "$f" 5690 m2)" '
		(.services[] | select(.name == $name)) |= (.default_tenant = "guests" | .keep = $keep |
			.instances |= map(select(.name == "m1") | .name = "front") |
			.routes = [{path: "/state", pool: ("watch" + $v)}, {path: "/big", pool: ("bulk" + $v)},
				{path: "/upload", method: "PUT", pool: ("bulk" + $v)}, {tenant: "globex", path: "/", pool: ("own" + $v)},
				{path: "/state", tenant: "globex", pool: ("own" + $v)},
				{onem2m_type: "contentInstance", path: "/cse", pool: ("made" + $v)}]) |
		.services += [$watch, $bulk, $own, $made]'
done
config_edit '.services |= map(select(.name | startswith("broker") | not)) |
	.tenants = [{name: "globex", match: [{coap_host: "globex.example"}]},
		{name: "initech", match: [{coap_host: "initech.example"}], on_excess: "answer",
		 allow: {onem2m_operations: ["retrieve", "create"], onem2m_types: ["container", 4]}}, {name: "guests"}]'
daemon_start
everyone

# What is told of them.
want "a pool" "$(ctl --json service show watch)" '.pool_of == "telemetry" and .port == 5683 and .kinds["coap.get"] == 2'
want "a front" "$(ctl --json service show telemetry)" '(.routes | length) == 6 and .routes[2] == {path: "/upload", method: "PUT", pool: "bulk"}
	and .routes[5] == {path: "/cse", onem2m_type: "contentInstance", pool: "made"}'
grep -qE '^watch6 +of telemetry6 +coap +2/2' <<<"$(ctl service list)" || fail "service list: $(ctl service list)"
grep -qF 'route globex /state to own' <<<"$(ctl service show telemetry)" || fail "service show: $(ctl service show telemetry)"
grep -qF 'sluice_pool_info{service="bulk",front="telemetry"} 1' <<<"$(in_ns node curl -s http://127.0.0.1:9464/metrics)" ||
	fail "no sluice_pool_info"
want "allow" "$(ctl --json tenant show initech)" \
	'.allow == {onem2m_operations: ["create", "retrieve"], onem2m_types: ["container", "contentInstance"]}'

# What oneM2M asks of initech: the node says no in the server's stead.
refused() {
	local reason=$1 before got

	shift
	before=$(reason "$reason")
	got=$(ask "$@")
	[[ $got == *4.03* ]] || fail "$*: want 4.03: $got"
	[ "$(reason "$reason")" = $((before + 1)) ] || fail "$*: is not $reason"
}
for vip in "$VIP4" "[$VIP6]"; do
	refused answered_path "$vip" put /upload 3,initech.example
	refused answered_path "$vip" post /count 3,initech.example
	refused answered_path "$vip" post /cse 3,initech.example 267,0x02
done
B=1 to initech made "$VIP4" post /cse 3,initech.example 267,0x04
B=1 to initech telemetry "$VIP4" post /cse 3,initech.example 267,0x03

# The same by sluicectl explain, of what passed.
if command -v tcpdump >/dev/null; then
	lab_start pcap acme tcpdump -i eth0 -Z root --immediate-mode -U -s 0 -w "$LAB_DIR/asked.pcap" udp
	wait_for grep -q listening "$LAB_DIR/log/pcap"
	to guests watch "$VIP4" get /state
	to guests telemetry "$VIP4" get /count
	lab_stop pcap
	explained=$(in_ns node "$SLUICECTL" --json explain --config "$LAB_DIR/config.json" "$LAB_DIR/asked.pcap" |
		jq -cs '[.[] | select(.service) | {service, instance, tenant, kind}]')
	want "explained" "$explained" 'map(select(.kind == "coap.get")) | map([.service, .tenant]) == [["watch", "guests"], ["telemetry", "guests"]]'
fi

# -- each pool drains, with what goes on there --

# devices_start VIP FROM TAG
devices_start() {
	lab_start "watch-$3" acme "$T/coapdevices" "${COAP[@]}" --to "$1" --from "$2" --observers 20
	lab_start "bulk-$3" acme "$T/coapdevices" "${COAP[@]}" --to "$1" --from "$2" --getters 6 --putters 6
	lab_start "front-$3" acme "$T/coapdevices" "${COAP[@]}" --to "$1" --from "$2" --posters 6
	for what in watch bulk front; do
		WAIT=20 wait_for ready "$what-$3"
	done
}
devices_start "$VIP4" "$ACME4" 4
devices_start "[$VIP6]" "$ACME6" 6

for v in "" 6; do
	ctl instance drain watch$v watch-m2 >/dev/null
	ctl instance drain bulk$v bulk-m3 >/dev/null
done
for v in "" 6; do
	wait_for instance_is watch$v watch-m2 '.state == "draining" and .slots == 0 and .pins > 0'
	wait_for instance_is bulk$v bulk-m3 '.state == "draining" and .slots == 0'
done

# The daemon is killed in the middle, and a build by another compiler goes on.
lab_stop sluiced KILL
before=$(figures_now watch-4)
wait_for has watch-4 ".notifications > $(jq .notifications <<<"$before")"
if next_build; then daemon_again "$B/next/sluiced"; else daemon_again; fi
for v in "" 6; do
	WAIT=30 wait_for settled watch$v bulk$v
	wait_for instance_is watch$v watch-m2 '.pins > 0 and (.drained | not)' # devices observe there
done

# What is new goes to the others.
fresh=$(in_ns acme "$T/coapdevices" "${COAP[@]}" --to "$VIP4" --from "$ACME4" --observers 20 --getters 10 --port-base 20000 --duration 2) ||
	fail "new devices: $fresh"
want "new devices" "$fresh" '.by_instance | keys == ["bulk-m4", "watch-m3"]'

for tag in 4 6; do
	devices_end watch-$tag bulk-$tag front-$tag
	for what in watch bulk front; do
		want "$what-$tag" "$(figures_of $what-$tag)" '[.gaps, .silent, .after_end, .transfers_failed, .failed, .resets,
			.errors, .moved, .posts_moved, .open] | all(. == 0)'
	done
	want "watchers stayed" "$(figures_of watch-$tag)" '(.by_instance | keys) == ["watch-m2", "watch-m3"] and .notifications > 100'
	want "transfers" "$(figures_of bulk-$tag)" '.transfers_done > 0 and (.by_instance | keys - ["bulk-m3", "bulk-m4"]) == []'
	want "posts" "$(figures_of front-$tag)" '(.by_instance | keys) == ["front"]'
done
for v in "" 6; do
	WAIT=30 wait_for instance_is watch$v watch-m2 .drained
done
everyone
[ -z "$(executed_twice)" ] || fail "executed twice: $(executed_twice)"

# -- a reload moves a route, and takes a pool away --

config_edit '(.services[] | select(.routes)).routes |= map(select(.path != "/big")) |
	(.services[] | select(.name == "telemetry")).routes += [{path: "/count", method: "POST", pool: "own"}]'
ctl reload >/dev/null
to guests telemetry "$VIP4" get /big
to guests own "$VIP4" post /count
to guests telemetry "$VIP4" get /count
config_edit '(.services[] | select(.routes)).routes |= map(select(.pool | startswith("bulk") | not)) |
	.services |= map(select(.name | startswith("bulk") | not))'
ctl reload >/dev/null
to guests telemetry "$VIP4" put /upload
to guests watch6 "[$VIP6]" get /state

# What is wrong changes nothing.
config_edit '(.services[] | select(.name == "telemetry")).routes += [{path: "/x", pool: "watch6"}]'
why=$(ctl reload 2>&1) && fail "another's pool was taken"
[[ $why == *'"watch6" is no pool of this service'* ]] || fail "why: $why"
to guests watch "$VIP4" get /state

[ "$(reason internal)" = 0 ] || fail "internal: $(reason internal)"
echo PASS
