# SPDX-License-Identifier: BSD-2-Clause
#
# AArch64, run by qemu-user. That shows what does not compile or rests on x86 without need; the orders of the emulated processor
# are those of this machine.

set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(architecture arm64)
set(triple aarch64-linux-gnu)
set(libraries aarch64-linux-gnu)
include("${CMAKE_CURRENT_LIST_DIR}/foreign.cmake")

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/${triple} -E LD_LIBRARY_PATH=${foreign}/usr/lib/${libraries})
