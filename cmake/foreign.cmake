# SPDX-License-Identifier: BSD-2-Clause
#
# What i386.cmake and arm64.cmake share: the compilers of Debian's cross packages, and Concurrency Kit and cmocka where
# tools/fetch-foreign unpacks them.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_CXX_COMPILER ${triple}-g++)

set(foreign "${CMAKE_CURRENT_LIST_DIR}/../build/foreign/${architecture}")
execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/../tools/fetch-foreign" ${architecture} RESULT_VARIABLE fetched)
if(NOT fetched EQUAL 0)
  message(FATAL_ERROR "Concurrency Kit and cmocka for ${architecture} could not be had: see above")
endif()

list(APPEND CMAKE_FIND_ROOT_PATH "${foreign}" /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE ${libraries})
set(ENV{PKG_CONFIG_LIBDIR} "${foreign}/usr/lib/${libraries}/pkgconfig")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${foreign}")
