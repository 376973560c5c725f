# SPDX-License-Identifier: BSD-2-Clause
"""A system that refuses to change affinities: dhp demo says so, with status 2. The second argument is what refuses."""

import sys

from tool import SKIPPED, allowed_cpus, refused

if len(allowed_cpus()) < 2:
    print("skipped: this process may use one CPU only")
    sys.exit(SKIPPED)


def without(whose):
    return "env", f"LD_PRELOAD={sys.argv[2]}", f"REFUSE_AFFINITY={whose}"


refused("demo", "--seconds", "1", prefix=without("self"),
        says=["cannot confine this process", "Operation not permitted", "--backend sim"])
refused("demo", "--seconds", "1", prefix=without("parent"),
        says=[f"cpu {allowed_cpus()[1]} could not be allowed", "Operation not permitted"])
