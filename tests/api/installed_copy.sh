#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# installed_copy.sh ROOT BUILD-DIRECTORY CMAKE CC CXX
#
# Outside programs in C and C++ build against an installed copy and run: by pkg-config and by find_package, against the
# shared and the static library. So do the examples. The copy is moved after it was installed, so that a path left in it would
# be noticed.
set -eu

root=$1 build=$2 cmake=$3 cc=$4 cxx=${5:-}
outside=$root/tests/api/outside

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cmake" --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/installed"

# every function of the headers is used, so that none can be missing or lack its C linkage
"$root/tools/update-map" --list headers | sed 's/.*/USE(&)/' >"$work/names.h"
grep -q . "$work/names.h"

pc=$(dirname "$(find "$work/installed" -name dhp.pc)")
libdir=$(dirname "$pc")
export PKG_CONFIG_PATH="$pc"
if grep -rnF -e "$work" -e "$root" "$pc/dhp.pc" "$libdir/cmake"; then
	echo "the installed files name a directory of the build"
	exit 1
fi

run() { # story, library path, program
	LD_LIBRARY_PATH=$2 "$3" >"$work/out" || { echo "$1: the program failed"; cat "$work/out"; exit 1; }
	echo "$1: $(cat "$work/out")"
}

with_pkg_config() { # language, compiler, flags...
	language=$1 compiler=$2
	shift 2
	# shellcheck disable=SC2046 # lists of flags
	"$compiler" "$@" -Wall -Wextra -Werror -I "$work" $(pkg-config --cflags dhp) \
		"$outside/main.$language" -o "$work/shared" $(pkg-config --libs dhp)
	run "pkg-config, $language, shared" "$libdir" "$work/shared"
	# shellcheck disable=SC2046
	"$compiler" "$@" -Wall -Wextra -Werror -I "$work" $(pkg-config --cflags dhp) \
		"$outside/main.$language" -o "$work/static" $(pkg-config --static --libs dhp | sed 's/-ldhp\b/-l:libdhp.a/')
	run "pkg-config, $language, static" "" "$work/static"
}

with_pkg_config c "$cc" -std=c11
[ -z "$cxx" ] || with_pkg_config cpp "$cxx" -std=c++17

"$cmake" -S "$outside" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/installed" -DNAMES="$work" -DEXAMPLES="$root/examples" \
	-DCMAKE_C_COMPILER="$cc" ${cxx:+-DCMAKE_CXX_COMPILER="$cxx"} >"$work/log" 2>&1 &&
	"$cmake" --build "$work/build" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for program in "$work"/build/outside_*; do
	run "find_package, $(basename "$program")" "" "$program"
done
# tapnic wants an interface: it is built and not run
for example in disk habits windows_driver; do
	"$work/build/example_$example" >"$work/out" 2>&1 || { echo "the example $example failed"; cat "$work/out"; exit 1; }
done
