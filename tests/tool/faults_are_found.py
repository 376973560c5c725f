# SPDX-License-Identifier: BSD-2-Clause
"""The demo's account is real: an item that is lost, one that runs twice, and both at once end with status 1."""

import json
import os
import tempfile

from tool import expect, run


def account(fault):
    with tempfile.TemporaryDirectory() as folder:
        numbers = os.path.join(folder, "numbers.json")
        done = run("demo", "--backend", "sim", "--processors", "2", "--seconds", "1", "--json", numbers,
                   prefix=("env", f"SEEDED_FAULT={fault}"))
        with open(numbers) as file:
            return done, json.load(file)


for fault, lost, doubled in (("none", 0, 0), ("lose", 1, 0), ("double", 0, 1), ("both", 1, 1)):
    done, result = account(fault)
    expect((result["items"]["lost"], result["items"]["doubled"]) == (lost, doubled), f"{fault}: found", done)
    expect(done.status == (1 if lost or doubled else 0), f"{fault}: the status tells", done)
    expect(result["fine"] == result["checksum"]["equal"] == (fault == "none"), f"{fault}: not fine", done)
    expect(("NOT fine" in done.out) == (fault != "none"), f"{fault}: said to the person", done)
