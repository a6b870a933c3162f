# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Sourced by every lab test. Its namespaces, pins and processes bear a prefix of their
# own and are recorded, so tests do not see each other, and all is gone when a test
# exits, however it exits. Exit codes: 0 passed, 77 skipped, else failed.
#
# A test is short: build a topology, write a configuration, start the daemon, act, check.
#
#	. "$(dirname "$0")/lib.sh"
#	lab_new 3                          # node, acme, globex, core, m1..m3 with real servers
#	config_edit '.tenants[1].quota.messages = "1k/s"'
#	daemon_start
#	json=$(in_ns acme "$T/coapload" --to "$VIP4" --requests 100 --from "$ACME4") || fail "$json"
#	wait_for take_flows telemetry 3
#
# From scripts/topology.sh: in_ns, ns_add, link_add, machine_add, machine_addr, lab_start,
# lab_stop, lab_running, coap_start, mosquitto_start. From scripts/daemon.sh: ctl, daemon_start,
# config_write, config_edit, take_flows.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*" >&2; exit 1; }
die() { fail "$@"; }

[ "$(id -u)" -eq 0 ] || skip "needs root"
for cmd in ip nsenter ethtool jq; do
	command -v $cmd >/dev/null || skip "needs $cmd: scripts/install-deps lab"
done

export SLUICE_LAB=${SLUICE_TEST_LAB:-t$$}
# shellcheck source=scripts/topology.sh
. "$ROOT/scripts/topology.sh"
# shellcheck source=scripts/daemon.sh
. "$ROOT/scripts/daemon.sh"

# What tests call things.
T=$B/tools
ACME4=198.51.100.10,198.51.100.11,198.51.100.12,198.51.100.13
ACME6=2001:db8:a:10::1,2001:db8:a:11::1,2001:db8:a:12::1,2001:db8:a:13::1
GLOBEX4=192.0.2.10,192.0.2.11,192.0.2.12,192.0.2.13
GLOBEX6=2001:db8:b:10::1,2001:db8:b:11::1,2001:db8:b:12::1,2001:db8:b:13::1
export T ACME4 ACME6 GLOBEX4 GLOBEX6

# A failed test shows what the daemon said; it is the last that knows.
lab_exit() {
	local rc=$?

	trap '' INT TERM HUP
	if [ "$rc" -ne 0 ] && [ "$rc" -ne 77 ] && [ -s "$LAB_DIR/log/sluiced" ]; then
		echo "--- the end of sluiced's log"
		tail -n "${LOG_LINES:-25}" "$LAB_DIR/log/sluiced"
	fi >&2
	lab_destroy
	exit "$rc"
}

lab_record_new
trap lab_exit EXIT
trap 'exit 130' INT TERM HUP
bpffs_mount

# Retry a command for up to ten seconds (or WAIT); the test fails if it never succeeds.
wait_for() { wait_until "${WAIT:-10}" "$@" || fail "timed out: $*"; }

# lab_new INSTANCES [SPARE]: topology, servers, configuration. The daemon is not started.
lab_new() {
	topology_add "$1" "${2:-0}"
	servers_start "$1"
	config_write "$1"
}

# lab_new_bare INSTANCES: the same without servers, for tests that bring their own.
lab_new_bare() {
	topology_add "$1" 0
	config_write "$1"
}

# want TEXT JSON FILTER [JQ OPTIONS]: fail with TEXT and the JSON unless the filter holds.
want() {
	local text=$1 json=$2 filter=$3

	shift 3
	jq -e "$@" "$filter" >/dev/null <<<"$json" || fail "$text: not '$filter $*' in: $json"
}

# Frames that the XDP queues of the node's interface received.
xdp_frames() {
	in_ns node ethtool -S "$1" | awk '/rx_queue_[0-9]+_xdp_packets/ { n += $2 } END { print n + 0 }'
}

# reason LABEL: packets that left under it. The sum of all: reasons_sum.
reason() { ctl --json reasons | jq --arg l "$1" '[.reasons[] | select(.reason == $l) | .packets] | add // 0'; }
reasons_sum() { ctl --json reasons | jq '[.reasons[].packets] | add // 0'; }

# Connections that the server on a machine's port has accepted (all ports: no argument).
accepted() { in_ns "$1" nstat -asz TcpPassiveOpens | awk '/TcpPassiveOpens/ { print $2 }'; }

# established MACHINE PORT
established() { in_ns "$1" ss -Htn state established "sport = :$2" | wc -l; }
