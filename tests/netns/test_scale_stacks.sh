#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# From three instances to five and to the other two, under load: 500 MQTT connections, 200 DTLS
# sessions, 200 CoAP observations, 100 block-wise transfers, posts that must be executed once, all of
# real stacks. The daemon is killed in the first transition and replaced by another build in the
# second. Nothing breaks or moves; what is new goes to the new ones; the old ones go when nobody
# needs them.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/stacks.sh
. "$(dirname "$0")/stacks.sh"
# shellcheck source=tests/netns/maps.sh
. "$(dirname "$0")/maps.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

KEEP=10 # seconds; all flows speak each second
SERVICES=(broker telemetry sessions)
OLD=(m1 m2 m3) NEW=(m4 m5)
HELD=480 SUBSCRIBERS=20 # MQTT connections of tcphold and of mosquitto
OPENSSL=(1 2 3)
OPENSSL_S=${OPENSSL_S:-30}
COAP=(--to "$VIP4" --from "$ACME4" --pause 0.1 --block 512 --upload-size 24k)
DTLS=(--to "$VIP4" --from "$ACME4" --interval 0.5)
DEVICES=(hold cid nocid observe get put post)

# -- the load --

servers_start_on() {
	mosquitto_start "$1" 1883
	coapstack_start "$1" "$1" "$(machine_addr "$1" 4)" --every 0.5 --lose 10
	dtls_start "$1" "$1" "$(machine_addr "$1" 4)" $((512 + ${1#m}))
}

# Numbers to subscribers who must get each, at whatever broker they are.
# shellcheck disable=SC2016 # expanded by the inner shell
mosquitto_clients_start() {
	local i

	for ((i = 1; i <= SUBSCRIBERS; i++)); do
		lab_start sub-$i acme mosquitto_sub -h "$VIP4" -i sub-$i -q 1 -t numbers
	done
	wait_for subscribers_are_there
	lab_start pub acme bash -c 'exec mosquitto_pub -h "$1" -i pub -q 1 -t numbers -l \
		< <(for ((n = 1; ; n++)); do echo $n; sleep 0.2; done)' pub "$VIP4"
}
connects() { cat "$LAB_DIR"/log/mosquitto-m*-1883 | grep -acE "New client connected from .* as $1 " || true; }
subscribers_are_there() { [ "$(connects 'sub-[0-9]+')" = $SUBSCRIBERS ]; }
# At a number that all of them have.
subscribers_stop() {
	local i

	wait_for subscribers_agree
	for ((i = 1; i <= SUBSCRIBERS; i++)); do
		lab_stop sub-$i
	done
}
subscribers_agree() { [ "$(tail -qn 1 "$LAB_DIR"/log/sub-* | sort -u | wc -l)" = 1 ]; }

load_start() {
	local i

	mosquitto_clients_start
	for i in "${OPENSSL[@]}"; do
		openssl_start openssl-"$i" acme "$VIP4:5684" "$OPENSSL_S"
	done
	lab_start hold acme "$T/tcphold" --to "$VIP4" --connections $HELD --from "$ACME4"
	lab_start cid acme "$T/dtlsclient" "${DTLS[@]}" --sessions 150 --rebind-every 4
	lab_start nocid acme "$T/dtlsclient" "${DTLS[@]}" --sessions 50 --no-cid
	lab_start observe acme "$T/coapdevices" "${COAP[@]}" --observers 200
	lab_start get acme "$T/coapdevices" "${COAP[@]}" --getters 50
	lab_start put acme "$T/coapdevices" "${COAP[@]}" --putters 50
	lab_start post acme "$T/coapdevices" "${COAP[@]}" --posters 50
	for i in "${DEVICES[@]}"; do
		WAIT=30 wait_for ready "$i"
	done
}

# -- what is new --

mqtt_accepts() { grep -acF 'New connection from 198.51.100.' "$LAB_DIR/log/mosquitto-$1-1883" || true; }
# accepts MACHINE...: {"m1": connections that devices have made to its broker, ...}
accepts() { for m; do echo "{\"$m\": $(mqtt_accepts "$m")}"; done | jq -cs add; }

# fresh PORT: connections and sessions from ports that nobody had; they say where they went.
fresh() {
	local tcp dtls was

	was=$(accepts "${OLD[@]}" "${NEW[@]}")
	tcp=$(in_ns acme "$T/tcphold" --to "$VIP4" --connections 60 --from "$ACME4" --port-base "$1" --duration 1) ||
		fail "new connections: $tcp"
		dtls=$(in_ns acme "$T/dtlsclient" "${DTLS[@]}" --sessions 60 --port-base "$1" --duration 2) ||
		fail "new DTLS sessions: $dtls"
	jq -nc --argjson was "$was" --argjson now "$(accepts "${OLD[@]}" "${NEW[@]}")" --argjson dtls "$dtls" '
		{broker: ($now | with_entries(.value -= $was[.key]) | map_values(select(. > 0))),
		 sessions: $dtls.by_instance}'
}

# -- the end --

# has_no_pin MACHINE PORT: exchanges are no pins.
has_no_pin() {
	local id

	id=$(record "$1" "$2" | jq .key)
	map_dump sl_pins | jq -e --argjson i "$id" 'all(.[]; .value.instance != $i)'
}

# want_whole WHAT FILTER: what has ended did so whole.
want_whole() {
	local figures

	figures=$(figures_of "$1")
	want "$1" "$figures" "$2"
	echo "$figures"
}

subscribers_check() {
	local i first last

	last=$(tail -n 1 "$LAB_DIR/log/sub-1")
	for ((i = 1; i <= SUBSCRIBERS; i++)); do
		[ "$(connects sub-$i)" = 1 ] || fail "sub-$i has connected $(connects sub-$i) times"
		# Its subscription may have been a moment later than its connection, before anything changes.
		first=$(head -n 1 "$LAB_DIR/log/sub-$i")
		((first <= 10)) || fail "sub-$i has nothing before $first"
		cmp -s <(seq "$first" "$last") <(head -n $((last - first + 1)) "$LAB_DIR/log/sub-$i") ||
			fail "sub-$i has not all of $first to $last, in order: $(diff <(seq "$first" "$last") "$LAB_DIR/log/sub-$i" | head -5)"
	done
	[ "$(connects pub)" = 1 ] || fail "the publisher has connected $(connects pub) times"
	echo "$last"
}

# -- the test --

topology_add 3 2
core_start
for m in "${OLD[@]}" "${NEW[@]}"; do
	servers_start_on "$m"
done
config_write 3
stacks_config 3 "${KEEP}s"
UPGRADE=yes
next_build || UPGRADE=no
daemon_start
disown -a # or the shell tells who was killed
load_start
LINK=$(link_of acme)
BEGUN=$SECONDS

# 3 -> 5
for service in "${SERVICES[@]}"; do
	instance_add "$service" 4
	instance_add "$service" 5
done
lab_stop sluiced KILL
daemon_again
disown -a
wait_for in_transition "${SERVICES[@]}"
WAIT=$((KEEP + 15)) wait_for settled "${SERVICES[@]}"
FRESH5=$(fresh 20000)
want "five take new flows" "$FRESH5" \
	'all(.broker, .sessions; .m4 > 0 and .m5 > 0 and .m1 + .m2 + .m3 > 0 and add == 60)'

# 5 -> 2
for service in "${SERVICES[@]}"; do
	for m in "${OLD[@]}"; do
		ctl instance drain "$service" "$m" >/dev/null
	done
done
lab_stop sluiced
daemon_again "$([ $UPGRADE = yes ] && echo "$B/next/sluiced")"
want "another program on the same link" "$(link_of acme)" '.id == $l.id and .prog_id != $l.prog_id' \
	--argjson l "$LINK"
wait_for in_transition "${SERVICES[@]}"
WAIT=$((KEEP + 15)) wait_for settled "${SERVICES[@]}"
FRESH2=$(fresh 22000)
want "two take new flows" "$FRESH2" \
	'all(.broker, .sessions; keys == ["m4", "m5"] and add == 60)'
for what in get put post; do
	WAIT=20 wait_for has "$what" '.by_instance | keys == ["m4", "m5"]'
done
for service in "${SERVICES[@]}"; do
	for m in "${OLD[@]}"; do
		want "$service $m, in use" "$(instance "$service" "$m")" '.state == "draining" and (.drained | not) and .pins > 0'
	done
done

for i in "${OPENSSL[@]}"; do
	WAIT=$OPENSSL_S wait_for ended openssl-"$i"
done
LASTED=$((SECONDS - BEGUN))
lab_stop pub
subscribers_stop
devices_end "${DEVICES[@]}"

# The devices are gone, and so are their pins. What may be repeated by CoAP's rules would hold an
# instance for another minute.
for m in "${OLD[@]}"; do
	WAIT=$((KEEP + 10)) wait_for has_no_pin "$m" 5683
	ctl instance remove telemetry "$m" --now >/dev/null
	for service in broker sessions; do
		WAIT=$((KEEP + 10)) wait_for instance_is "$service" "$m" .drained
		ctl instance remove "$service" "$m" >/dev/null
	done
done
for service in "${SERVICES[@]}"; do
	wait_for take_flows "$service" 2
done

# -- what must not have happened --

HOLD=$(want_whole hold ".connected == $HELD and .open == $HELD and .broken + .failed + .late == 0")
NUMBERS=$(subscribers_check)
for i in "${OPENSSL[@]}"; do
	openssl_check openssl-"$i" "$OPENSSL_S" >/dev/null
done
ONE='.answered == .asked and .again <= 2 + .asked / 200 and .failed + .lost + .moved + .rehandshakes + .broken == 0'
CID=$(want_whole cid ".handshakes == 150 and .with_cid == 150 and .rebound > 0 and $ONE")
NOCID=$(want_whole nocid ".handshakes == 50 and .with_cid == 0 and $ONE")
NOTHING='.open + .failed + .resets + .errors + .moved + .stray == 0'
OBSERVE=$(want_whole observe ".registered == 200 and .deregistered == 200 and $NOTHING and
	.gaps + .silent + .after_end == 0")
TRANSFERRED=".transfers_done == .transfers and .transfers_failed == 0 and $NOTHING"
GET=$(want_whole get "$TRANSFERRED") PUT=$(want_whole put "$TRANSFERRED")
POST=$(want_whole post ".posts_answered == .posts and $NOTHING")
[ -z "$(executed_twice)" ] || fail "executed twice: $(executed_twice)"
for m in "${OLD[@]}" "${NEW[@]}"; do
	lab_stop "coapstack-$m"
	figures_of "coapstack-$m"
done | jq -cs . >"$LAB_DIR/coap"
want "answers lost, requests repeated" "$(cat "$LAB_DIR/coap")" 'all(.[]; .lost > 0 and .lost == .repeated)'
[ "$(cat "$LAB_DIR"/executed-* | wc -l)" = "$(jq .posts <<<"$POST")" ] || fail "posts and executions differ"
want "reasons" "$(ctl --json reasons)" \
	'all(.reasons[]; .group != "failed" and .group != "refused" and .group != "malformed" or .packets == 0)'

say "3 -> 5 -> 2 in $LASTED s, kill -9, upgrade: $UPGRADE; new flows at five $FRESH5, at two $FRESH2"
say "MQTT: $(jq .asked <<<"$HOLD") questions, $NUMBERS numbers to each of $SUBSCRIBERS subscribers;" \
	"DTLS: $(jq -n "$CID.asked + $NOCID.asked") questions, $(jq .rebound <<<"$CID") changes of address"
say "CoAP: $(jq .notifications <<<"$OBSERVE") notifications, $(jq -n "$GET.transfers + $PUT.transfers") transfers of" \
	"$(jq -n "$GET.blocks + $PUT.blocks") blocks, $(jq .posts <<<"$POST") posts, $(jq 'map(.repeated) | add' "$LAB_DIR/coap") of them twice as the answer" \
	"was lost, $(jq .posts_moved <<<"$POST") at another instance than the one before"
