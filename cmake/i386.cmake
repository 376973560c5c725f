# SPDX-License-Identifier: BSD-2-Clause
#
# 32-bit x86, run by a 64-bit kernel itself; the cross packages have the C library and its loader where nobody looks.

set(CMAKE_SYSTEM_PROCESSOR i686)
set(architecture i386)
set(triple i686-linux-gnu)
set(libraries i386-linux-gnu)
include("${CMAKE_CURRENT_LIST_DIR}/foreign.cmake")

add_compile_options(-Wno-psabi) # notes about compilers older than those that we know
add_compile_definitions(__x86__) # as in ck.pc, of which nothing else is used
add_link_options(
  "LINKER:--dynamic-linker=/usr/${triple}/lib/ld-linux.so.2" "LINKER:-rpath,/usr/${triple}/lib")
