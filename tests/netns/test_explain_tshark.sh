#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# sluicectl explain names the same protocol and kind as Wireshark's dissectors for frames of real tools
# (tests/data/explain.pcap, made by capture_explain.sh), MQTT-SN of capmake's, and mutants of all these;
# or the RFCs say why not (docs/explain.md). MUTANTS=N and SEED=N choose others.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/explain.sh
. "$(dirname "$0")/explain.sh"

MUTANTS=${MUTANTS:-${QUICK:+3000}}
MUTANTS=${MUTANTS:-20000}
HERE=$ROOT/tests/netns
cd "$LAB_DIR"
compared_config >config.json
"$T/capmake" mqttsn mqttsn.pcap
mergecap -F pcap -w seed.pcap "$ROOT/tests/data/explain.pcap" mqttsn.pcap
"$T/capmutate" "${SEED:-1}" "$MUTANTS" seed.pcap mutants.pcap

# compare CAPTURE: to $found.
compare() {
	explain config.json "$1" >explained.jsonl
	wireshark "$1" >wireshark.jsonl
	[ "$(wc -l <explained.jsonl)" = "$(wc -l <wireshark.jsonl)" ] || fail "$1: not a line for each frame"
	found=$(jq -n -c -L "$HERE" --slurpfile e explained.jsonl --slurpfile w wireshark.jsonl \
		'include "explain_tshark"; compare($e; $w)')
	jq -r '"\(.frames) frames, \(.kinds) kinds: \(.agree) the same; \(.unexplained | length) unexplained",
		(.causes | to_entries | sort_by(-.value)[] | "\(.value)\t\(.key)")' <<<"$found"
	jq -e '.unexplained == []' >/dev/null <<<"$found" ||
		fail "$1: no RFC says why: $(jq -c '.unexplained[:5][]' <<<"$found")"
	while read -r cause; do
		grep -qF "| $cause |" "$ROOT/docs/explain.md" || fail "docs/explain.md: nothing about '$cause'"
	done < <(jq -r '.causes | keys[]' <<<"$found")
}

say "real tools"
compare seed.pcap
want "real tools" "$found" '.frames > 600 and .kinds > 35 and (.causes | keys - [
	"coap: an option that Wireshark does not know, or of another length"]) == []'
say "mutants, seed ${SEED:-1}"
compare mutants.pcap
want "mutants" "$found" '.frames == ($n | tonumber) and .kinds >= 40' --arg n "$MUTANTS"
echo PASS
