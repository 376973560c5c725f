#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# install_deps.sh INSTALL-DEPS
#
# With packages missing and without root, install-deps changes nothing, prints the command to run and ends with 2.
# What is missing is made up: the script gets a PATH that holds what it needs, and neither ninja nor cmake.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cp "$1" "$work/install-deps"

for tool in sh sed id make cc gcc c++ g++ clang clang++ pkg-config dpkg-query python3 setarch taskset setpriv; do
	if path=$(command -v "$tool"); then ln -s "$path" "$work/bin/$tool"; fi
done
stub() { # name, body
	printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
	chmod 755 "$work/bin/$1"
}
stub apt-get "echo \"\$*\" >>'$work/calls'"
stub sudo "echo sudo \"\$*\" >>'$work/calls'"
: >"$work/calls"
chmod 666 "$work/calls"
chmod -R go+rX "$work"

unprivileged() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups env PATH="$work/bin" "$@"
	else
		env PATH="$work/bin" "$@"
	fi
}

fail() {
	echo "$1"
	cat "$work/out" "$work/calls"
	exit 1
}

status=0
unprivileged sh "$work/install-deps" --for build >"$work/out" 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "status $status instead of 2"
grep -q '^sudo apt-get install .*\bcmake\b' "$work/out" || fail "the command does not name cmake"
grep -q '^sudo apt-get install .*\bninja-build\b' "$work/out" || fail "the command does not name ninja-build"
! grep -q 'make .*gcc\|pkg-config' "$work/out" || fail "the command names what is there"
[ ! -s "$work/calls" ] || fail "something was run"

printed=$(unprivileged sh "$work/install-deps" --for build --print) || fail "--print failed"
case " $printed " in *" ninja-build "*) ;; *) fail "--print does not name ninja-build" ;; esac
[ ! -s "$work/calls" ] || fail "--print ran something"

printed=$(unprivileged sh "$work/install-deps" --for rivals --print) || fail "--for rivals --print failed"
case " $printed " in *" gnuplot-nox "*) ;; *) fail "--for rivals does not name gnuplot-nox" ;; esac
[ ! -s "$work/calls" ] || fail "--for rivals --print ran something"

rm "$work/bin/apt-get"
status=0
unprivileged sh "$work/install-deps" --for build >"$work/out" 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "status $status instead of 2 without apt-get"
grep -q 'ninja-build' "$work/out" || fail "without apt-get the message does not name ninja-build"

# nothing missing: silent, and apt-get is not called even by root
stub apt-get "echo \"\$*\" >>'$work/calls'"
stub cmake "echo cmake version 3.25.1"
stub ninja ""
status=0
PATH="$work/bin" sh "$work/install-deps" --for build >"$work/out" 2>&1 || status=$?
[ "$status" -eq 0 ] || fail "status $status with nothing missing"
[ ! -s "$work/out" ] && [ ! -s "$work/calls" ] || fail "not silent with nothing missing"

# an old cmake is missing, a newer major version is not
stub cmake "echo cmake version 3.18.4"
[ "$(PATH="$work/bin" sh "$work/install-deps" --for build --print)" = cmake ] || fail "cmake 3.18 was taken"
stub cmake "echo cmake version 4.0.1"
[ -z "$(PATH="$work/bin" sh "$work/install-deps" --for build --print)" ] || fail "cmake 4.0 was refused"
