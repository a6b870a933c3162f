# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What test_floods.sh measures; sourced behind lib.sh, stacks.sh and storm.sh. Devices of acme live
# through it, globex offers more than its quota to `meter`, "storm" floods, and each flood is a line
# of JSON in log/table.

CONNECTIONS=500 # MQTT; each asks twice a second
CID=150 NO_CID=50
QUOTA=4000 # globex's messages/s, of which it offers four times as many
BURST_MS=10
CHANGED="broker secure telemetry"

# floods_config KEEP
floods_config() {
	config_edit --arg v4 "$VIP4" --arg m1 "$(machine_addr m1 4)" --arg keep "$1s" \
		--arg quota "$QUOTA/s" --arg burst "${BURST_MS}ms" --argjson secure "$(instances_of 3 5684 4)" '
		.services += [
			{name: "secure", address: $v4, port: 5684, protocol: "coaps",
			 cid: {layout: "quic-lb", length: 8, rotations: [{id: 2, server_id_length: 2}]},
			 instances: [$secure | to_entries[] | .value + {server_id: (513 + .key)}]},
			{name: "meter", address: $v4, port: 9000, protocol: "udp", health: {probe: "none"},
			 instances: [{name: "m1", address: $m1, port: 9000}]}] |
		(.services[] | select(.name | IN("broker", "secure", "telemetry"))) |=
			(.keep = $keep | .drain_timeout = "0s") |
		(.tenants[] | select(.name == "globex")).quota = {messages: $quota, burst: $burst}'
}

# -- devices --

devices_start() {
	local what

	lab_start hold acme "$T/tcphold" --to "$VIP4" --connections $CONNECTIONS --from "$ACME4" \
		--port-base 30000 --interval 0.5
	lab_start cid acme "$T/dtlsclient" --to "$VIP4" --sessions $CID --from "$ACME4" --interval 0.5
	lab_start nocid acme "$T/dtlsclient" --to "$VIP4" --sessions $NO_CID --from "$ACME4" --interval 0.5 --no-cid
	for what in hold cid nocid; do
		WAIT=30 wait_for grep -aq ready "$LAB_DIR/log/$what"
	done
	whole "before any flood"
}

devices_stop() {
	local what

	for what in hold cid nocid; do
		kill -TERM "$(lab_pids_of $what | cut -d' ' -f1)"
		WAIT=20 wait_for ended $what
	done
}

# devices_now: their figures as one object.
devices_now() {
	jq -cn --argjson hold "$(figures_now hold)" --argjson cid "$(figures_now cid)" \
		--argjson nocid "$(figures_now nocid)" '{hold: $hold, cid: $cid, nocid: $nocid}'
}

# whole WHEN: nothing has broken or moved, and all ask on.
whole() {
	want "devices $1" "$(devices_now)" '
		def session: .failed + .lost + .moved + .rehandshakes + .broken == 0 and .open == .sessions and
			.handshakes == .sessions;
		(.hold | .open == .wanted and .connected == .wanted and .broken + .failed + .late == 0) and
		(.cid | session and .with_cid == .sessions) and (.nocid | session)'
}

# -- changes of instances --

CHANGES=("drain m3" "up m3" "drain m1" "up m1" "drain m2" "up m2")
CHANGE=0

# change_next: the next of them, at all three services. CHANGED_BY says it.
change_next() {
	local service verb instance

	CHANGED_BY=${CHANGES[CHANGE % ${#CHANGES[@]}]} CHANGED_AT=$SECONDS
	CHANGE=$((CHANGE + 1))
	read -r verb instance <<<"$CHANGED_BY"
	for service in $CHANGED; do
		ctl instance "$verb" "$service" "$instance" >/dev/null
		in_transition "$service" || fail "$CHANGED_BY: $service is not in transition"
	done
}
in_transition() { ctl --json instance list "$1" | jq -e 'any(.instances[]; .slots_in_transition > 0)' >/dev/null; }
none_in_transition() { local s; for s in $CHANGED; do ! in_transition "$s" || return 1; done; }
transition_over() { WAIT=150 wait_for none_in_transition; }

# Transitions are prolonged while pins find no room, up to four times keep.
no_event_past() { ! grep -q "not prolonged any further" "$LAB_DIR/log/sluiced"; }

# -- one flood --

service_of() {
	case $1 in
	syn | ack | rst) echo broker ;;
	coap*) echo telemetry ;;
	*) echo secure ;;
	esac
}
port_of() {
	case $1 in
	broker) echo 1883 ;;
	telemetry) echo 5683 ;;
	secure) echo 5684 ;;
	esac
}

# news WHAT TOOL...: rounds of new devices of acme while the flood lasts, their figures in log/new-WHAT.
news() {
	local what=$1

	shift
	while lab_running flood; do
		in_ns acme "$@" >>"$LAB_DIR/log/new-$what" 2>>"$LAB_DIR/log/new-err" || true
	done
}
# Half of a round's time they begin in it, and the rest is for what has to be sent again.
news_start() {
	news mqtt "$T/tcphold" --to "$VIP4" --connections 60 --connect-rate 40 --from "$ACME4" --duration 3 &
	news_pids=$!
	news dtls "$T/dtlsclient" --to "$VIP4" --sessions 30 --connect-rate 20 --from "$ACME4" --no-cid --duration 3 &
	news_pids+=" $!"
	news coap "$T/coapload" --to "$VIP4" --from "$ACME4" --rate 40 --flows 8 --duration 1.5 &
	news_pids+=" $!"
}

# state: what the node counts.
state() {
	jq -cn --argjson frames "$(xdp_frames storm)" --argjson globex "$(ctl --json tenant show globex)" \
		--argjson steered "$(ctl --json tenant show storm | jq .admitted.packets)" \
		--argjson half_open "$(ctl --json service list | jq '[.services[] | .half_open + .exchanges] | add')" --argjson failures \
		"$(in_ns node curl -s http://127.0.0.1:9464/metrics | awk '/^sluice_service_pin_failures_total/ { n += $2 } END { print n + 0 }')" \
		'{$frames, $steered, $half_open, $failures, admitted: $globex.admitted.messages, offered: $globex.offered.messages}'
}

# At the head of the queue for a CPU, where that is allowed.
first() { if chrt -f 1 true 2>/dev/null; then echo "chrt -f $1"; fi; }

last_of() { tail -n 1 "$LAB_DIR/log/$1"; }
all_of() { jq -cs . "$LAB_DIR/log/$1"; }

# flood_row WHAT KIND PACKETS SECONDS: at most so many and so long; checks, and a line of log/table.
flood_row() {
	local what=$1 kind=$2 packets=$3 seconds=$4 service rate=() before news_pids row

	service=$(service_of "$kind")
	[ -z "${FLOOD_RATE:-}" ] || rate=(--rate "$FLOOD_RATE")
	rm -f "$LAB_DIR"/log/{flood,stream,sink,new-*}
	lab_start sink m1 "$T/udpsink" --listen "[::]:9000"
	before=$(jq -c ". + {devices: $(devices_now)}" <<<"$(state)")
	storm_start "$kind" "$seconds" "$VIP4:$(port_of "$service")" --packets "$packets" \
		--sources $((packets < 16000000 ? packets : 16000000)) --threads "${FLOOD_THREADS:-1}" "${rate[@]}"
	wait_for grep ready "$LAB_DIR/log/flood"
	# shellcheck disable=SC2046 # words of a command, or nothing
	lab_start stream globex $(first 20) "$T/udpflood" --rate $((4 * QUOTA)) --to "$VIP4:9000" --from "$GLOBEX4" \
		--flows 16 --duration 120 --quota $QUOTA --burst "${BURST_MS}e-3"
	disown -a # bash takes a child for one of its old jobs that bore the same pid, and waits for ever
	news_start
	WAIT=150 wait_for ended flood
	lab_stop stream
	wait_for ended stream
	after=$(state)
	# shellcheck disable=SC2086 # the last round of each
	wait $news_pids
	lab_stop sink
	wait_for ended sink
	row=$(jq -cn --arg what "$what" --arg change "$CHANGED_BY" --argjson s $((SECONDS - CHANGED_AT)) \
		--argjson flood "$(last_of flood)" --argjson stream "$(last_of stream)" --argjson sink "$(last_of sink)" \
		--argjson before "$before" --argjson after "$(jq -c ". + {devices: $(devices_now)}" <<<"$after")" \
		--argjson mqtt "$(all_of new-mqtt)" --argjson dtls "$(all_of new-dtls)" --argjson coap "$(all_of new-coap)" \
		--argjson r $QUOTA --argjson b $BURST_MS "$FLOOD_ROW")
	echo "$row" >>"$LAB_DIR/log/table"
	echo "$row" >>"${FLOOD_LOG:-/dev/null}"
	row_check "$row"
}

# shellcheck disable=SC2016 # jq's variables
FLOOD_ROW='
	def sum(f): map(f) | add // 0;
	{what: $what, change: $change, seconds_since: $s, flood: $flood,
	 received: ($after.frames - $before.frames), steered: ($after.steered - $before.steered), half_open: $after.half_open, failures: ($after.failures - $before.failures),
	 hold: ($after.devices.hold | {open, broken, late, retransmits: (.retransmits - $before.devices.hold.retransmits)}),
	 dtls: ([$after.devices | .cid, .nocid] | {open: sum(.open), moved: sum(.moved), lost: sum(.lost + .failed + .broken),
		rehandshakes: sum(.rehandshakes), again: (sum(.again) - ([$before.devices | .cid, .nocid] | sum(.again)))}),
	 new: {mqtt: {tried: ($mqtt | sum(.wanted)), made: ($mqtt | sum(.connected))},
	       dtls: {tried: ($dtls | sum(.sessions)), made: ($dtls | sum(.handshakes))},
	       coap: {tried: ($coap | sum(.sent)), made: ($coap | sum(.answered))}},
	 quota: {sent: $stream.sent, seconds: $stream.seconds, offered: ($after.offered - $before.offered),
		 admitted: ($after.admitted - $before.admitted), got: $sink.received,
		 due: ([$r * $stream.seconds, $stream.conforming] | min), high: ($r * ($stream.seconds + $b / 1e3))}}'

# row_check ROW: new devices get in, globex gets its quota: not less but for what it did not offer in time.
row_check() {
	local what

	what=$(jq -r .what <<<"$1")
	want "$what: the flood" "$1" '.flood.failed == 0 and .received > 0.9 * .flood.sent and
		(.steered > 0.9 * .received or (.what | contains("held to")))'
	want "$what: new devices" "$1" '.new | all(.mqtt, .dtls; .tried > 0 and .made >= 0.99 * .tried)'
	want "$what: requests, none repeated" "$1" '.new.coap | .tried > 0 and .made >= 0.95 * .tried'
	want "$what: globex's quota" "$1" '.quota | (.admitted >= 0.99 * .due) and .admitted <= .high and .got <= .admitted'
}

table_print() {
	cat <<-END
		| flood | change | sources | sent, M/s | received | steered | connections broken, late | segments sent again | sessions moved, lost | asked again | new MQTT | new DTLS | CoAP answered | globex got of what was due | half-open and exchanges, then | pins without room |
		|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
	END
	jq -r '
		def percent: . * 10000 | round / 100 | "\(.) %";
		def of: "\(.made) of \(.tried)";
		def mega: . / 1e6 | . * 100 | round / 100;
		"| \(.what) | \(.change) | \(.flood.sources | mega) M | \(.flood.rate | mega) | \(.received / .flood.sent | percent) | \(.steered / .received | percent) " +
		"| \(.hold.broken), \(.hold.late) | \(.hold.retransmits) | \(.dtls.moved + .dtls.rehandshakes), \(.dtls.lost) | \(.dtls.again) " +
		"| \(.new.mqtt | of) | \(.new.dtls | of) | \(.new.coap | of) | \(.quota.admitted / .quota.due | percent) " +
		"| \(.half_open) | \(.failures) |"' "$LAB_DIR/log/table"
}
