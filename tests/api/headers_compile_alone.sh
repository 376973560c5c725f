#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# headers_compile_alone.sh INCLUDE-DIRECTORY CC CXX
#
# Each public header compiles by itself, twice in a row, as C11 and as C++17, without a warning, with the compilers
# given and whichever of gcc and clang are here besides.
set -eu

include=$1
c_compilers=$(for c in "$2" gcc clang; do command -v "$c" || true; done | xargs -r -n1 readlink -f | sort -u)
cxx_compilers=$(for c in "${3:-}" g++ clang++; do [ -z "$c" ] || command -v "$c" || true; done | sort -u)
warnings="-Wall -Wextra -Wshadow -Wconversion -Wundef -Wpointer-arith -Wcast-qual -Werror -pedantic"

status=0
checked=0
compile() { # header, compiler, language, flags...
	header=$1 compiler=$2 language=$3
	shift 3
	checked=$((checked + 1))
	# shellcheck disable=SC2086 # a list of flags
	if ! printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
		"$compiler" -x "$language" "$@" $warnings -I "$include" -fsyntax-only -; then
		echo "$header does not compile alone: $compiler -x $language $*"
		status=1
	fi
}

for header in $(cd "$include" && find . -name '*.h' | sed 's,^\./,,' | sort); do
	for compiler in $c_compilers; do
		compile "$header" "$compiler" c -std=c11 -Wstrict-prototypes -Wmissing-prototypes
	done
	for compiler in $cxx_compilers; do
		compile "$header" "$compiler" c++ -std=c++17
	done
done
echo "$checked compilations"
[ "$checked" -gt 0 ] && exit "$status"
