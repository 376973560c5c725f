# SPDX-License-Identifier: BSD-2-Clause
"""examples/kmod, built for the kernels of the guest against Debian's headers, which are unpacked, not installed."""
import re
import subprocess
import tempfile
from pathlib import Path

import kernels

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "examples/kmod/build"
SOURCES = ("engine", "include", "examples/kmod", "tests/port")
SECONDS_MOST = 300  # of one build; on a quiet machine it takes 10
KINDS = {"plain": [], "faults": ["DHP_KERNEL_FAULTS=y"]}


class NotBuilt(Exception):
    """The module cannot be built; the text has the compiler's words."""


def version_of(kernel):
    return kernel.name.replace("vmlinuz-", "", 1)


def packages_of(version):
    """Of the headers, in the package lists; they go with the kernel of exactly this version."""
    package = f"linux-headers-{version}"
    listing = kernels.ask("apt-cache", "depends", "--important", package).stdout
    needed = re.findall(r"Depends: (linux-headers-\S+-common|linux-kbuild-\S+)", listing)
    return [package, *needed] if len(needed) == 2 else None


def unpack(version, folder):
    packages = packages_of(version)
    if not packages:
        kernels.refresh_lists()
        packages = packages_of(version)
    if not packages:
        raise kernels.NoKernel(f"the package lists have no headers of {version} any more; remove build/vm/kernels/vmlinuz-{version}, "
                               "and the newest kernel is fetched")
    for package in packages:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            subprocess.run(["dpkg-deb", "-x", str(kernels.download(package, work)), str(folder)], check=True)


def headers_of(version, folder):
    """Where the headers of this kernel are; downloads them when they are not in the folder."""
    target = folder / version
    headers = f"usr/src/linux-headers-{version}"
    if target.exists():
        return target / headers
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        root = Path(work, "root")
        root.mkdir()
        unpack(version, root)
        makefile = root / headers / "Makefile"  # the one place with an absolute path
        makefile.write_text(makefile.read_text().replace("include /usr/src/", f"include {target.resolve()}/usr/src/"))
        root.rename(target)
    return target / headers


def newest_source():
    return max(path.stat().st_mtime for folder in SOURCES for path in Path(ROOT, folder).rglob("*"))


def build(kernel, kind, out):
    """The module for this kernel, made anew if it is older than a source."""
    version = version_of(kernel)
    target = out / "modules" / version / kind
    module = target / "dhp_kmod.ko"
    if module.exists() and module.stat().st_mtime > newest_source():
        return module
    command = [str(BUILD), str(headers_of(version, out / "headers")), str(target), *KINDS[kind]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=SECONDS_MOST)
    if done.returncode:
        raise NotBuilt(f"{' '.join(command)} ends with status {done.returncode}:\n{done.stdout}")
    if "warning" in done.stdout:
        raise NotBuilt(f"{' '.join(command)} warns:\n{done.stdout}")
    return module
