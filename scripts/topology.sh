# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# The lab's parts, used by scripts/lab, scripts/lab-hook and tests/netns/lib.sh:
# network namespaces joined by veth pairs, processes in them, and a record of all
# of it, so that what was made can be taken away by another process, later.
#
#	acme   ─┐                 ┌─ m1  (mosquitto, coap-server)
#	        ├─ node (sluiced) ┼─ m2 ...
#	globex ─┘                 └─ core (the brokers' hub, no instance)
#
# A namespace is called PREFIX-NAME (SLUICE_LAB is the prefix). Commands enter it with
# nsenter: `ip netns exec` and `ip -n` remount /sys, which hides bpffs, and fail in a
# chroot whose root is no mount point.

SLUICE_LAB=${SLUICE_LAB:-sl}
[[ $SLUICE_LAB =~ ^[a-z][a-z0-9]{0,15}$ ]] ||
	{ echo "SLUICE_LAB=$SLUICE_LAB: want up to 16 lower-case letters and digits" >&2; exit 1; }
LAB_RECORD=/run/sluice-lab/$SLUICE_LAB # a link to LAB_DIR
LAB_PINS=/sys/fs/bpf/sluice-$SLUICE_LAB
LAB_DIR=$(readlink "$LAB_RECORD" 2>/dev/null || true)

VIP4=203.0.113.10
VIP6=2001:db8:ffff::10

lab_is_up() { [ -n "$LAB_DIR" ] && [ -d "$LAB_DIR" ]; }

# -- the record --

lab_record_new() {
	mkdir -p /run/sluice-lab
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/sluice-$SLUICE_LAB.XXXXXX")
	if ! ln -s "$LAB_DIR" "$LAB_RECORD" 2>/dev/null; then
		rmdir "$LAB_DIR"
		die "lab '$SLUICE_LAB' is up already ($(readlink "$LAB_RECORD")): scripts/lab down first"
	fi
	mkdir "$LAB_DIR/log" "$LAB_DIR/machine"
	: >"$LAB_DIR/pids"
	: >"$LAB_DIR/netns"
	[ -d /run/netns ] || : >"$LAB_DIR/made-run-netns"
	ulimit -n "$(ulimit -Hn)" # thousands of connections to one broker
}

# -- namespaces and links --

in_ns() {
	local name=$1

	shift
	nsenter --net="/run/netns/$SLUICE_LAB-$name" -- "$@"
}

# ip_in NS: ip commands on stdin, one a line, all in one process.
ip_in() { in_ns "$1" ip -batch -; }

# sysctl_in NS NAME=VALUE...: names below net/; what this kernel has not is skipped.
sysctl_in() {
	local name=$1

	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_ns "$name" bash -c 'for s; do f=/proc/sys/net/${s%%=*}
		if [ -e "$f" ]; then echo "${s#*=}" >"$f"; fi; done' sysctl "$@"
}

# ns_add NAME [NAME=VALUE...]: a namespace and its settings.
ns_add() {
	local name=$1

	shift
	echo "$SLUICE_LAB-$name" >>"$LAB_DIR/netns"
	ip netns add "$SLUICE_LAB-$name"
	sysctl_in "$name" ipv6/conf/default/accept_dad=0 "$@"
	in_ns "$name" ip link set lo up
}

# link_add NS IF: a veth pair, IF in the node, eth0 in NS; two queues each, as one loses frames.
# tx off: with native XDP in the way, nobody completes a checksum that a sender left partial.
# gro on: makes a veth without an XDP program a target that can be redirected to.
link_add() {
	in_ns node ip link add "$2" numtxqueues 2 numrxqueues 2 type veth \
		peer name eth0 numtxqueues 2 numrxqueues 2 netns "$SLUICE_LAB-$1"
	in_ns node ethtool -K "$2" tx off >/dev/null
	in_ns "$1" ethtool -K eth0 tx off gro on >/dev/null
}

# accept_local: an answer that the kernel forwards bears the virtual address as its source, and that
# one is on lo: a martian otherwise.
node_add() {
	ns_add node ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv4/conf/all/rp_filter=0 \
		ipv4/conf/default/rp_filter=0 ipv4/conf/all/accept_local=1 \
		ipv4/conf/all/arp_ignore=1 ipv4/conf/all/arp_announce=2
	ip_in node <<-END
		addr add $VIP4/32 dev lo
		addr add $VIP6/128 dev lo nodad
	END
}

# devices_add NAME NET4 NET6: a tenant's devices: four IPv4 addresses, four IPv6 addresses in
# /64s of their own. NET4 is three numbers, NET6 three groups.
devices_add() {
	local name=$1 net4=$2 net6=$3 i

	ns_add "$name"
	link_add "$name" "$name"
	ip_in node <<-END
		addr add $net4.254/24 dev $name
		addr add $net6::fe/48 dev $name nodad
		link set $name up
	END
	{
		for i in 10 11 12 13; do
			echo "addr add $net4.$i/24 dev eth0"
			echo "addr add $net6:$i::1/48 dev eth0 nodad"
		done
		echo "link set eth0 up"
		echo "route add default via $net4.254"
		echo "route add default via $net6::fe"
	} | ip_in "$name"
}

# machine_add NAME N: what servers run on: 10.77.N.2 and fd00:77:N::2, default route by the node.
machine_add() {
	local name=$1 n=$2

	ns_add "$name"
	link_add "$name" "$name"
	ip_in node <<-END
		addr add 10.77.$n.1/24 dev $name
		addr add fd00:77:$n::1/64 dev $name nodad
		link set $name up
	END
	ip_in "$name" <<-END
		addr add 10.77.$n.2/24 dev eth0
		addr add fd00:77:$n::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.77.$n.1
		route add default via fd00:77:$n::1
	END
	echo "10.77.$n.2 fd00:77:$n::2" >"$LAB_DIR/machine/$name"
}

# machine_addr NAME 4|6
machine_addr() {
	local four six

	read -r four six <"$LAB_DIR/machine/$1"
	if [ "$2" = 6 ]; then echo "$six"; else echo "$four"; fi
}

# topology_add INSTANCES SPARE: the picture above; spare machines are the scaling hook's.
topology_add() {
	local i

	node_add
	devices_add acme 198.51.100 2001:db8:a
	devices_add globex 192.0.2 2001:db8:b
	machine_add core 250
	for ((i = 1; i <= $1 + $2; i++)); do
		machine_add "m$i" "$i"
	done
	echo "$1" >"$LAB_DIR/instances"
}

# -- processes --

# Start time of a living process in clock ticks: with the pid, a name nobody else will bear.
proc_start() {
	local stat

	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# shellcheck disable=SC2086 # fields, counted behind the command's name
	set -- ${stat##*) }
	[ "$1" != Z ] && [ "$1" != X ] && echo "${20}"
}

# lab_start WHAT NS CMD...: a process in a namespace, its output in log/WHAT, its pid recorded.
# The pid is left in lab_pid.
lab_start() {
	local what=$1 name=$2

	shift 2
	setsid nsenter --net="/run/netns/$SLUICE_LAB-$name" -- "$@" \
		</dev/null >>"$LAB_DIR/log/$what" 2>&1 &
	lab_pid=$!
	echo "$lab_pid $(proc_start "$lab_pid" || echo 0) $what" >>"$LAB_DIR/pids"
}

lab_pids_of() { awk -v w="$1" '$3 == w { print $1, $2 }' "$LAB_DIR/pids"; }

lab_running() {
	local pid start

	while read -r pid start; do
		[ "$(proc_start "$pid")" = "$start" ] && return 0
	done < <(lab_pids_of "$1")
	return 1
}

proc_gone() { [ "$(proc_start "$1")" != "$2" ]; }

# stop_pid PID START [SIGNAL]: nothing if that process is gone; KILL after three seconds.
stop_pid() {
	proc_gone "$1" "$2" && return 0
	kill -s "${3:-TERM}" "$1" 2>/dev/null || return 0
	wait_until 3 proc_gone "$1" "$2" || kill -s KILL "$1" 2>/dev/null || true
}

# lab_stop WHAT [SIGNAL]
lab_stop() {
	local pid start

	while read -r pid start; do
		stop_pid "$pid" "$start" "${2:-TERM}"
	done < <(lab_pids_of "$1")
}

# -- servers --

# A broker without a bridge: the hub of the star.
core_start() {
	cat >"$LAB_DIR/core.conf" <<-END
		listener 1883
		allow_anonymous true
		user root
		set_tcp_nodelay true
	END
	lab_start core core mosquitto -c "$LAB_DIR/core.conf"
}

# mosquitto_start MACHINE PORT: joined to the hub, so that subscribers on any instance get what
# is published on any other.
mosquitto_start() {
	local what=mosquitto-$1-$2

	cat >"$LAB_DIR/$what.conf" <<-END
		listener $2
		allow_anonymous true
		user root
		set_tcp_nodelay true
		max_queued_messages 10000
		connection $what
		address $(machine_addr core 4):1883
		topic # both 1
		try_private true
		notifications false
		restart_timeout 1
	END
	lab_start "$what" "$1" mosquitto -c "$LAB_DIR/$what.conf"
	wait_until 5 server_listens "$1" t "$2" || die "$what does not listen: $LAB_DIR/log/$what"
}

# coap_start MACHINE PORT [NAME]: a server whose /whoami says NAME (the machine's).
coap_start() {
	local what=coap-$1-$2

	lab_start "$what" "$1" coap-server-notls -d 16 -v 3 -p "$2"
	wait_until 5 server_listens "$1" u "$2" || die "$what does not listen: $LAB_DIR/log/$what"
	in_ns "$1" coap-client-notls -B 3 -m put -e "${3:-$1}" "coap://127.0.0.1:$2/whoami" \
		>>"$LAB_DIR/log/$what" 2>&1
}

# servers_start INSTANCES: the hub, and both servers on each machine.
servers_start() {
	local i

	core_start
	for ((i = 1; i <= $1; i++)); do
		mosquitto_start "m$i" 1883
		coap_start "m$i" 5683
	done
}

server_listens() { in_ns "$1" ss "-Hln$2" "sport = :$3" | grep -q .; }

# -- bpffs and pins --

bpffs_mount() {
	mountpoint -q /sys/fs/bpf && return 0
	[ -d /sys/fs/bpf ] || die "/sys/fs/bpf is missing: mount sysfs on /sys (a chroot needs it too)"
	mount -t bpf bpf /sys/fs/bpf || die "cannot mount bpffs on /sys/fs/bpf"
	: >"$LAB_DIR/made-bpffs"
}

# Unmount what we mounted, unless somebody uses it by now. Some kernels keep two files there.
bpffs_release() {
	local used

	used=$(find /sys/fs/bpf -mindepth 1 -maxdepth 1 ! -name '*.debug' 2>/dev/null | wc -l)
	if [ -e "$LAB_DIR/made-bpffs" ] && [ "$used" = 0 ]; then
		umount /sys/fs/bpf 2>/dev/null || true
	fi
}

netns_release() {
	if [ -e "$LAB_DIR/made-run-netns" ] && [ -z "$(ls -A /run/netns 2>/dev/null)" ]; then
		umount /run/netns 2>/dev/null || true
		rmdir /run/netns 2>/dev/null || true
	fi
}

# -- the end --

# Whatever still runs in a namespace of ours is ours: what servers, hooks or tests started.
netns_kill_all() {
	local pid

	for pid in $(ip netns pids "$1" 2>/dev/null); do
		[ "$pid" = $$ ] || kill -s KILL "$pid" 2>/dev/null || true
	done
}

# Take everything away. Never fails, may run twice, and finds its work in the record alone.
lab_destroy() {
	local pid start what name

	lab_is_up || { rm -f "$LAB_RECORD"; return 0; }
	while read -r pid start what; do
		proc_gone "$pid" "$start" || kill -s TERM "$pid" 2>/dev/null || true
	done <"$LAB_DIR/pids"
	while read -r pid start what; do
		stop_pid "$pid" "$start"
	done <"$LAB_DIR/pids"
	while read -r name; do
		[ -e "/run/netns/$name" ] || continue
		netns_kill_all "$name"
		ip netns del "$name" || true
	done <"$LAB_DIR/netns"
	if [ -d "$LAB_PINS" ]; then rm -rf "$LAB_PINS"; fi
	bpffs_release
	netns_release
	rm -rf "$LAB_DIR"
	rm -f "$LAB_RECORD"
	rmdir /run/sluice-lab 2>/dev/null || true
	LAB_DIR=
}
