# SPDX-License-Identifier: BSD-2-Clause
"""The guest's file system: busybox, our init, and programs with the libraries they need."""
import gzip
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path


def libraries(program):
    """Absolute paths of what a program loads, its loader included; none for a static one."""
    listing = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return re.findall(r"(?:^|\s)(/\S+) \(0x", listing, flags=re.M)


def put(root, source, target):
    path = Path(root, target.lstrip("/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    path.chmod(0o755)


def build(path, init, programs):
    """Writes the archive. programs: {path in the guest: file}."""
    busybox = shutil.which("busybox")
    if libraries(busybox):
        raise FileNotFoundError("busybox is not static: tools/install-deps --for vm")
    with tempfile.TemporaryDirectory() as root:
        put(root, busybox, "/bin/busybox")
        put(root, init, "/init")
        for target, source in programs.items():
            put(root, source, target)
            for library in libraries(source):
                put(root, library, library)
        # Relative names with directories first, so that the kernel can make each file when it comes to it.
        names = sorted(os.path.relpath(os.path.join(folder, name), root)
                       for folder, folders, files in os.walk(root) for name in folders + files)
        archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=root, check=True,
                                 input="".join(name + "\n" for name in names).encode(), stdout=subprocess.PIPE).stdout
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(archive)
