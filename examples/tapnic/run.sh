#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [--backend linux|sim] [--folder FOLDER] [--rate DATAGRAMS]
#
# Two network namespaces, an interface in each, the driver between them, numbered traffic to the driver and through it. Meanwhile
# processors arrive, one leaves, and it returns. Says what each queue did before and after, and what became of the traffic.
#
#   linux   processors of this machine: the driver starts on one of them, and its affinity is widened from outside
#   sim     simulated ones; also taken, with a message, where this process may use only one
#
# Status 0: nothing was lost or reordered, and every newcomer had its share. 1: otherwise. 77: namespaces or TAP are not allowed.
set -u
cd "$(dirname "$0")/../.."

backend=linux
folder=build/release/examples
rate=500
while [ $# -gt 0 ]; do
	case $1 in
	--backend) backend=${2:?} ;;
	--folder) folder=${2:?} ;;
	--rate) rate=${2:?} ;; # a second in each of 32 flows, twice; far too many: as many as the windows let through
	*)
		sed -n 's/^# \(run.sh \[.*\)/usage: \1/p' "$0" >&2
		exit 2
		;;
	esac
	shift 2
done

skip() {
	echo "skipped: $*"
	exit 77
}

work=$(mktemp -d)
a=tapnic-$$-a b=tapnic-$$-b
driver= children=
clean_up() {
	exec 3>&- 2>/dev/null
	for child in $children $driver; do
		kill "$child" 2>/dev/null
		wait "$child" 2>/dev/null
	done
	ip netns del $a 2>/dev/null
	ip netns del $b 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

command -v ip >/dev/null || skip "no ip command (package iproute2)"
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
ip netns add $a 2>"$work/why" && ip netns add $b 2>"$work/why" || skip "no network namespaces here: $(tail -n 1 "$work/why")"
ip -n $a tuntap add dev probe mode tap 2>"$work/why" || skip "no TAP interfaces here: $(tail -n 1 "$work/why")"
ip -n $a link del probe

# ---- the driver, and what it is told and asked ----

cpus=()
for range in $(taskset -pc $$ | sed 's/.*: //; s/,/ /g'); do
	cpus+=($(seq "${range%-*}" "${range#*-}"))
done
if [ "$backend" = linux ] && [ ${#cpus[@]} -lt 2 ]; then
	echo "only one CPU here: the processors are simulated"
	backend=sim
fi
cpus=("${cpus[@]:0:4}")
[ "$backend" = linux ] || cpus=(0 1 2 3)
last=$((${#cpus[@]} - 1))

mkfifo "$work/commands"
begin() { # the driver; sh is replaced, so that the pid is its own
	if [ "$backend" = linux ]; then
		set -- taskset -c "${cpus[0]}" "$@"
	fi
	"$@" <"$work/commands" >"$work/out" 2>&1 &
	driver=$!
	exec 3>"$work/commands"
}
begin "$folder/tapnic" --backend "$backend" nic0@$a nic1@$b

said() { # a pattern, how often: waits until the driver has said it
	for _ in $(seq 400); do
		[ "$(grep -c "$1" "$work/out")" -ge "$2" ] && return 0
		kill -0 "$driver" 2>/dev/null || break
		sleep 0.05
	done
	echo "the driver did not say \"$1\" $2 times:"
	cat "$work/out"
	exit 1
}

asked=0
rates() { # a title; nothing is printed without one
	echo rates >&3
	asked=$((asked + 1))
	said '^rates end' $asked
	[ -z "$1" ] && return
	echo "$1"
	awk '/^rates end/ { keep = text; text = ""; next } /^rate / { text = text "  " $0 "\n" } END { printf "%s", keep }' "$work/out"
}

widen_to() { # so many processors
	local list
	list=$(IFS=,; echo "${cpus[*]:0:$1}")
	taskset -pc "$list" "$driver" >/dev/null
}

arrive() { # the processor number $1
	if [ "$backend" = linux ]; then widen_to $(($1 + 1)); else echo add >&3; fi
	said "^tapnic: queues in use: $(($1 + 1))\$" 1
}

leave() {
	if [ "$backend" = linux ]; then widen_to "$last"; else echo "away $last" >&3; fi
}

come_back() {
	if [ "$backend" = linux ]; then widen_to $((last + 1)); else echo "back $last" >&3; fi
}

# ---- the story ----

said '^ready' 1
for side in "$a nic0 10.77.0.2" "$b nic1 10.77.0.3"; do
	set -- $side
	# Many a system's default drops what waits long on purpose (CoDel); on a busy machine that would be taken for a loss here.
	tc -n "$1" qdisc replace dev "$2" root pfifo && ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up || exit 1
done
ip netns exec $b "$folder/tapnic_traffic" echo 10.77.0.3 9 &
children="$children $!"
# Who does not know a station yet keeps a few frames for it and drops the rest; that is not what is counted here.
for address in "10.77.0.1 7" "10.77.0.3 9"; do
	ip netns exec $a "$folder/tapnic_traffic" 0.2 $address 1 20 >"$work/first"
done

echo "$backend: 1 processor, then $((last + 1)), then one fewer, then $((last + 1)) again"
seconds=$((last + 6))
ip netns exec $a "$folder/tapnic_traffic" $seconds 10.77.0.1 7 32 "$rate" >"$work/to" &
to=$!
ip netns exec $a "$folder/tapnic_traffic" $seconds 10.77.0.3 9 32 "$rate" >"$work/through" &
through=$!
children="$to $through $children"

sleep 0.5
rates ""
sleep 1
rates "frames a second with 1 processor:"
for i in $(seq "$last"); do
	arrive "$i"
	sleep 0.5
done
rates ""
sleep 1
rates "with $((last + 1)):"
leave
sleep 0.5
rates ""
sleep 1
rates "while one is away (its queues go on elsewhere):"
come_back

status=0
wait $to || status=1
wait $through || status=1
echo "echoed by the driver:   $(cat "$work/to")"
echo "switched by the driver: $(cat "$work/through")"

for side in "$a nic0" "$b nic1"; do
	set -- $side
	echo "the kernel dropped at $2: $(ip netns exec "$1" cat "/sys/class/net/$2/statistics/tx_dropped") frames because a queue was" \
		"full, $(ip netns exec "$1" awk '/^Udp: [0-9]/ { print $6 }' /proc/net/snmp) datagrams because a socket was"
done

# ---- what the driver says ----

rates "" # all has been counted
idle=$(awk '/^rate .*: 0\/s/ { n[$4]++ } /^rate / { m[$4]++ } END { for (q in m) if (n[q] == m[q]) print q }' "$work/out")
if [ -n "$idle" ]; then
	echo "queues that never had a frame: $idle"
	status=1
fi
echo quit >&3
exec 3>&-
if ! wait "$driver"; then
	echo "the driver ended badly:"
	cat "$work/out"
	status=1
fi
driver=
sed -n 's/^total \(answered\|switched\|unsent\|stops\)/  \1/p; s/^tapnic: /  &/p' "$work/out"
if grep -q 'WARNING: ThreadSanitizer\|ERROR: AddressSanitizer\|runtime error' "$work/out"; then
	cat "$work/out"
	status=1
fi
[ $status -eq 0 ] && echo "nothing lost, nothing reordered"
exit $status
