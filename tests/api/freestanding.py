#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the engine without its environment leaves undefined is the contract of a port: no more and no less.

    freestanding.py ROOT NM OBJECT...
    freestanding.py --self-test

The contract: every function that engine/port/port.h declares, the end of a failed check, the machine's backend, and what
a compiler calls by itself. Also: no object holds a thread-local variable.
"""
import re
import subprocess
import sys
from pathlib import Path

BESIDES = {
    "dhpi_check_failed": "base.h",
    "dhpi_backend_machine": "backend.h",
}
COMPILERS = {"memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}


def declared(header):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    return set(re.findall(r"^\w[\w \t*]*?\b(port_\w+)\(", text, flags=re.M))


def symbols(listing):
    """By `nm -P`: name, kind. Gives what is undefined in the sum of all objects, and the thread-local variables."""
    wanted, there, local = set(), set(), set()
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) < 2 or fields[0].endswith(":"):
            continue
        name, kind = fields[:2]
        (wanted if kind in "Uvw" else there).add(name)
    return wanted - there


def thread_local(listing):
    """By `readelf -sW`: the names of symbols of type TLS."""
    return {fields[7] for fields in map(str.split, listing.splitlines()) if len(fields) > 7 and fields[3] == "TLS"}


def compare(undefined, contract):
    faults = [f"the core calls {name}, which is in no contract of a port" for name in sorted(undefined - contract - COMPILERS)]
    faults += [f"{name} is in the contract of a port, and the core never uses it" for name in sorted(contract - undefined)]
    return faults


def self_test():
    header = "/* port_not(this) */\nvoid *port_alloc(size_t bytes); /* or port_that(x) */\nbool port_touch(void *p,\n\tint x);\n"
    contract = declared(header)
    assert contract == {"port_alloc", "port_touch"}, contract
    listing = "a.o:\nf T 0 1\nport_alloc U\nb.o:\nport_touch U\nf U\nmemset U\n"
    assert compare(symbols(listing), contract) == []
    assert "malloc" in compare(symbols(listing + "malloc U\n"), contract)[0]
    assert "port_touch" in compare(symbols(listing.replace("port_touch U\n", "")), contract)[0]
    assert thread_local("  5: 0000 4 TLS LOCAL DEFAULT 8 mine\n  6: 0000 4 OBJECT LOCAL DEFAULT 8 other\n") == {"mine"}


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    root, nm, *objects = sys.argv[1:]
    undefined = symbols(subprocess.run([nm, "-P", *objects], check=True, capture_output=True, text=True).stdout)
    contract = declared((Path(root) / "engine/port/port.h").read_text()) | set(BESIDES)
    faults = compare(undefined, contract)
    elf = subprocess.run(["readelf", "-sW", *objects], check=True, capture_output=True, text=True).stdout
    faults += [f"{name} is thread-local" for name in sorted(thread_local(elf))]
    print(f"{len(objects)} objects, {len(undefined & contract)} undefined symbols, all of the contract:" if not faults else "")
    print("\n".join(faults or sorted(undefined)))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
