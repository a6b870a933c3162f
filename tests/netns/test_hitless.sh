#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Nothing is lost or moved while everything changes: 500 TCP connections and numbered UDP go on
# over 50 reloads, an instance added, one drained and removed, the daemon killed and restarted in
# the middle of that drain, and the packet program replaced by another build.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

RELOADS=50
CONNECTIONS=400 CONNECTIONS6=100
KEEP=10 # of the services that change, in seconds; the connections speak each second
CHANGED="broker reports numbers"

# -- parts --

# Two services more: `reports` is MQTT-SN, whose flows must stay where they are (CoAP requests need not); `numbers` is plain
# UDP, whose flows follow the ring.
services_add() {
	config_edit --arg v4 "$VIP4" --arg keep "${KEEP}s" \
		--argjson reports "$(instances_of 2 5700 4)" --argjson numbers "$(instances_of 2 9000 4)" '
		(.services[] | select(.name == "broker")).keep = $keep |
		.services += [
			{name: "reports", address: $v4, port: 5700, protocol: "mqttsn", keep: $keep,
			 health: {probe: "none"}, instances: $reports},
			{name: "numbers", address: $v4, port: 9000, protocol: "udp", keep: $keep,
			 health: {probe: "none"}, instances: $numbers}]'
}

# The devices' connections that a machine's broker accepted in its life.
accepts() { grep -acE 'New connection from (198\.51\.100\.|2001:db8:a:)' "$LAB_DIR/log/mosquitto-$1-1883" || true; }
all_accepts() { echo "$(accepts m1) $(accepts m2) $(accepts m3)"; }

# TCP segments sent again, and those of them that the other end had received already (it says so by
# DSACK, RFC 2883): the rest was lost.
again_of() {
	in_ns "$1" nstat -asz TcpRetransSegs TcpExtTCPDSACKRecv TcpExtTCPDSACKOfoRecv |
		awk '/Retrans/ { again = $2 } /DSACK/ { spurious += $2 } END { print again, spurious }'
}

instance() { ctl --json instance list "$1" | jq -c --arg i "$2" '.instances[] | select(.name == $i)'; }
instance_is() { instance "$1" "$2" | jq -e "$3"; }
instance_gone() { [ -z "$(instance "$1" "$2")" ]; }

# ask_tcphold WHAT: the figures of a running tcphold.
ask_tcphold() {
	local was log=$LAB_DIR/log/$1

	was=$(wc -l <"$log")
	kill -USR1 "$(lab_pids_of "$1" | cut -d' ' -f1)"
	wait_for grew "$log" "$was"
	tail -n 1 "$log"
}
grew() { [ "$(wc -l <"$1")" -gt "$2" ]; }

# A tool's figures are its last line, once it has ended.
figures_of() { tail -n 1 "$LAB_DIR/log/$1"; }
sinks() { for m in m1 m2 m3; do figures_of "$1-$m"; done | jq -cs .; }

flows_start() {
	local m

	for m in m1 m2 m3; do
		lab_start reports-$m $m "$T/udpsink" --listen "[::]:5700"
		lab_start numbers-$m $m "$T/udpsink" --listen "[::]:9000"
	done
	lab_start hold acme "$T/tcphold" --to "$VIP4" --connections $CONNECTIONS --from "$ACME4" \
		--port-base 30000 --close-list "$LAB_DIR/close"
	lab_start hold6 acme "$T/tcphold" --to "[$VIP6]" --connections $CONNECTIONS6 --from "$ACME6"
	WAIT=30 wait_for grep -q ready "$LAB_DIR/log/hold"
	WAIT=30 wait_for grep -q ready "$LAB_DIR/log/hold6"
	# A thread is a flow with numbers of its own: where they arrive tells where the flow went.
	lab_start flood-reports acme "$T/udpflood" --to "$VIP4:5700" --from "$ACME4" \
		--threads 32 --flows 32 --rate 1600 --batch 4 --duration 600 --port-base 40000
	lab_start flood-numbers acme "$T/udpflood" --to "$VIP4:9000" --from "$ACME4" \
		--flows 64 --rate 1000 --batch 4 --duration 600 --port-base 50000
}

# reload N: something else is different each time, or nothing.
reload() {
	case $(($1 % 5)) in
	0) config_edit --arg q "$((2 + $1))k/s" '.tenants[1].quota.messages = $q' ;;
	1) config_edit --argjson w $((100 + $1)) '(.services[] | select(.name == "telemetry")).instances[0].weight = $w' ;;
	2) config_edit '.tenants += [{name: "passing", match: [{source: "192.0.2.128/25"}]}]' ;;
	3) config_edit '.tenants |= map(select(.name != "passing"))' ;;
	esac
	ctl reload >/dev/null || fail "reload $1"
}

# -- the test --

lab_new 2 1
mosquitto_start m3 1883
services_add
UPGRADE=yes
next_build || UPGRADE=no
daemon_start
disown "$lab_pid" # or the shell tells that it was killed
flows_start
LINK=$(link_of acme)
ACCEPTS=$(all_accepts)
want "connections" "[${ACCEPTS// /,}]" 'add == $n and .[2] == 0' --argjson n $((CONNECTIONS + CONNECTIONS6))
for ns in acme m1 m2 m3; do
	again_of $ns >"$LAB_DIR/again-$ns"
done

# 50 reloads
GENERATION=$(ctl --json status | jq .generation)
BEGUN=$SECONDS
for ((i = 0; i < RELOADS; i++)); do
	reload $i
done
RELOADING=$((SECONDS - BEGUN))
want "generation" "$(ctl --json status)" '.generation == $g' --argjson g $((GENERATION + RELOADS))

# one more
for service in $CHANGED; do
	port=$(ctl --json service show "$service" | jq .port)
	ctl instance add "$service" m3 "$(machine_addr m3 4)" "$port" >/dev/null
done
wait_for take_flows broker 3

# one drains; in the middle of it the daemon is killed, and then the program replaced
for service in $CHANGED; do
	ctl instance drain "$service" m1 >/dev/null
done
lab_stop sluiced KILL
daemon_again
want "drain after kill -9" "$(instance broker m1)" '.state == "draining" and (.drained | not)'
want "link after kill -9" "$(link_of acme)" '.id == $l.id' --argjson l "$LINK"
lab_stop sluiced
if [ $UPGRADE = yes ]; then
	daemon_again "$B/next/sluiced"
	want "upgrade" "$(link_of acme)" '.id == $l.id and .prog_id != $l.prog_id and .tag != $l.tag' \
		--argjson l "$LINK"
else
	daemon_again
	want "restart" "$(link_of acme)" '.id == $l.id and .prog_id != $l.prog_id' --argjson l "$LINK"
fi

# After the transition only its connections hold it, and they do. New ones go elsewhere.
WAIT=40 wait_for instance_is broker m1 ".draining_s > $((KEEP + 3)) and .slots_in_transition == 0 or .drained"
want "drain, connections open" "$(instance broker m1)" \
	'.state == "draining" and (.drained | not) and .pins > 0'
want "drain, flows going on" "$(instance reports m1)" '(.drained | not) and .pins > 0'
[ "$(all_accepts)" = "$ACCEPTS" ] || fail "brokers accepted $(all_accepts), before the changes $ACCEPTS"
FRESH=$(in_ns acme "$T/tcphold" --to "$VIP4" --connections 40 --from "$ACME4" --port-base 20000 --duration 1) ||
	fail "new connections during the drain: $FRESH"
[ "$(accepts m1)" = "${ACCEPTS%% *}" ] || fail "the draining instance got new connections"
[ "$(accepts m3)" -gt 0 ] || fail "the added instance got none of 40 new connections"

# The devices go: now it has drained, and is removed.
in_ns m1 ss -Htn state established "sport = :1883" | awk '{ print $NF }' |
	sed -nE 's/^(198\.51\.100\.[0-9]+):([0-9]+)$/\1 \2/p' >"$LAB_DIR/close"
CLOSING=$(wc -l <"$LAB_DIR/close")
[ "$CLOSING" -gt 0 ] || fail "no connection is left on m1"
BEGUN=$SECONDS
kill -USR2 "$(lab_pids_of hold | cut -d' ' -f1)"
WAIT=40 wait_for instance_is broker m1 .drained
DRAINED=$((SECONDS - BEGUN))
ctl instance remove broker m1 >/dev/null
wait_for instance_gone broker m1
want "the other service still drains" "$(instance reports m1)" '(.drained | not) and .pins > 0'

# The end of the flows, and with it of the other drain.
lab_stop flood-reports
lab_stop flood-numbers
WAIT=40 wait_for instance_is reports m1 .drained
for m in m1 m2 m3; do
	lab_stop reports-$m
	lab_stop numbers-$m
done

# -- what must not have happened --

HOLD=$(ask_tcphold hold) HOLD6=$(ask_tcphold hold6)
want "connections" "$HOLD" '.connected == $n and .open == $n - $c and .closed == $c and
	.broken == 0 and .failed == 0 and .late == 0' --argjson n $CONNECTIONS --argjson c "$CLOSING"
want "IPv6 connections" "$HOLD6" '.connected == $n and .open == $n and .broken == 0 and .failed == 0 and .late == 0' \
	--argjson n $CONNECTIONS6
AGAIN=0 SPURIOUS=0
for ns in acme m1 m2 m3; do
	read -r again0 spurious0 <"$LAB_DIR/again-$ns"
	read -r again spurious < <(again_of $ns)
	again=$((again - again0)) spurious=$((spurious - spurious0))
	[ $again -le $spurious ] ||
		fail "$ns: $again TCP segments sent again, only $spurious of them needlessly (DSACK)"
	AGAIN=$((AGAIN + again)) SPURIOUS=$((SPURIOUS + spurious))
done

REPORTS=$(sinks reports) NUMBERS=$(sinks numbers)
for service in reports numbers; do
	all=$(sinks $service)
	sent=$(figures_of flood-$service | jq .sent)
	want "$service: the sink's own loss" "$all" 'all(.[]; .socket_drops == 0)'
	want "$service: $sent sent" "$all" '([.[].received] | add) == $sent and all(.[]; .duplicates == 0 and .other == 0)' \
		--argjson sent "$sent"
done
want "reports: a flow at two instances" "$REPORTS" '[.[].streams[].id] | length == 32 and length == (unique | length)'
want "reports: a number is missing" "$REPORTS" 'all(.[].streams[]; .missing == 0)'
want "reports: flows on each of both" "$REPORTS" '.[0].received > 0 and .[1].received > 0'
want "numbers: the added instance" "$NUMBERS" '.[2].received > 0'
want "reasons" "$(ctl --json reasons)" \
	'all(.reasons[]; .group != "failed" and .group != "refused" and .group != "malformed" or .packets == 0)'

say "$RELOADS reloads in $RELOADING s, kill -9, upgrade: $UPGRADE; $((CONNECTIONS + CONNECTIONS6)) connections," \
	"$(jq -n "$HOLD.asked + $HOLD6.asked") questions: 0 broken, 0 late, accepts unchanged ($ACCEPTS)," \
	"$((AGAIN - SPURIOUS)) segments lost, $AGAIN sent again (all received before)"
say "UDP $(jq '[.[].received] | add' <<<"$REPORTS") + $(jq '[.[].received] | add' <<<"$NUMBERS") numbers," \
	"0 missing; drained $DRAINED s after $CLOSING connections closed, not before"
