# SPDX-License-Identifier: BSD-2-Clause
"""Help goes to stdout with status 0; a mistake is named on stderr with status 2."""

from tool import expect, fine, refused, run

COMMANDS = ["info", "monitor", "demo", "record"]

general = fine("--help")
for command in COMMANDS:
    expect(command in general.out, f"dhp --help names {command}", general)
    own = fine(command, "--help")
    expect(own.out.startswith(f"Usage: dhp {command}"), "a usage line first", own)
    expect("--backend linux|sim" in own.out, "the options", own)
    expect(max(map(len, own.out.splitlines())) <= 110, "lines that fit a window", own)
    expect(fine(command, "--json=x", "--help").status == 0 if command == "demo" else True, "--help anywhere")
expect(fine("--version").out.startswith("dhp "), "dhp --version")

nothing = run()
expect(nothing.status == 2 and "Usage" in nothing.err and not nothing.out, "no command: usage on stderr", nothing)

refused("fly", says=["unknown command fly", "demo"])
for command in COMMANDS:
    file = ("/dev/null",) if command == "record" else ()
    refused(command, "--colour", says=[f"dhp {command}: ", "--colour", "--help"])
    refused(command, "-x", says=["-x"])
    refused(command, "--backend", "vax", says=["--backend vax", "linux|sim"])
    refused(command, "--backend", says=["--backend needs a value"])
    refused(command, "--backend", "sim", "--processors", "0", says=["--processors 0", "1 to 4096"])
    refused(command, "--backend", "sim", "--processors", "many", says=["--processors many"])
    refused(command, "--backend", "sim", "--processors", "-1", says=["--processors -1"])
    refused(command, "--backend", "sim", "--groups", "3,99", *file, says=["--groups 3,99", "1 to 64"])
    refused(command, "--backend", "sim", "--groups", "", *file, says=["--groups"])
    refused(command, "--backend", "sim", "--seed", "soon", says=["--seed soon"])
    refused(command, "--processors", "3", says=["--backend sim"])
for command in ("info", "monitor"):
    refused(command, "file", says=["file", "options only"])
    refused(command, "--json=yes", says=["--json takes no value"])

refused("monitor", "--seconds", "nan", says=["--seconds nan"])
refused("monitor", "--seconds", "-3", says=["--seconds -3"])
refused("monitor", "--fail-one-in", "3", says=["--fail-one-in", "--backend sim"])
refused("demo", "--seconds", "0", says=["--seconds 0"])
refused("demo", "--backend", "sim", "--processors", "1", says=["--processors 1", "at least 2"])
refused("demo", "--backend", "sim", "--step-seconds", "2", "--seconds", "3", says=["--step-seconds 2", "--seconds 8"])
refused("demo", "--backend", "sim", "--processors", "4000", "--seconds", "1", says=["--seconds 1", "too short"])
