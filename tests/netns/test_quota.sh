#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A tenant far over its quota is admitted its rate, and no more than its rate and burst, whether
# one CPU offers or both do; and a second tenant's stream to the same server arrives whole.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

OFFERED_S=10
STREAM_RATE=2000

# services: what both tenants use, all on m1; nothing probes it and nothing else speaks there.
services_write() {
	config_edit --arg v4 "$VIP4" --arg v6 "$VIP6" \
		--arg m4 "$(machine_addr m1 4)" --arg m6 "$(machine_addr m1 6)" '
		def service($name; $protocol; $address; $server; $port):
			{name: $name, protocol: $protocol, address: $address, port: $port,
			 steering: "nat", health: {probe: "none"},
			 instances: [{name: "m1", address: $server, port: $port}]};
		.services = [
			service("udp4"; "udp"; $v4; $m4; 9000), service("udp6"; "udp"; $v6; $m6; 9000),
			service("coap4"; "coap"; $v4; $m4; 5683), service("coap6"; "coap"; $v6; $m6; 5683)
		] | .tenants[0].quota = {messages: "1k/s", burst: "10ms"} | .tenants[1].quota = {}'
}

port() { case $1 in udp*) echo 9000 ;; coap*) echo 5683 ;; esac; }
endpoint() {
	case $1 in
	*4) echo "$VIP4:$(port "$1")" ;;
	*6) echo "[$VIP6]:$(port "$1")" ;;
	esac
}
sources() { # TENANT SERVICE
	case $1$2 in
	acme*4) echo "$ACME4" ;;
	acme*6) echo "$ACME6" ;;
	globex*4) echo "$GLOBEX4" ;;
	globex*6) echo "$GLOBEX6" ;;
	esac
}
# figures TENANT: messages admitted and offered, by the API.
figures() { ctl --json tenant show "$1" | jq -r '"\(.admitted.messages) \(.offered.messages)"'; }
ended() { ! lab_running "$1"; }

# At the head of the queue for a CPU, where that is allowed: traffic that does not wait for others.
first() { if chrt -f 1 true 2>/dev/null; then echo "chrt -f $1"; fi; }

# start RATE BURST_MS OFFERED THREADS SERVICE [OPTION]: a sink on m1, a stream of globex, and over all of it the
# flood of acme; returns when both senders have ended. Late packets of the flood are left out.
start() {
	local rate=$1 burst_ms=$2 offered=$3 threads=$4 service=$5 coap=()

	[[ $service != coap* ]] || coap=(--coap post)
	# shellcheck disable=SC2046 # words of a command, or nothing
	{
		lab_start "sink$run" m1 $(first 30) "$T/udpsink" --listen "[::]:$(port "$service")"
		wait_for grep ready "$LAB_DIR/log/sink$run"
		lab_start "stream$run" globex $(first 25) "$T/udpflood" --rate $STREAM_RATE \
			--to "$(endpoint "$service")" --from "$(sources globex "$service")" "${coap[@]}" \
			--batch 1 --duration $((OFFERED_S + 1))
		stream_id=$(((lab_pid << 8) & 0xffffffff))
		wait_for grep ready "$LAB_DIR/log/stream$run"
		lab_start "flood$run" acme timeout $OFFERED_S.1 $(first 20) "$T/udpflood" --rate "$offered" \
			--to "$(endpoint "$service")" --from "$(sources acme "$service")" "${coap[@]}" \
			--threads "$threads" --cpu 0,1 --flows 64 --duration $OFFERED_S \
			--quota "$rate" --burst "${burst_ms}e-3" "${@:6}"
	}
	WAIT=20 wait_for ended "flood$run"
	WAIT=10 wait_for ended "stream$run"
	lab_stop "sink$run"
}

# over RATE BURST_MS OFFERED THREADS SERVICE [OPTION]: see the bounds hold, at the receiver and by the API.
# At most rate x t + burst; at least 99 % of rate x t, or of what a perfect bucket lets through, for a
# machine that is busy elsewhere does not offer all the time, and its clock may stand still.
over() {
	local rate=$1 burst_ms=$2 service=$5 what="$1/s over $5" json told
	local admitted offered admitted0 offered0 sent got low high

	run=$((${run:-0} + 1))
	ctl tenant quota acme "messages=$rate/s" "burst=${burst_ms}ms" >/dev/null
	read -r admitted0 offered0 < <(figures acme)
	start "$@"
	read -r admitted offered < <(figures acme)
	admitted=$((admitted - admitted0)) offered=$((offered - offered0))

	json=$(jq -cn --argjson r "$rate" --argjson b "$burst_ms" --argjson s "$stream_id" \
		--argjson flood "$(tail -n 1 "$LAB_DIR/log/flood$run")" \
		--argjson sink "$(tail -n 1 "$LAB_DIR/log/sink$run")" '
		{flood: $flood, socket_drops: $sink.socket_drops,
		 stream: ([$sink.streams[] | select(.id == $s)][0]),
		 got: ([$sink.streams[] | select(.id != $s).received] | add // 0),
		 low: (0.99 * ([$r * $flood.seconds, $flood.conforming] | min) | ceil),
		 high: ($r * ($flood.seconds + $b / 1e3) | floor)}')
	read -r sent got low high told < <(jq -r '"\(.flood.sent) \(.got) \(.low) \(.high) " +
		(.flood | "\(.rate)/s for \(.seconds) s, \(.conforming) in conformity")' <<<"$json")
	say "$what, $4 CPU: offered $told: admitted $admitted, received $got, want $low to $high"
	# A queue in front of the node may lose some; nothing is counted that was not sent.
	if [ "$offered" -gt "$sent" ] || [ $((offered * 1000)) -lt $((sent * 999)) ]; then
		fail "$what: offered $offered by the API, sent $sent"
	fi
	[ "$got" = "$admitted" ] || fail "$what: admitted $admitted by the API, received $got: $json"
	[ "$admitted" -ge "$low" ] || fail "$what: admitted $admitted, want at least $low"
	[ "$admitted" -le "$high" ] || fail "$what: admitted $admitted, want at most $high"
	want "$what: the other tenant's stream" "$json" '.socket_drops == 0 and
		(.stream | .missing == 0 and .highest == $n - 1 and .duplicates == 0)' \
		--argjson n $((STREAM_RATE * (OFFERED_S + 1)))
	jq -e --argjson r "$rate" '.flood | .rate >= 2 * $r and .conforming >= 0.9 * $r * .seconds' \
		<<<"$json" >/dev/null ||
		unmet+="$what: offered $told. "
}

lab_new_bare 1
services_write
daemon_start
unmet=
over 1000 10 100k 1 udp4
over 1000 10 100k 2 coap6
over 10 100 100k 2 udp6
over 100000 10 500k 2 coap4 --segment
[ -z "$unmet" ] || skip "the machine was too busy to offer twice the quota all the time: $unmet"
echo PASS
