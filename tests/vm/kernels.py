# SPDX-License-Identifier: BSD-2-Clause
"""Debian's kernels: taken out of their packages, not installed.

The cloud flavours have what we need built in: processor and memory hot-plug, ACPI, serial ports, devtmpfs, namespaces. Only
TUN/TAP is a module, which is kept beside its kernel.
"""
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS_MOST = 300  # of one call of the package manager; without a network it waits
METAPACKAGES = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}


class NoKernel(Exception):
    """It cannot be had; the text says what to do."""


def tun_of(kernel):
    """Where the module of a kernel is."""
    return kernel.with_name(kernel.name.replace("vmlinuz-", "tun-", 1) + ".ko")


def here(folder, series):
    """The newest of this series that was taken out before, with its module, or None."""
    found = [path for path in Path(folder).glob(f"vmlinuz-{series}.*") if tun_of(path).exists()]
    return max(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)], default=None)


def ask(*command, **options):
    """The package manager, which may be missing or wait for a network for ever."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MOST, **options)
    except FileNotFoundError:
        raise NoKernel(f"no {command[0]} here; put kernels into build/vm/kernels, named vmlinuz-6.1.N and "
                       "vmlinuz-6.12.N, each with its tun.ko, named tun-6.1.N.ko and tun-6.12.N.ko") from None
    except subprocess.TimeoutExpired:
        raise NoKernel(f"{command[0]} did not end within {SECONDS_MOST} s; is there a network?") from None


def package_of(metapackage):
    listing = ask("apt-cache", "depends", "--important", metapackage)
    found = re.search(r"Depends: (linux-image-\S+)", listing.stdout)
    return found and found.group(1)


def refresh_lists():
    if os.geteuid() == 0:
        print("vm: reading the package lists anew", file=sys.stderr)
        ask("apt-get", "-qq", "update")


def download(package, folder):
    done = ask("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package, cwd=folder)
    packages = list(Path(folder).glob("*.deb"))
    if done.returncode or not packages:
        raise NoKernel(f"cannot download {package}: {done.stderr.strip()}; is there a network, are the package lists fresh "
                       "(apt-get update)?")
    return packages[0]


def take_out(deb, version, folder):
    """The kernel, and its module unpacked; the kernel last, so that where it is the module is too."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        contents = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
        done = subprocess.run(["tar", "-xf", "-", "-C", work, "--wildcards", f"./boot/vmlinuz-{version}", "*/drivers/net/tun.ko*"],
                              stdin=contents.stdout, stderr=subprocess.DEVNULL)
        contents.stdout.close()
        kernel, modules = Path(work, f"boot/vmlinuz-{version}"), list(Path(work).rglob("tun.ko*"))
        if contents.wait() and done.returncode or not kernel.exists() or not modules:
            raise NoKernel(f"{deb.name} holds no ./boot/vmlinuz-{version}, or no tun.ko")
        module = modules[0].read_bytes()
        target = folder / kernel.name
        tun_of(target).write_bytes(lzma.decompress(module) if modules[0].suffix == ".xz" else module)
        shutil.move(kernel, target)


def get(folder, series):
    """The path of a kernel of this series; downloads it when there is none in the folder, or none with its module."""
    found = here(folder, series)
    if found:
        return found
    package = package_of(METAPACKAGES[series])
    if not package:
        refresh_lists()
        package = package_of(METAPACKAGES[series])
    if not package:
        raise NoKernel(f"the package lists have no {METAPACKAGES[series]}: apt-get update; is this Debian 12?")
    Path(folder).mkdir(parents=True, exist_ok=True)
    version = package.replace("linux-image-", "", 1)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        try:
            deb = download(package, work)
        except NoKernel:
            refresh_lists() # they may name a package that has been replaced
            deb = download(package_of(METAPACKAGES[series]) or package, work)
            version = deb.name.split("_")[0].replace("linux-image-", "", 1)
        take_out(deb, version, Path(folder))
    return here(folder, series)
