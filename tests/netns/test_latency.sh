#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How long real servers take (libcoap's, mosquitto), by the node and by the clients themselves: p50 and
# p99 within 10 %, of CoAP, of TCP's handshake and of MQTT's, sampled 1 in 64 as it is. Then one of three
# instances is slow, which p99 shows. Servers sit behind a link that delays what they answer.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/maps.sh
. "$(dirname "$0")/maps.sh"

# Microseconds. The tail is of one packet in 10, so that some 20 of 200 samples are in it, and it is
# narrower than what p99 may be off: else chance alone would fail one run in a hundred.
DELAY=15000-25000 TAIL=56000-60000
SLOW=120000-140000
PERCENT=10
REQUESTS=24000 RATE=1500
CONNECTIONS=12000 CONNECT_RATE=800

[ -e /dev/net/tun ] || skip "needs /dev/net/tun"

behind() { echo "10.78.$1.2"; }

# line_start N DELAY TAIL: what the server sN sends takes so long to its machine mN.
line_start() {
	lab_start "line$1" node "$T/delayline" --near "/run/netns/$SLUICE_LAB-m$1" \
		--far "/run/netns/$SLUICE_LAB-s$1" --delay "$2" --tail "$3"
	wait_for grep -q ready "$LAB_DIR/log/line$1"
	ip_in "m$1" <<-END
		link set tun0 up
		route add $(behind "$1")/32 dev tun0
	END
	ip_in "s$1" <<-END
		addr add $(behind "$1")/32 dev tun0
		link set tun0 up
		route add default dev tun0
	END
}

# server_add N: a namespace sN behind mN.
server_add() {
	ns_add "s$1"
	sysctl_in "m$1" ipv4/ip_forward=1
	line_start "$1" $DELAY $TAIL
	echo "route add $(behind "$1")/32 via $(machine_addr "m$1" 4)" | ip_in node
	mosquitto_start "s$1" 1883
	coap_start "s$1" 5683 "m$1"
}

# times TENANT SERVICE SORT: what the node says.
times() {
	ctl --json tenant show "$1" | jq -c --arg s "$2" --arg l "$3" \
		'.accounts[] | select(.service == $s) | .latency[$l] | del(.buckets)'
}

# alike WHAT NODE-JSON CLIENT-JSON: p50 and p99 of both, in microseconds.
alike() {
	want "$1" "$2" '[(.p50_us / $c.p50), (.p99_us / $c.p99)] | all(. > 1 - $p / 100 and . < 1 + $p / 100)' \
		--argjson c "$3" --argjson p $PERCENT
	say "$1: $(jq -r '"\(.samples) samples, p50 \(.p50_us) p99 \(.p99_us) us"' <<<"$2");" \
		"client p50 $(jq .p50 <<<"$3") p99 $(jq .p99 <<<"$3") us"
}

lab_new_bare 3
core_start
for i in 1 2 3; do
	server_add $i
done
# Probes would wait as long as everybody else.
config_edit '.services |= map(select(.name == "broker" or .name == "telemetry") |
	.latency = true | .health = {probe: "none"} | .keep = "20s" |
	.instances |= map(.address |= sub("10.77"; "10.78"))) |
	.tenants[].quota = {}'
daemon_start

# -- as they are --

lab_start greet acme "$T/mqttgreet" --to "$VIP4" --from "$ACME4" --connections $CONNECTIONS \
	--rate $CONNECT_RATE --port-base 10000
json=$(in_ns acme "$T/coapload" --to "$VIP4" --from "$ACME4" --requests $REQUESTS --rate $RATE \
	--flows 256 2>>"$LAB_DIR/log/coapload") || fail "CoAP: $json"
greeted() { ! lab_running greet; }
WAIT=30 wait_for greeted
greet=$(tail -n 1 "$LAB_DIR/log/greet")
want "MQTT" "$greet" '.failed == 0 and .greeted == $n' --argjson n $CONNECTIONS

coap=$(times acme telemetry coap)
alike "CoAP" "$coap" "$(jq -c .latency_us <<<"$json")"
alike "SYN to SYN-ACK" "$(times acme broker tcp)" "$(jq -c .connect_us <<<"$greet")"
alike "CONNECT to CONNACK" "$(times acme broker mqtt)" "$(jq -c .connack_us <<<"$greet")"
want "1 in 64" "$coap" '.samples > $n / 64 * 0.75 and .samples < $n / 64 * 1.25' --argjson n $REQUESTS

# The same as metrics, and for a person.
metrics=$(in_ns node curl -s http://127.0.0.1:9464/metrics)
count=$(sed -nE 's/^sluice_latency_seconds_count\{tenant="acme",service="telemetry",sort="coap"\} //p' <<<"$metrics")
[ "$count" = "$(jq .samples <<<"$coap")" ] || fail "metrics: count '$count', not that of: $coap"
grep -q '^# TYPE sluice_latency_seconds histogram' <<<"$metrics" || fail "no histogram in the metrics"
ctl tenant show acme | grep -qE '^telemetry +coap +[0-9]+ .* [0-9]+ms$' || fail "tenant show: $(ctl tenant show acme)"

# -- one of three is slow --

lab_stop line2
line_start 2 $SLOW $SLOW
json=$(in_ns globex "$T/coapload" --to "$VIP4" --from "$GLOBEX4" --requests $((REQUESTS / 2)) --rate $RATE \
	--flows 256 2>>"$LAB_DIR/log/coapload") || fail "CoAP, one slow: $json"
slow=$(times globex telemetry coap)
alike "CoAP, one of three slow" "$slow" "$(jq -c .latency_us <<<"$json")"
want "p99 shows it, p50 does not" "$slow" '.p99_us > 110000 and .p50_us < 60000'
[ "$(times acme telemetry coap)" = "$coap" ] || fail "another tenant's: $(times acme telemetry coap), was $coap"

# -- off, on, gone --

# more: requests of acme's for three seconds; their share of slow ones is seen meanwhile.
more() {
	lab_start more acme "$T/coapload" --to "$VIP4" --from "$ACME4" --rate $RATE --duration 3 --flows 256
	top=$(ctl top --once --interval=2s)
	WAIT=10 wait_for more_over
}
more_over() { ! lab_running more; }
latency_is() {
	config_edit --argjson on "$1" '.services[].latency = $on'
	ctl reload >/dev/null
}

latency_is false
more
[ "$(times acme telemetry coap)" = "$coap" ] || fail "timed although it is off: $(times acme telemetry coap)"
[[ $top != *p50/p99* ]] || fail "top shows what is not there: $top"
latency_is true
more
want "on again" "$(times acme telemetry coap)" '.samples > $n' --argjson n "$(jq .samples <<<"$coap")"
grep -qE '^acme .* coap [0-9]+ms/1[0-9][0-9]ms' <<<"$top" || fail "top, p99 in between: $top"

# A tenant's times go with it: three of acme's, one of globex's, and the three of who finds no room.
histograms() { map_dump sl_latencies | jq length; }
[ "$(histograms)" = 7 ] || fail "$(histograms) histograms"
config_edit '.tenants |= map(select(.name != "globex"))'
ctl reload >/dev/null
[ "$(histograms)" = 6 ] || fail "$(histograms) histograms, after a tenant is gone"
[ "$(reason internal)" = 0 ] || fail "$(reason internal) packets left as internal"
echo PASS
