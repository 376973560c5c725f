# SPDX-License-Identifier: BSD-2-Clause
#
# dhp_freestanding: the engine without its environment. Every folder but the ports and the backend of Linux, compiled as for a
# kernel: no header but the compiler's own and Concurrency Kit's, no thread-local variable, no floating point. What these
# objects leave undefined is the whole of what a port has to bring: tests/api/freestanding.py compares that with port.h.
#
# dhp_skeleton: the same on a port that refuses everything, so that it links: where a new port begins.

set(core base sync percpu work notify rebalance partition partition/sim .)
if(CMAKE_SIZEOF_VOID_P EQUAL 8)
  list(APPEND core wdk)
endif()
set(skeleton port/skeleton partition/skeleton)

set(path ${DHP_PATH_engine} "${PROJECT_SOURCE_DIR}/engine/wdk" "${PROJECT_SOURCE_DIR}/include")
list(FILTER path EXCLUDE REGEX "/(port/${DHP_PORT}|partition/linux)$")
list(APPEND path "${PROJECT_SOURCE_DIR}/engine/port/skeleton")

# Concurrency Kit's headers by themselves: they may share a directory with those of the C library.
set(ck_alone "${PROJECT_BINARY_DIR}/freestanding/ck")
file(GLOB ck_headers "${CK_INCLUDE_DIR}/ck_*.h")
file(COPY ${ck_headers} "${CK_INCLUDE_DIR}/gcc" DESTINATION "${ck_alone}")

# Optimised in a debug build too: otherwise the compiler keeps inline functions of Concurrency Kit's that nobody calls, some of them
# about floating point.
# Given as options: CMake leaves out a directory that the compiler would search by itself.
set(flags -O2 -ffreestanding -fno-stack-protector)
set(system "${ck_alone}")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  execute_process(COMMAND "${CMAKE_C_COMPILER}" -print-file-name=include
    OUTPUT_VARIABLE compilers_own OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND flags -nostdinc)
  list(PREPEND system "${compilers_own}")
else()
  list(APPEND flags -nostdlibinc) # keeps the compiler's own
endif()
list(TRANSFORM system PREPEND "SHELL:-isystem ")
list(APPEND system "SHELL:-idirafter ${PROJECT_SOURCE_DIR}/cmake/freestanding") # behind the compiler's own limits.h
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|aarch64|arm64)$")
  list(APPEND flags -mgeneral-regs-only) # floating point does not compile
endif()

function(dhp_freestanding_objects target)
  set(patterns ${ARGN})
  list(TRANSFORM patterns REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/engine/\\1/*.c")
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  add_library(${target} OBJECT ${sources})
  target_link_libraries(${target} PRIVATE dhp_options)
  target_include_directories(${target} PRIVATE ${path})
  target_compile_options(${target} PRIVATE ${flags} ${system})
endfunction()

dhp_freestanding_objects(dhp_freestanding ${core})
dhp_freestanding_objects(dhp_skeleton_port ${skeleton})
add_library(dhp_skeleton STATIC EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:dhp_freestanding> $<TARGET_OBJECTS:dhp_skeleton_port>)
set_target_properties(dhp_skeleton PROPERTIES LINKER_LANGUAGE C)
