#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sluicectl trace: each packet that was asked for, with its tenant, service, kind and reason; the file
# as Wireshark reads it; no byte of payload and no device's address but for root who asks; a cap that a
# flood does not break; nothing stays on when the reader, or the daemon, was killed.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

MARK=payload-that-nobody-asked-for
N=40

for cmd in tshark capinfos bpftool setpriv; do
	command -v $cmd >/dev/null || skip "needs $cmd: scripts/install-deps test"
done

lab_new 1
config_edit '.events = {sample: 1024} | .tenants[].quota = {} | .tenants[].device_quota = {}'
daemon_start
wait_for take_flows telemetry 1
wait_for take_flows broker 1

# -- helpers --

control() {
	bpftool -j map dump pinned "$LAB_PINS/abi-3/maps/sl_control" |
		jq -c '.[0].formatted.value | [.event_mask, (.traced_s > 0)]'
}
OFF='[1023,false]' ON='[2147483648,true]'
control_is() { [ "$(control)" = "$1" ]; }

# One that does not end fails.
trace() { in_ns node timeout 20 "$SLUICECTL" --socket "$LAB_DIR/control.sock" --json trace "$@"; }
# trace_start NAME [OPTION...]: in the background, once it is in force.
trace_start() {
	local name=$1

	shift
	lab_start "$name" node "$SLUICECTL" --socket "$LAB_DIR/control.sock" --json trace "$@"
	trace_pid=$lab_pid
	wait_for control_is "$ON"
}
gone() { ! kill -0 "$trace_pid" 2>/dev/null; }
trace_interrupt() {
	kill -INT "$trace_pid"
	wait_for gone
	wait_for control_is "$OFF"
}
lines() { grep '^{' "$LAB_DIR/log/$1" | grep -v '^{"end"' || true; }
# all NAME N FILTER: N lines, and the filter holds of each.
all() {
	local n

	n=$(lines "$1" | wc -l)
	[ "$n" = "$2" ] || fail "$1: $n lines instead of $2: $(tail -n 2 "$LAB_DIR/log/$1")"
	lines "$1" | jq -es "all(.[]; $3)" >/dev/null || fail "$1: not all are '$3': $(lines "$1" | tail -n 1)"
}
said() { grep -q "$2" "$LAB_DIR/log/$1" || fail "$1: no '$2': $(grep -v '^{' "$LAB_DIR/log/$1")"; }
coap() {
	in_ns acme "$T/coapload" --to "$VIP4" --requests "$1" --inflight 1 --from 198.51.100.10 --method post \
		--payload $MARK "${@:2}" >"$LAB_DIR/coap" || fail "coapload: $(cat "$LAB_DIR/coap")"
}
seen() { [ "$(lines "$1" | wc -l)" -ge "$2" ]; }

# -- what is refused --

refused() {
	local want=$1 out

	shift
	out=$(trace "$@" 2>&1) && fail "not refused: $*"
	[[ $out == *$want* ]] || fail "$*: '$out' does not say '$want'"
}
control_is "$OFF" || fail "before: $(control)"
refused 'no tenant "nobody"; tenants: acme, globex' --tenant nobody
refused 'no service "brokr"; services: ' --service brokr
refused 'no reason "steerd"; reasons: ' --reason steerd
refused 'a power of two' --sample 3
refused 'want an integer from 1 to 1000' --rate 5000
refused 'want an integer from 1 to 3600' --seconds 0
echo keep >"$LAB_DIR/keep"
refused 'no tenant' --tenant nobody --write "$LAB_DIR/keep"
[ "$(cat "$LAB_DIR/keep")" = keep ] || fail "a refused trace has written"
chmod 711 "$LAB_DIR"
cp "$SLUICECTL" "$LAB_DIR/ctl"
as_member() { # of the socket's group, not root
	in_ns node timeout 20 setpriv --reuid 65534 --regid 0 --clear-groups "$LAB_DIR/ctl" --socket "$LAB_DIR/control.sock" \
		--json trace "$@" 2>&1
}
for option in --payload --addresses; do
	out=$(as_member $option) && fail "$option without root"
	[[ $out == *"are for root"* ]] || fail "$option: $out"
done
as_member --seconds 1 >"$LAB_DIR/out" || fail "a member of the group: $(cat "$LAB_DIR/out")"
wait_for control_is "$OFF"
say "bad names, bad numbers and those without the privilege are refused"

# -- what is told: as many as there were --

trace_start steered --tenant acme --service telemetry --reason steered --rate 1000 --write "$LAB_DIR/steered.pcapng"
refused 'somebody traces already' --tenant acme
in_ns globex "$T/coapload" --to "$VIP4" --requests 5 --inflight 1 --from 192.0.2.10 >/dev/null || fail "globex"
coap $N
wait_for seen steered $N
trace_interrupt
all steered $N '.tenant == "acme" and .service == "telemetry" and .account == "acme/telemetry" and
	.reason == "steered" and .verdict == "redirect" and .instance == "m1" and .protocol == "coap" and
	.kind == "coap.post" and .cut and (.device | length) == 16 and .bytes != "" and
	(.flow | test("^2[45][0-9][.][0-9.]+:[0-9]+ > [0-9.]+:5683$"))'
said steered "told of $N of $N packets"
want "members" "$(lines steered | head -n 1)" 'keys_unsorted[:16] == ["n","ts","length","cut","device","flow","service",
	"tenant","account","protocol","kind","verdict","reason","instance","pins","notes"]'

trace_start answers --service telemetry --reason returned --rate 1000 --write "$LAB_DIR/answers.pcapng"
coap $N
wait_for seen answers $N
trace_interrupt
all answers $N '.service == "telemetry" and .reason == "returned" and .device == null and
	(.kind | IN("coap.response", "coap.ack")) and (.flow | test(" > 2[45][0-9][.]"))'

trace_start mqtt --service broker --rate 1000 --write "$LAB_DIR/mqtt.pcapng"
before=$(($(reason steered) + $(reason returned)))
in_ns acme "$T/mqttload" --to "$VIP4:1883" --sessions 2 --publish 5 --qos 1 --from 198.51.100.10 >"$LAB_DIR/out" ||
	fail "mqttload: $(cat "$LAB_DIR/out")"
# Probes' answers are the service's, too, and local.
through() { lines mqtt | jq -s '[.[] | select(.reason | IN("steered", "returned"))] | length'; }
counted() { echo $(($(reason steered) + $(reason returned) - before)); }
all_told() { [ "$(through)" -gt 20 ] && [ "$(through)" = "$(counted)" ]; }
wait_for all_told
trace_interrupt
for kind in tcp.open mqtt.connect mqtt.connack mqtt.publish; do
	lines mqtt | jq -es "any(.[]; .kind == \"$kind\")" >/dev/null || fail "mqtt: no $kind"
done
say "each packet that was asked for, with its words"

# -- the file --

# fields FILE FIELD...: of each frame.
fields() {
	local file=$1

	shift
	tshark -r "$LAB_DIR/$file.pcapng" -T fields "${@/#/-e}" 2>/dev/null
}
for name in steered answers mqtt; do
	capinfos "$LAB_DIR/$name.pcapng" >"$LAB_DIR/info" || fail "$name: $(cat "$LAB_DIR/info")"
	for word in pcapng nanoseconds; do
		grep -q $word "$LAB_DIR/info" || fail "$name: no $word: $(cat "$LAB_DIR/info")"
	done
	diff <(fields $name frame.len) <(lines $name | jq .length) >/dev/null || fail "$name: other lengths"
	diff <(fields $name frame.time_epoch) <(lines $name | grep -o '"ts":[0-9.]*' | cut -c6-) >/dev/null ||
		fail "$name: other times"
done
[ "$(fields steered frame.cap_len | sort -u)" = $((14 + 20 + 8 + 4)) ] || fail "CoAP: not the fixed header's end"
[ "$(fields steered coap.code | sort | uniq -c | awk '{ print $1, $2 }')" = "$N 2" ] || fail "tshark: not $N POST"
[ "$(fields answers coap.code | grep -c .)" = $N ] || fail "tshark: not $N answers"
fields steered frame.comment | grep -qx \
	'verdict redirect, reason steered, service telemetry, tenant acme, instance m1, kind coap.post' ||
	fail "comment: $(fields steered frame.comment | head -n 1)"
# What the line says is what Wireshark's dissector says of the frame.
types=(x connect connack publish puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback pingreq pingresp \
	disconnect auth)
checked=0
while IFS=$'\t' read -r comment type; do
	[ -n "$type" ] || continue
	kind=${comment##*kind }
	[ "$kind" = "mqtt.${types[${type%%,*}]}" ] || fail "MQTT type $type is told as $kind"
	checked=$((checked + 1))
done < <(fields mqtt frame.comment mqtt.msgtype)
[ "$checked" -ge 10 ] || fail "tshark saw $checked messages of MQTT"
say "Wireshark reads the file: $checked messages of MQTT, $N of CoAP and their answers"

# -- payload and addresses --

hex() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }
for name in steered answers mqtt; do
	! grep -aq "$MARK" "$LAB_DIR/$name.pcapng" || fail "$name.pcapng has payload"
	! grep -aq "$(hex $MARK)" "$LAB_DIR/log/$name" || fail "$name: payload"
	! grep -q "c633640a\|198\.51\.100\.10" "$LAB_DIR/log/$name" || fail "$name: a device's address"
	! fields $name ip.addr | grep -q '198\.51\.100\.' || fail "$name.pcapng: a device's address"
done
[ "$(lines steered | jq -r .flow | cut -d: -f1 | sort -u)" = "$(lines answers | jq -r '.flow | split(" > ")[1]' |
	cut -d: -f1 | sort -u)" ] || fail "one device has two pseudonyms"
trace_start payload --tenant acme --payload --addresses --write "$LAB_DIR/payload.pcapng"
coap 3
wait_for seen payload 3
trace_interrupt
grep -aq "$MARK" "$LAB_DIR/payload.pcapng" || fail "--payload: none"
all payload 3 '(.cut | not) and (.flow | test("^198[.]51[.]100[.]10:"))'
say "payload and addresses only for root who asks"

# -- bounds and the cap --


lab_start flood acme "$T/coapload" --to "$VIP4" --non --rate 4000 --duration 120 --from "$ACME4"
flood=$lab_pid
trace --count 7 --seconds 30 >"$LAB_DIR/out" 2>&1 || fail "--count: $(cat "$LAB_DIR/out")"
[ "$(grep -c '^{"n"' "$LAB_DIR/out")" = 7 ] || fail "--count: $(tail -n 1 "$LAB_DIR/out")"
grep -q -- '--count is reached' "$LAB_DIR/out" || fail "--count: $(tail -n 1 "$LAB_DIR/out")"
wait_for control_is "$OFF"
trace --tenant acme --service telemetry --rate 5 --seconds 2 --sample 4 >"$LAB_DIR/out" 2>&1 || fail "--seconds"
end=$(grep '^{"end"' "$LAB_DIR/out")
want "the cap" "$end" '.end == "seconds" and .told >= 5 and .told <= 5 * 4 * ($cpus | tonumber) and .capped > 500 and
	.matched > 3 * (.told + .capped) and .matched <= 5 * (.told + .capped + .lost)' --arg cpus "$(nproc)"
wait_for control_is "$OFF"
say "bounds and cap hold: $end"

# -- nothing stays on for nobody --

trace_start killed --seconds 3600 --count 10000000
kill -9 "$trace_pid"
wait_for control_is "$OFF"
trace_start reload --seconds 3600 --count 10000000 --tenant acme
ctl reload >/dev/null
control_is "$ON" || fail "a reload has ended the trace: $(control)"
read -r daemon _ < <(lab_pids_of sluiced)
kill -9 "$daemon"
wait_for gone
grep -q 'the daemon is gone' "$LAB_DIR/log/reload" || fail "$(tail -n 1 "$LAB_DIR/log/reload")"
# The flood's packets put it back, without any daemon.
wait_for control_is "$OFF"
kill "$flood"
daemon_start
control_is "$OFF" || fail "after a restart: $(control)"
say "nothing stays on: reader killed, daemon killed"
