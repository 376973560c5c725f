#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An upward include does not compile.

    layers.py ROOT COMPILE_COMMANDS

Takes the compile command of one source of each layer, as the build really uses it, and gives it one-line sources: to
include a header of a layer that it may not see must fail, of one that it may see must succeed. Also: no source reaches
round the include path with "..".
"""
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

# layer: the layers right below it. This repeats CMakeLists.txt on purpose: two statements of a rule can disagree.
BELOW = {
    "base": [],
    "port": ["base"],
    "sync": ["port"],
    "percpu": ["sync"],
    "work": ["percpu"],
    "notify": ["percpu"],
    "rebalance": ["percpu"],
    "partition": ["work", "notify", "rebalance"],
    "partition/sim": ["partition"],
    "partition/linux": ["partition"],
    ".": ["partition/sim", "partition/linux"],
    "wdk": ["port"],
}
# folders whose sources or headers belong to a layer of another name; the shim stands for a header of CK
FOLDERS = {"port/posix": "port", "port/c11": "port", "port/skeleton": "port", "partition/skeleton": "partition/linux"}


def visible_from(layer):
    seen = {layer}
    for lower in BELOW[layer]:
        seen |= visible_from(lower)
    return seen


def layer_of(path, engine):
    folder = str(path.parent.relative_to(engine))
    return FOLDERS.get(folder, folder)


def preprocess(command, directory, header):
    """Compiles nothing but the line #include "header", by the flags of a real command."""
    arguments = shlex.split(command)
    flags = []
    skip = False
    for argument, following in zip(arguments[1:], arguments[2:] + [""]):
        if skip:
            skip = False
        elif argument in ("-I", "-isystem", "-idirafter", "-iquote"):
            flags += [argument, following]
            skip = True
        elif argument.startswith(("-I", "-D", "-std=", "-m")):
            flags.append(argument)
    run = subprocess.run([arguments[0], *flags, "-E", "-x", "c", "-"], input=f'#include "{header}"\n',
                         cwd=directory, capture_output=True, text=True)
    return run.returncode == 0


def main(root, compile_commands):
    engine = (Path(root) / "engine").resolve()
    wrong, tried = [], 0

    for source in sorted(engine.rglob("*.[ch]")):
        for line, text in enumerate(source.read_text().splitlines(), 1):
            if re.match(r'\s*#\s*include\s*["<][^">]*\.\./', text):
                wrong.append(f"{source.relative_to(engine)}:{line}: an include may not contain ..")

    commands = {}
    for entry in json.loads(Path(compile_commands).read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if engine in path.parents and not re.search("dhp_(freestanding|skeleton|fibre)", entry["command"]):
            layer = layer_of(path, engine)
            if layer not in BELOW:
                wrong.append(f"{path.relative_to(engine)} belongs to no layer")
            else:
                commands.setdefault(layer, entry)

    headers = {}
    for path in sorted(engine.rglob("*.h")):
        layer = layer_of(path, engine)
        if layer in BELOW:
            headers.setdefault(layer, []).append(path.name)

    for layer, entry in sorted(commands.items()):
        may_see = visible_from(layer)
        names_seen = {name for seen in may_see for name in headers.get(seen, [])}
        for other, names in sorted(headers.items()):
            for name in names:
                tried += 1
                if other not in may_see and name in names_seen:
                    wrong.append(f"{other}/{name} has the name of a header that layer {layer} sees; rename one")
                elif preprocess(entry["command"], entry["directory"], name) != (other in may_see):
                    wrong.append(f"layer {layer} {'cannot' if other in may_see else 'can'} include {other}/{name}")

    for line in wrong:
        print(line)
    print(f"{len(commands)} layers with sources, {tried} includes tried")
    return 1 if wrong or not commands else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
