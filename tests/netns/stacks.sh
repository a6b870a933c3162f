# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced after lib.sh by tests with servers and devices of real protocol stacks: DTLS with mbedtls
# and openssl, CoAP with libcoap. A server answers with its name, and has no state of another's.

PSK=736c756963652d70736b2d736c756963 # tests/lib/dtls.h

ready() { grep -aq "ready$" "$LAB_DIR/log/$1"; }

# figures_of WHAT: a tool's figures are its last line, once it has ended.
figures_of() { tail -n 1 "$LAB_DIR/log/$1"; }

# figures_now WHAT: the same of one that runs.
figures_now() {
	local was

	was=$(wc -l <"$LAB_DIR/log/$1")
	kill -USR1 "$(lab_pids_of "$1" | tail -n 1 | cut -d' ' -f1)"
	wait_for log_grew "$1" "$was"
	tail -n 1 "$LAB_DIR/log/$1"
}
log_grew() { [ "$(wc -l <"$LAB_DIR/log/$1")" -gt "$2" ]; }

# ended WHAT: it runs no longer.
ended() { ! lab_running "$1"; }

# tool_start WHAT NS CMD...: and it is ready.
tool_start() {
	lab_start "$@"
	WAIT=20 wait_for ready "$1"
}

# dtls_start NAME NS ADDRESS SERVER-ID [OPTION...]: port 5684, connection ids of 8 bytes in the
# layout of QUIC-LB, rotation 2, two bytes of server id, unless options say otherwise.
dtls_start() {
	local name=$1 ns=$2 address=$3 id=$4

	shift 4
	tool_start "dtls-$name" "$ns" "$T/dtlsserver" --listen "$address" --name "$name" --cid-length 8 \
		--cid-layout quic-lb --rotation 2 --server-id-length 2 --server-id "$id" "$@"
}

# coapstack_start NAME NS ADDRESS [OPTION...]: what it executed is in $LAB_DIR/executed-NAME.
coapstack_start() {
	local name=$1 ns=$2 address=$3

	shift 3
	tool_start "coapstack-$name" "$ns" "$T/coapserver" --listen "$address" --name "$name" \
		--log "$LAB_DIR/executed-$name" "$@"
}

# executed_twice: words that were, at one server or at two.
executed_twice() { sort "$LAB_DIR"/executed-* | uniq -d; }

# openssl_start WHAT NS ADDRESS SECONDS: a session of openssl's that asks five times a second.
# shellcheck disable=SC2016 # expanded by the inner shell
openssl_start() {
	lab_start "$1" "$2" bash -c '
		for ((n = 1; n <= 5 * $2; n++)); do echo "$n openssl"; sleep 0.2; done |
			exec openssl s_client -dtls1_2 -connect "$1" -psk "$3" -psk_identity device \
				-cipher PSK-AES128-GCM-SHA256 -quiet -no_ign_eof' openssl "$3" "$4" "$PSK"
}

# openssl_check WHAT SECONDS: a handshake, and answers from one session of one server alone; of the
# last question there may be none, as s_client ends with its input. Says the server's name. What was
# asked before the handshake had ended is one question of several lines.
openssl_check() {
	local answers sessions

	answers=$(grep -a ' openssl$' "$LAB_DIR/log/$1" || true)
	sessions=$(awk 'NF == 5 { print $1, $2, $3 }' <<<"$answers" | sort | uniq -c)
	[ "$(grep -c . <<<"$sessions")" = 1 ] || fail "$1: not one session: $sessions"
	awk -v n=$((5 * $2 - 1)) '{ got[$(NF - 1)] } END { for (i = 1; i <= n; i++) if (!(i in got)) exit 1 }' \
		<<<"$answers" || fail "$1: an answer is missing: $(wc -l <<<"$answers") of $((5 * $2))"
	awk '{ print $1; exit }' <<<"$answers"
}

# -- behind Sluice --

# stacks_config N KEEP: after config_write; services of these protocols alone, over the machines 1..N,
# each with the server id 512 + its number. Their flows are to speak more often than KEEP.
stacks_config() {
	config_edit --arg v4 "$VIP4" --arg keep "$2" --argjson at "$(instances_of "$1" 5684 4)" '
		.services |= map(select(.name == "broker" or .name == "telemetry") | .keep = $keep) |
		.services += [{name: "sessions", address: $v4, port: 5684, protocol: "coaps", keep: $keep,
			cid: {length: 8, layout: "quic-lb", rotations: [{id: 2, server_id_length: 2}]},
			instances: ($at | to_entries | map(.value + {server_id: (513 + .key)}))}]'
}

# instance_add SERVICE N: the machine mN.
instance_add() {
	local port id=()

	port=$(ctl --json service show "$1" | jq .port)
	if [ "$1" = sessions ]; then id=(--server-id=$((512 + $2))); fi
	ctl instance add "$1" "m$2" "$(machine_addr "m$2" 4)" "$port" "${id[@]}" >/dev/null ||
		fail "m$2 is not added to $1"
}

instance() { ctl --json instance list "$1" | jq -c --arg i "$2" '.instances[] | select(.name == $i)'; }
instance_is() { instance "$1" "$2" | jq -e "$3"; }

# in_transition SERVICE...: some slot is, not merely pinned. settled SERVICE...: none of them is.
in_transition() {
	local s

	for s; do
		ctl --json instance list "$s" | jq -e 'any(.instances[]; .slots_in_transition > 0)' && return 0
	done
	return 1
}
settled() { ctl status && ! in_transition "$@"; }

# has WHAT FILTER: a running tool's figures.
has() { figures_now "$1" | jq -e "$2"; }

# devices_end WHAT...: in order, and they have ended.
devices_end() {
	local what

	for what; do
		kill -TERM "$(lab_pids_of "$what" | tail -n 1 | cut -d' ' -f1)"
	done
	for what; do
		WAIT=25 wait_for ended "$what"
	done
}
