#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The program's life on an interface: attached natively by a pinned link, left there by SIGTERM and
# by a crash, adopted by the next daemon, updated in place by a new build, removed by detach. An
# occupied interface is an error that names the occupant; where native XDP is refused, generic
# mode with a warning that says why. What is not ours reaches the node's stack all the while.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/upgrade.sh
. "$(dirname "$0")/upgrade.sh"

command -v bpftool >/dev/null || skip "needs bpftool: scripts/install-deps build"

# What the kernel runs on a link of the node: "MODE PROGRAM-ID" (mode 1: native, 2: generic), or "none".
xdp_of() {
	in_ns node ip -j link show "$1" |
		jq -r '.[0].xdp | if . == null then "none" else "\(.mode) \(.prog.id)" end'
}

# steers [INTERFACE]: the attached program does its work.
steers() {
	echo "udp 198.51.100.10 20000 $VIP4 5683" |
		in_ns node "$T/frameprobe" "$PINS" "${1:-acme}" | grep -q '^steered.* 10.77.1.2:5683$'
}

# same_link WHERE FILTER: the pinned link is the first one, runs natively, steers, and FILTER holds
# of its program (before: $l).
same_link() {
	local now

	now=$(link_of acme) || fail "$1: no link is pinned"
	want "$1" "$now" ".id == \$l.id and $2" --argjson l "$LINK"
	[ "$(xdp_of acme)" = "1 $(jq .prog_id <<<"$now")" ] || fail "$1: acme runs $(xdp_of acme), not $now"
	steers || fail "$1: the program does not steer"
	LINK=$now
}

# -- traffic that is not ours: to an address of the node, and through it to the other network --

stranger_start() {
	lab_start sink-node node "$T/udpsink" --listen "[::]:7700"
	lab_start sink-globex globex "$T/udpsink" --listen "[::]:7700"
	for to in node:198.51.100.254 globex:192.0.2.10; do
		lab_start "flood-${to%%:*}" acme "$T/udpflood" --to "${to#*:}:7700" --rate 200 \
			--batch 1 --duration 600 --port-base 0
	done
}

# stranger_end: every number has arrived.
stranger_end() {
	local to sent got

	STRANGERS=0
	for to in node globex; do
		lab_stop flood-$to
		lab_stop sink-$to
		sent=$(tail -n 1 "$LAB_DIR/log/flood-$to" | jq .sent)
		got=$(tail -n 1 "$LAB_DIR/log/sink-$to")
		want "foreign traffic to $to ($sent sent)" "$got" '.received == $n and .missing == 0' \
			--argjson n "$sent"
		STRANGERS=$((STRANGERS + sent))
	done
}

# -- starts that must fail --

# start_fails TEXT: the daemon ends by itself and its log has TEXT.
start_fails() {
	: >"$LAB_DIR/log/sluiced"
	lab_start sluiced node "$SLUICED" --config "$LAB_DIR/config.json" \
		--socket "$LAB_DIR/control.sock" --state "$LAB_DIR/state.json" --pin-path "$LAB_PINS"
	wait_for daemon_gone
	grep -aqE "$1" "$LAB_DIR/log/sluiced" || fail "no '$1' in the daemon's log"
}
daemon_gone() { ! lab_running sluiced; }

# Somebody else's program, compiled here.
stranger_program() {
	cat >"$LAB_DIR/other.c" <<-END
		__attribute__((section("xdp"), used)) int somebody_else(void *ctx) { return 2; }
		__attribute__((section("license"), used)) char gpl[] = "GPL";
	END
	clang -target bpf -O2 -g -c "$LAB_DIR/other.c" -o "$LAB_DIR/other.o"
}

# -- the life of a link --

lab_new_bare 1
config_edit '.services[].health.probe = "none"'
cp "$LAB_DIR/config.json" "$LAB_DIR/good.json"
UPGRADE=yes
next_build || UPGRADE=no
daemon_start
disown "$lab_pid" # or the shell tells that it was killed
want "status" "$(ctl --json status)" '.interfaces | length == 3 and all(.[]; .mode == "native")'
LINK=$(link_of acme)
same_link "attached" true
stranger_start

lab_stop sluiced
same_link "after SIGTERM" '.prog_id == $l.prog_id'
daemon_again
same_link "restarted" '.prog_id != $l.prog_id and .tag == $l.tag'
want "restarted" "$(ctl --json status)" '.adopted'
lab_stop sluiced KILL
same_link "after SIGKILL" '.prog_id == $l.prog_id'
daemon_again
same_link "restarted after SIGKILL" '.prog_id != $l.prog_id'
lab_stop sluiced
if [ $UPGRADE = yes ]; then
	daemon_again "$B/next/sluiced"
	same_link "upgraded" '.prog_id != $l.prog_id and .tag != $l.tag'
	lab_stop sluiced
	daemon_again
	same_link "downgraded" '.prog_id != $l.prog_id and .tag != $l.tag'
else
	daemon_again
fi
FIRST=$(jq .id <<<"$LINK")
stranger_end
LIVED=$STRANGERS

# detach by the daemon, and without one; a reload attaches again
ctl detach acme >/dev/null
[ "$(xdp_of acme)" = none ] || fail "detached, but acme runs $(xdp_of acme)"
[ ! -e "$PINS/links/acme" ] || fail "detached, but the pin is left"
[ "$(xdp_of m1)" != none ] || fail "detach of acme took m1 too"
stranger_start
ctl reload >/dev/null
steers || fail "a reload does not attach again"
lab_stop sluiced
in_ns node "$SLUICED" --detach acme --pin-path "$LAB_PINS" >/dev/null || fail "--detach without a daemon"
[ "$(xdp_of acme)" = none ] || fail "--detach left $(xdp_of acme)"
in_ns node "$SLUICED" --remove --pin-path "$LAB_PINS" || fail "--remove"
[ "$(xdp_of m1)" = none ] || fail "--remove left $(xdp_of m1) on m1"
[ -z "$(find "$LAB_PINS" -type f 2>/dev/null)" ] || fail "--remove left pins: $(find "$LAB_PINS")"

# -- an occupied interface --

stranger_program
FOLDERS=$(ls /sys/fs/bpf)
OTHER_PIN=/sys/fs/bpf/$SLUICE_LAB-other
bpftool prog load "$LAB_DIR/other.o" "$OTHER_PIN" type xdp
in_ns node bpftool net attach xdpdrv pinned "$OTHER_PIN" dev acme
rm "$OTHER_PIN"
OTHER=$(xdp_of acme)
ID=${OTHER#* }
start_fails "interfaces\[[0-9]+\].name: acme: XDP program \"somebody_else\" \(id $ID\) is attached; remove it with "
[ "$(xdp_of acme)" = "$OTHER" ] || fail "the other program is gone: $(xdp_of acme)"
[ "$(xdp_of m1)" = none ] || fail "a daemon that did not start left its program on m1"

# A reload that meets it is refused, and what is in force stays.
config_edit '.interfaces |= map(select(.name != "acme"))'
daemon_again
GENERATION=$(ctl --json status | jq .generation)
cp "$LAB_DIR/good.json" "$LAB_DIR/config.json"
SAID=$(ctl reload 2>&1) && fail "a reload onto an occupied interface: $SAID"
# Its name is not for a daemon that has given up CAP_SYS_ADMIN; its id is.
[[ $SAID =~ acme:\ XDP\ program\ .*id\ $ID.*\ is\ attached ]] || fail "reload onto an occupied interface: $SAID"
want "after the refused reload" "$(ctl --json status)" '.generation == $g' --argjson g "$GENERATION"
[ "$(xdp_of m1)" != none ] || fail "the refused reload detached m1"
# The advice works as it is printed.
ADVICE=$(sed -nE 's/.* or "(ip link set acme xdp off)".*/\1/p' <<<"$SAID")
[ -n "$ADVICE" ] || fail "no advice in: $SAID"
# shellcheck disable=SC2086 # a command of several words
in_ns node $ADVICE
ctl reload >/dev/null || fail "a reload after its advice was followed"
steers || fail "attached after the other program left, but it does not steer"

# -- an interface whose driver has no native XDP: a bridge, an ifb, lo --

refusing() {
	local kind

	for kind in bridge ifb; do
		in_ns node ip link add plain0 type $kind 2>/dev/null || continue
		in_ns node ip link set plain0 up
		if ! in_ns node ip link set dev plain0 xdpdrv obj "$LAB_DIR/other.o" sec xdp 2>/dev/null; then
			echo $kind
			return
		fi
		in_ns node ip link del plain0
	done
	return 1
}
if KIND=$(refusing); then
	config_edit '.interfaces += [{name: "plain0", mode: "native"}]'
	SAID=$(ctl reload 2>&1) && fail "mode native on a $KIND: $SAID"
	[[ $SAID == *"plain0: native XDP refused: "* ]] || fail "mode native on a $KIND: $SAID"
	config_edit '.interfaces[-1].mode = "auto"'
	ctl reload >/dev/null || fail "mode auto on a $KIND"
	grep -aqE '^<4>.*plain0: attached in generic mode, .* refused: .*no native XDP' "$LAB_DIR/log/sluiced" ||
		fail "no warning that says why plain0 is in generic mode"
	want "generic" "$(ctl --json status)" '.interfaces[] | select(.name == "plain0") | .mode == "generic"'
	[ "$(xdp_of plain0 | cut -d' ' -f1)" = 2 ] || fail "plain0 runs $(xdp_of plain0)"
	steers plain0 || fail "the program on plain0 does not steer"
	GENERIC="generic on a $KIND"
else
	GENERIC="generic mode not tested: no link here refuses native XDP"
fi

ctl detach --all >/dev/null
for link in acme globex m1; do
	[ "$(xdp_of $link)" = none ] || fail "detach --all left $(xdp_of $link) on $link"
done
# iproute2 makes itself folders and links to them in bpffs, and leaves them.
for f in ip xdp tc/globals tc; do
	[[ $'\n'$FOLDERS$'\n' != *$'\n'${f%%/*}$'\n'* ]] || continue
	if [ -L "/sys/fs/bpf/$f" ]; then rm "/sys/fs/bpf/$f"; fi
	if [ -d "/sys/fs/bpf/$f" ]; then rmdir "/sys/fs/bpf/$f"; fi
done
stranger_end
say "link $FIRST lived through SIGTERM, SIGKILL, restarts, upgrade: $UPGRADE; foreign datagrams lost:" \
	"0 of $LIVED, and 0 of $STRANGERS over detach, occupied, reattached; $GENERIC"
