#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The daemon dies at points spread over a whole reload (fault injection, see killat.c) and at
# random instants of it: what is in force then is the old configuration or the new one, never a
# mixture, and the next daemon brings the other one into force whole.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

POINTS=${POINTS:-30} # spread over all of the reload's system calls
DENSE=${DENSE:-25}   # around the one after which the new configuration is in force
RANDOM_KILLS=${RANDOM_KILLS:-15} # between calls, where maps change by plain stores
SEED=${SEED:-$$}
[ -z "${QUICK:-}" ] || POINTS=25 DENSE=20 RANDOM_KILLS=10
SERVICES=40 TENANTS=60

# -- two configurations that differ in everything --

# Of four services, one is A's alone and one B's alone, one changes its port, and one keeps
# all but its instances (udp: it follows the ring at once). Odd ones are IPv6. Tenants change
# what they may use, their quotas, and which prefix is whose; some are of one configuration only.
# X is 0 for A, 1 for B.
config() {
	jq -n --argjson x "$1" --argjson services $SERVICES --argjson tenants $TENANTS \
		--arg v4 "$VIP4" --arg v6 "$VIP6" '
	def name($p; $i): "\($p)\($i)";
	def machine($six; $m): if $six then "fd00:77:\($m)::2" else "10.77.\($m).2" end;
	def service($i):
		($i % 4) as $sort | ($i % 8 > 3) as $six | {
			name: ({"0": "a", "1": "b", "2": "moved", "3": "kept"}["\($sort)"] + "\($i)"),
			address: (if $six then $v6 else $v4 end),
			port: (6000 + $i + (if $sort == 2 then 500 * $x else 0 end)),
			protocol: (if $sort == 3 then "udp" elif $i % 3 == 0 then "tcp" else "coap" end),
			health: {probe: "none"},
			keep: (if $x == 0 then "10s" else "20s" end),
			instances: [range(2) | {
				name: "\(if $x == 0 then "x" else "y" end)\(.)",
				address: machine($six; $x + 1), port: (7000 + $i * 2 + .),
				weight: (100 + . * 100 * $x)}]};
	def tenant($i): {
		name: "t\($i)",
		match: [{source: "100.64.\($i + $x).0/24"}, {source: "2001:db8:\(100 + $i + $x)::/48"}],
		services: (["kept3", "kept7"] +
			[range($services) | select(. % 4 == $x or . % 4 >= 2) |
			 select(. % 7 == ($i + $x) % 7) | service(.).name] | unique),
		quota: {messages: "\(1 + $x)M/s", packets: "\(2 + $x)M/s", burst: "\(100 + $x)ms"}};
	{
		node: "killed", secret: "5d41402abc4b2a76b9719d911017c592",
		interfaces: [{name: "acme"}, {name: "m1"}, {name: "m2"}],
		services: [range($services) | select(. % 4 == $x or . % 4 >= 2) | service(.)],
		tenants: [range($tenants) | select(. % 10 != 8 + $x) | tenant(.)]
	}'
}

# frames CONFIG...: what tells them apart, for frameprobe: to each service of either the
# tenants that may and some that may not use it, and their neighbours in the address space.
frames() {
	jq -rn --argjson tenants $TENANTS '
	def source($six; $t): if $six then "2001:db8:\(100 + $t)::1" else "100.64.\($t).1" end;
	[inputs.services[]] | unique_by(.address, .port, .protocol)[] |
	(.address | contains(":")) as $six | .port as $p | .address as $a |
	(if .protocol == "tcp" then "tcp" else "udp" end) as $proto |
	range(0; $tenants + 1; 8) | "\($proto) \(source($six; .)) \(20000 + .) \($a) \($p)"' "$@"
}

# ask FILE: the answers, in SAID. "steered_stack" is the kernel's forwarding, where the next hop
# is not known yet.
ask() {
	SAID=$(in_ns node "$T/frameprobe" "$LAB_PINS/abi-3" acme <"$1")
	SAID=${SAID//steered_stack/steered}
}

# -- a daemon that can be killed at a point --

ARM=$LAB_DIR/arm AT=$LAB_DIR/at
SLUICED_TRUE=$SLUICED
SLUICED=$LAB_DIR/killable

killable_write() {
	cat >"$SLUICED" <<-END
		#!/bin/sh
		read -r KILL_AT <$AT
		export KILL_AT KILL_ARM=$ARM LD_PRELOAD=$T/killat.so
		exec $SLUICED_TRUE "\$@"
	END
	chmod +x "$SLUICED"
}

# start CONFIG POINT: with this file; once armed, the process is killed before its call POINT.
# The lines of its log that matter come from a pipe, whose end tells without any polling that the
# process is no more. What is left of it when the test ends goes with its namespace.
start() {
	rm -f "$ARM"
	echo "$2" >"$AT"
	cp "$LAB_DIR/$1.json" "$LAB_DIR/config.json"
	: >"$LAB_DIR/log/sluiced"
	exec {LOG}< <(exec setsid nsenter --net="/run/netns/$SLUICE_LAB-node" -- "$SLUICED" \
		--config "$LAB_DIR/config.json" --socket "$LAB_DIR/control.sock" \
		--state "$LAB_DIR/state.json" --pin-path "$LAB_PINS" \
		2> >(exec grep --line-buffered -aE '^<[0-4]>|start: ready|reload: file') >/dev/null)
	DAEMON=$!
	logged "start: ready" || fail "sluiced did not start with $1"
}

# logged WHAT: read this daemon's log until it says so; false where the log ends first. An empty
# WHAT is never said.
logged() {
	local line rc=0

	while IFS= read -rt 20 -u "$LOG" line || { rc=$? && false; }; do
		printf '%s\n' "$line" >>"$LAB_DIR/log/sluiced"
		if [ -n "$1" ] && [[ $line == *"$1"* ]]; then return 0; fi
	done
	[ $rc -le 128 ] || fail "timed out: '${1:-the end}' in the daemon's log"
	return 1
}

# It may have come to its point by now.
kill_now() {
	kill -KILL "$DAEMON" 2>/dev/null || true
	gone
}
gone() {
	logged "" || true
	exec {LOG}<&-
}

declare -A OTHER=([A]=B [B]=A) ANSWERS CALLS LAST_OLD=([A]=1 [B]=1)
declare -A FIRST_NEW=([A]=999999 [B]=999999) SCANNED=([A]=0 [B]=0)

# in_force: A or B, in IN_FORCE, by every answer; anything else is what must not be.
in_force() {
	ask "$LAB_DIR/frames"
	if [ "$SAID" = "${ANSWERS[A]}" ]; then
		IN_FORCE=A
	elif [ "$SAID" = "${ANSWERS[B]}" ]; then
		IN_FORCE=B
	else
		IN_FORCE="neither: $(like A) answers of A and $(like B) of B among $TELLING"
	fi
}
like() { paste -d'|' <(echo "$SAID") <(echo "${ANSWERS[$1]}") | awk -F'|' '$1 == $2' | wc -l; }

# check_in_force WANT WHERE
check_in_force() {
	in_force
	[ "$IN_FORCE" = "$1" ] || fail "$2: want $1 in force, it is $IN_FORCE"
}

# -- the test --

exec {PAUSE}<> <(:) # says nothing: to wait on without a process
lab_new_bare 2
killable_write
config 0 >"$LAB_DIR/A.json"
config 1 >"$LAB_DIR/B.json"
frames "$LAB_DIR/A.json" "$LAB_DIR/B.json" >"$LAB_DIR/all"

# reload_from_to CONFIG CONFIG: without a kill; its calls are left in CALLS, its time in MS.
reload_from_to() {
	local begun=${EPOCHREALTIME/./} calls=

	cp "$LAB_DIR/$2.json" "$LAB_DIR/config.json"
	: >"$ARM"
	kill -HUP "$DAEMON"
	logged "reload: file: " || fail "the reload from $1 to $2 failed"
	MS=$(((${EPOCHREALTIME/./} - begun) / 1000))
	until [ -n "$calls" ]; do read -r calls <"$ARM.count" || true; done # it is being rewritten
	CALLS[$1]=$calls
	[ "$calls" -ge "$POINTS" ] || fail "a reload makes $calls calls: too few for $POINTS points"
}
# What each says of a frame when it is in force alone. Frames that both treat alike tell nothing.
start A 0
ask "$LAB_DIR/all"
echo "$SAID" >"$LAB_DIR/A.all"
reload_from_to A B
ask "$LAB_DIR/all"
echo "$SAID" >"$LAB_DIR/B.all"
paste -d'|' "$LAB_DIR/all" "$LAB_DIR/A.all" "$LAB_DIR/B.all" | awk -F'|' '$2 != $3' >"$LAB_DIR/table"
cut -d'|' -f1 "$LAB_DIR/table" >"$LAB_DIR/frames"
ANSWERS=([A]=$(cut -d'|' -f2 "$LAB_DIR/table") [B]=$(cut -d'|' -f3 "$LAB_DIR/table"))
TELLING=$(wc -l <"$LAB_DIR/frames")
for want in '^steered 10.77.1' '^steered fd00:77:1' '^not_allowed' '^not_ours' '^unknown_tenant'; do
	[ "$(grep -c "$want" <<<"${ANSWERS[A]}")" -ge 5 ] || fail "A has too few answers $want"
done
[ "$TELLING" -ge 100 ] || fail "only $TELLING frames tell A from B"
kill_now
# As it will be below: right after a restart, with the other's objects not yet forgotten.
for from in A B; do
	start $from 0
	reload_from_to $from "${OTHER[$from]}"
	kill_now
done
NOW=A

WITHIN_US=0

# kill_at POINT|random: a reload from NOW to the other one, killed on its way. LATE: it had ended.
kill_at() {
	local to delay

	to=${OTHER[$NOW]}
	cp "$LAB_DIR/$to.json" "$LAB_DIR/config.json"
	LATE=no
	if [ "$1" = random ]; then
		printf -v delay '%d.%06d' 0 $((WITHIN_US * RANDOM / 32768))
		kill -HUP "$DAEMON"
		read -rt "$delay" -u "$PAUSE" || true # the instant is what is tested
	else
		: >"$ARM"
		kill -HUP "$DAEMON"
		if logged "reload: file: "; then LATE=yes; fi
	fi
	kill_now
	in_force
	case $IN_FORCE in
	"$NOW")
		old=$((old + 1)) WITHIN_US=$((WITHIN_US * 5 / 4))
		[ "$1" = random ] || [ "$1" -le "${LAST_OLD[$NOW]}" ] || LAST_OLD[$NOW]=$1
		;;
	"$to")
		new=$((new + 1)) WITHIN_US=$((WITHIN_US * 4 / 5))
		[ "$1" = random ] || [ "$1" -ge "${FIRST_NEW[$NOW]}" ] || FIRST_NEW[$NOW]=$1
		;;
	*) fail "killed at $1 of a reload from $NOW to $to (SEED=$SEED): $IN_FORCE" ;;
	esac
	# The next daemon is given the file of the other one.
	NOW=${OTHER[$IN_FORCE]}
}

# Points are spread over all calls of the direction at hand. Where a reload took fewer calls than
# the one that was counted, the point is tried again among fewer.
old=0 new=0 late=0 i=0
while [ $i -lt "$POINTS" ]; do
	at=$((1 + i * (CALLS[$NOW] - 1) / (POINTS - 1)))
	from=$NOW
	start "$NOW" $at
	check_in_force "$NOW" "started with $NOW after a kill"
	kill_at $at
	if [ $LATE = yes ]; then
		late=$((late + 1)) CALLS[$from]=$((at - 1))
		[ $late -le "$POINTS" ] || fail "$late kills came after the reload: the count is wrong"
	else
		i=$((i + 1))
	fi
done
spread="$old times the old one in force, $new the new"
[ $((old * new)) -gt 0 ] || fail "killed by call: $spread: not all over the reload"

# Most calls prepare or tidy up. Those that fill the banks are few: the one after which the new
# configuration is in force is looked for by halves, then each call around it is tried.
old=0 new=0
for ((i = 0; i < DENSE; i++)); do
	at=$(((LAST_OLD[$NOW] + FIRST_NEW[$NOW]) / 2))
	if [ $at -le "${LAST_OLD[$NOW]}" ]; then
		at=$((FIRST_NEW[$NOW] - 14 + SCANNED[$NOW]))
		SCANNED[$NOW]=$((SCANNED[$NOW] + 1))
	fi
	start "$NOW" $at
	check_in_force "$NOW" "started with $NOW after a kill"
	kill_at $at
done
dense="$old old, $new new"
[ $((old * new)) -gt 0 ] || fail "killed around calls ${FIRST_NEW[*]}: $dense: that is not where the change is"

# Around the instant at which the new one comes into force, which the machine's load moves.
RANDOM=$SEED old=0 new=0 WITHIN_US=$((MS * 500))
for ((i = 0; i < RANDOM_KILLS; i++)); do
	start "$NOW" 0
	check_in_force "$NOW" "started with $NOW after a random kill"
	kill_at random
done
start "$NOW" 0
check_in_force "$NOW" "in the end"
want "quotas" "$(ctl --json tenant show t0)" '.quota.messages == $q' \
	--arg q "$(if [ "$NOW" = A ]; then echo 1M/s; else echo 2M/s; fi)"
say "killed at $POINTS of ${CALLS[A]} calls of a reload ($spread), at $DENSE around ${FIRST_NEW[A]} ($dense)" \
	"and at $RANDOM_KILLS random instants of the $MS ms ($old old, $new new; SEED=$SEED):" \
	"all of $TELLING frames agreed each time"
