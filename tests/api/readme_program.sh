#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The program that README.md shows compiles without a warning, and prints what README.md says.
#
#     readme_program.sh ROOT STATIC_LIBRARY C_COMPILER [FLAG...]
set -eu
root=$1 library=$2 compiler=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first block that opens with ```c, and the first that opens with ``` alone after it.
awk -v program="$work/program.c" -v expected="$work/expected" '
	/^```/ { if (inside != "") { inside = ""; next }
		 if ($0 == "```c" && !seen) { inside = program; seen = 1; next }
		 if ($0 == "```" && seen == 1) { inside = expected; seen = 2; next }
		 inside = "/dev/null"; next }
	inside != "" { print > inside }' "$root/README.md"

"$compiler" -std=c11 -Wall -Wextra -Werror -O1 "$@" -I "$root/include" "$work/program.c" "$library" -lck -pthread \
	-o "$work/program"
timeout 60 "$work/program" >"$work/printed"
diff -u "$work/expected" "$work/printed"
