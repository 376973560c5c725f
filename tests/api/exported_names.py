#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What libdhp.so exports, what engine/libdhp.map lists, and what the headers declare DHP_API are one set.

    exported_names.py ROOT LIBRARY NM
    exported_names.py --self-test ROOT     tools/update-map --check must see each kind of drift
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def update_map(root, *arguments, tree=None):
    command = [sys.executable, str(Path(root) / "tools" / "update-map"), *arguments]
    if tree:
        command += ["--root", str(tree)]
    return subprocess.run(command, capture_output=True, text=True)


def exported(library, nm):
    """{(node, name)} of the dynamic symbols, without the nodes' own."""
    symbols = set()
    lines = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        kind, symbol = line.split()[-2:]
        name, _, node = symbol.partition("@")
        if kind != "A":
            symbols.add((node.lstrip("@"), name))
    return symbols


def main(root, library, nm):
    wrong = []
    check = update_map(root, "--check")
    if check.returncode:
        wrong += check.stderr.splitlines()
    listed = {tuple(line.split()) for line in update_map(root, "--list", "map").stdout.splitlines()}
    found = exported(library, nm)
    wrong += [f"{name} is in node {node} of the map, but {library} does not export it" for node, name in listed - found]
    wrong += [f"{library} exports {name} in node {node}, which the map does not list" for node, name in found - listed]
    wrong += [f"the map may not use a wildcard: {name}" for _, name in listed if not re.fullmatch(r"\w+", name)]
    # The names of dhp/wdk.h are those of Windows; everything else of ours begins with dhp_.
    windows = set(update_map(root, "--list", "windows").stdout.split())
    wrong += [f"{name} does not begin with dhp_" for _, name in listed
              if not name.startswith("dhp_") and name not in windows]
    wrong += [f"{name} is no name of Windows and does not begin with dhp_" for name in windows
              if not re.fullmatch(r"(Ke|Kf|Io|Ex|Ob|Ps|Zw|Rtl|Dbg)[A-Z]\w+|(Create|Query)MemoryResourceNotification", name)]
    for line in sorted(wrong):
        print(line)
    print(f"{len(found)} names exported")
    return 1 if wrong else 0


HEADER = """
#define DHP_API __attribute__((visibility("default")))
/* DHP_API int dhp_in_a_comment(void); */
DHP_API enum dhp_status
dhp_one(int (*callback)(void));
DHP_API const char *dhp_two(const char *a,
\tint b) __attribute__((const));
static inline int dhp_inline(void) { return 0; }
"""

WINDOWS = """
DHP_API unsigned KeOne(unsigned a);
#define KeTwo(a) (KeTwo)(a, 0)
static inline int KeInline(void) { return 0; }
"""


def self_test(root):
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory)
        (tree / "include" / "dhp").mkdir(parents=True)
        (tree / "engine").mkdir()
        cmake, header, version_map = tree / "CMakeLists.txt", tree / "include/dhp/a.h", tree / "engine/libdhp.map"

        def write(version, text):
            cmake.write_text(f"project(x\n  VERSION {version}\n)\n")
            header.write_text(text)

        def check(expected, story):
            assert update_map(root, "--check", tree=tree).returncode == expected, story

        write("0.1.0", HEADER)
        check(1, "no map at all")
        assert update_map(root, tree=tree).returncode == 0
        check(0, "a map just written")
        listed = update_map(root, "--list", "map", tree=tree).stdout.split("\n")
        assert listed == ["DHP_0.1 dhp_one", "DHP_0.1 dhp_two", ""], listed

        write("0.1.0", HEADER + "DHP_API void dhp_three(void);\n")
        check(1, "a declaration that the map lacks")
        write("0.1.0", HEADER.replace("dhp_two", "dhp_renamed"))
        check(1, "a name that no header declares")
        write("0.2.0", HEADER)
        check(0, "a release that adds nothing adds no node")
        write("0.2.0", HEADER + "DHP_API void dhp_three(void);\n")
        assert update_map(root, tree=tree).returncode == 0
        listed = update_map(root, "--list", "map", tree=tree).stdout.split("\n")
        assert listed == ["DHP_0.1 dhp_one", "DHP_0.1 dhp_two", "DHP_0.2 dhp_three", ""], listed
        write("0.2.0", HEADER.replace("dhp_two", "dhp_three"))
        assert update_map(root, tree=tree).returncode == 1, "a released name has gone"

        write("0.2.0", HEADER + "DHP_API void dhp_three(void);\n")
        (header.parent / "wdk.h").write_text(WINDOWS)
        check(1, "a Windows name that the map lacks")
        assert update_map(root, tree=tree).returncode == 0
        check(0, "Windows names are exported too")
        assert update_map(root, "--list", "windows", tree=tree).stdout == "KeOne\n"

        version_map.write_text("DHP_0.2 {\n global:\n  dhp_*;\n local:\n  *;\n};\n")
        check(1, "a wildcard")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        sys.exit(self_test(sys.argv[2]))
    sys.exit(main(*sys.argv[1:]))
