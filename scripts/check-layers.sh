#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Includes point down the layers only, and what shall be pure is pure. STYLE: one table
# says which folder may include which; a folder that is missing here may include nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0

complain() { printf 'layers: %s\n' "$*" >&2; bad=1; }

# folder: folders that its files may include from, with quotes, beside itself
declare -A allowed=(
	[include/sluice]=""
	[bpf/lib]=""
	[bpf/stage]="bpf/lib bpf" # pkt.h, maps.h, config.h
	[bpf]="bpf/lib bpf/stage"
	[userspace/common]="bpf/lib"
	[userspace/config]="userspace/common bpf/lib"
	[userspace/plan]="userspace/config userspace/common bpf/lib"
	[userspace/dataplane]="userspace/plan userspace/config userspace/common bpf/lib"
	[userspace/sluiced]="userspace/dataplane userspace/plan userspace/config userspace/common bpf/lib"
	[userspace/explain]="userspace/dataplane userspace/plan userspace/config userspace/common bpf/lib"
	[userspace/sluicectl]="userspace/explain userspace/config userspace/common bpf/lib" # lib/latency.h
)

# $to = the folder of what a file in $from includes as "$name": beside it, or below bpf/
# (-Ibpf). Empty for what is in neither place: it is generated. No subshell: there are
# a thousand of them to look at.
find_folder() {
	local path=$from/$name

	while [[ $path =~ ^(.*/)?[^/]+/\.\./(.*)$ ]]; do
		path=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
	done
	[ -e "$path" ] || path=bpf/$name
	to=
	if [ -e "$path" ]; then to=${path%/*}; fi
}

while IFS=: read -r file line text; do
	name=${text#*\"}
	name=${name%%\"*}
	from=${file%/*}
	find_folder
	if [ -z "$to" ] || [ "$to" = "$from" ]; then continue; fi
	[[ " ${allowed[$from]-} " == *" $to "* ]] ||
		complain "$file:$line: $from may not include from $to"
done < <(grep -rn --include='*.[ch]' '^#include "' include bpf userspace)

# deny PATTERN WHY FOLDER...
deny() {
	local pattern=$1 why=$2 hits

	shift 2
	hits=$(grep -rnE --include='*.[ch]' "$pattern" "$@" || true)
	[ -z "$hits" ] || complain "$why:"$'\n'"$hits"
}

deny '^#include "' 'include/ uses <sluice/...> and system headers' include
deny '\bbpf_(map|ktime|xdp|redirect|get|tail|ringbuf|fib)[a-z_]*\(|xdp_md|SEC\(' \
	'bpf/lib is pure' bpf/lib
deny '^#include [<"](bpf|xdp)/' 'only dataplane and sluiced know libbpf' \
	userspace/common userspace/config userspace/plan userspace/sluicectl
deny '\blog_(err|warn|info|debug)\(' 'libraries do not log' \
	userspace/config userspace/plan userspace/dataplane userspace/explain
deny '^#include .*tests/' 'nothing includes tests' include bpf userspace
deny '\bXDP_(PASS|DROP|TX|REDIRECT|ABORTED)\b' 'only account knows XDP actions' \
	bpf/lib bpf/stage/{parse,resolve,classify,police,pick}.h
exit $bad
