# SPDX-License-Identifier: BSD-2-Clause
"""A file that cannot be used is named, at once and before anything runs."""

import os
import tempfile

from tool import expect, refused

SIM = ("demo", "--backend", "sim", "--seconds", "0.5")

with tempfile.TemporaryDirectory() as folder:
    absent, empty, good = (os.path.join(folder, name) for name in ("absent", "empty", "good"))
    open(empty, "w").close()
    with open(good, "wb") as file:
        file.write(b"x" * 10000)

    refused(*SIM, absent, says=[f"dhp demo: cannot read {absent}: No such file or directory"])
    refused(*SIM, good, absent, says=[absent])
    refused(*SIM, folder, says=[folder, "directory"])
    refused(*SIM, empty, says=[empty, "empty"])
    refused(*SIM, "/dev/null", says=["/dev/null", "not a regular file"])
    refused(*SIM, "--svg", f"{folder}/no/where.svg", good, says=[f"cannot write {folder}/no/where.svg"])
    refused(*SIM, "--json", folder, good, says=[f"cannot write {folder}"])
    if os.geteuid() != 0:
        os.chmod(good, 0)
        refused(*SIM, good, says=[good, "Permission denied"])

    done = refused("info", "--json", says=["cannot write the output"], status=1, prefix=(
        "sh", "-c", 'exec "$0" "$@" > /dev/full'))
    expect(not done.out, "nothing else", done)
