# SPDX-License-Identifier: BSD-2-Clause
#
# dhp_options: what all our own code is compiled with. Third-party code (CK under TSan) gets the sanitizer only, which
# is therefore set for the whole directory tree.

set(warnings
  -Wall -Wextra -Wconversion -Wshadow -Wundef -Wpointer-arith -Wcast-qual -Wvla)
set(warnings_of_c
  -Wstrict-prototypes -Wmissing-prototypes)

add_library(dhp_options INTERFACE)
target_compile_definitions(dhp_options INTERFACE DHP_CHECKS=${DHP_CHECKS})
target_compile_options(dhp_options INTERFACE
  ${warnings} "$<$<COMPILE_LANGUAGE:C>:${warnings_of_c}>" "$<$<BOOL:${DHP_WERROR}>:-Werror>")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  add_compile_options(-mcx16) # the 16-byte compare-and-swap, which every x86-64 we run on has

  # Processors of Intel's Skylake family do not keep decoded code in which a jump lies across or at the end of 32 bytes (their
  # erratum SKX102), so that the same loop takes half as long again wherever the linker puts it badly.
  include(CheckCCompilerFlag)
  check_c_compiler_flag(-mbranches-within-32B-boundaries DHP_COMPILER_ALIGNS_JUMPS)
  check_c_compiler_flag(-Wa,-mbranches-within-32B-boundaries DHP_ASSEMBLER_ALIGNS_JUMPS)
  if(DHP_COMPILER_ALIGNS_JUMPS)
    set(align_jumps -mbranches-within-32B-boundaries)
  elseif(DHP_ASSEMBLER_ALIGNS_JUMPS)
    set(align_jumps -Wa,-mbranches-within-32B-boundaries)
  endif()
  add_compile_options("$<$<AND:$<CONFIG:Release>,$<OR:$<COMPILE_LANGUAGE:C>,$<COMPILE_LANG_AND_ID:CXX,${CMAKE_C_COMPILER_ID}>>>:${align_jumps}>")
endif()

if(DHP_SANITIZE STREQUAL "address,undefined")
  set(sanitizer -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(DHP_SANITIZE STREQUAL "thread")
  set(sanitizer -fsanitize=thread)
elseif(DHP_SANITIZE STREQUAL "integer")
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "DHP_SANITIZE=integer needs clang: configure with the preset integer")
  endif()
  # In the engine also what C allows: an unsigned number that wraps, a conversion that loses something. Where that is meant:
  # DHPI_WRAPS in base.h. A shift to the left loses bits everywhere, and shall.
  set(sanitizer -fsanitize=undefined -fno-sanitize-recover=all)
  set(sanitizer_of_engine -fsanitize=integer,implicit-conversion -fno-sanitize=unsigned-shift-base -fno-sanitize-recover=all)
elseif(DHP_SANITIZE STREQUAL "fuzzer")
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "DHP_SANITIZE=fuzzer needs clang: run tools/install-deps --for fuzz, configure with the preset fuzz")
  endif()
  # Prepared for libFuzzer; only the programs of tests/fuzz link it.
  set(sanitizer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
elseif(DHP_SANITIZE)
  message(FATAL_ERROR "DHP_SANITIZE is ${DHP_SANITIZE}; it can be empty, address,undefined, thread, integer or fuzzer")
endif()
if(DHP_SANITIZE)
  # -O1: what races or overflows at -O0 is often slow to reach, and -O2 loses frames of the report.
  add_compile_options(${sanitizer} -O1 -fno-omit-frame-pointer)
  add_link_options(${sanitizer})
endif()
