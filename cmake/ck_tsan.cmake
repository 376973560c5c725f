# SPDX-License-Identifier: BSD-2-Clause
#
# dhp_ck: Concurrency Kit as the engine includes and links it. Ordinarily that is the packaged library. ThreadSanitizer
# cannot see the packaged one (inline assembly in the headers, no instrumentation in the library), so its builds
#   1. put engine/port/tsan/ck_pr.h before CK's own ck_pr.h on the include path, and
#   2. compile CK's own sources with the same flags and link them before -lck.
# With only one of the two, reports come and go from run to run; hence no silent fall-back when the source is missing.

set(DHP_CK_SOURCE "${PROJECT_SOURCE_DIR}/build/ck-source" CACHE PATH
  "Concurrency Kit's source tree; used, and fetched when missing, for DHP_SANITIZE=thread only")

add_library(dhp_ck INTERFACE)
target_link_libraries(dhp_ck INTERFACE CK::ck)
if(NOT DHP_SANITIZE STREQUAL "thread")
  return()
endif()

set(fetch "${PROJECT_SOURCE_DIR}/tools/fetch-ck-source")
execute_process(COMMAND "${fetch}" "${DHP_CK_SOURCE}" RESULT_VARIABLE fetched)
if(NOT fetched EQUAL 0)
  message(FATAL_ERROR
    "The source of Concurrency Kit could not be had, and without it ThreadSanitizer proves nothing about code that "
    "uses it. Either run\n  tools/install-deps --for tsan && tools/fetch-ck-source\non a machine with a network, or "
    "unpack the source of Concurrency Kit ${CK_VERSION} and configure with -DDHP_CK_SOURCE=<that directory>.")
endif()
file(GLOB ck_sources "${DHP_CK_SOURCE}/src/*.c")
if(NOT ck_sources)
  message(FATAL_ERROR "${DHP_CK_SOURCE}/src holds no C file; remove ${DHP_CK_SOURCE} and configure again")
endif()
if(EXISTS "${DHP_CK_SOURCE}/.version")
  file(STRINGS "${DHP_CK_SOURCE}/.version" ck_source_version LIMIT_COUNT 1)
  if(NOT ck_source_version STREQUAL CK_VERSION)
    message(FATAL_ERROR "${DHP_CK_SOURCE} is Concurrency Kit ${ck_source_version}, the installed headers are "
      "${CK_VERSION}; remove that directory and configure again")
  endif()
endif()

set(shim "${PROJECT_SOURCE_DIR}/engine/port/tsan")
add_library(dhp_ck_tsan STATIC ${ck_sources})
target_include_directories(dhp_ck_tsan BEFORE PRIVATE "${shim}")
target_compile_options(dhp_ck_tsan PRIVATE -w) # not our code
set_target_properties(dhp_ck_tsan PROPERTIES C_EXTENSIONS ON C_VISIBILITY_PRESET default)
target_link_libraries(dhp_ck_tsan PRIVATE CK::ck)

target_include_directories(dhp_ck BEFORE INTERFACE "${shim}")
set_property(TARGET dhp_ck PROPERTY INTERFACE_LINK_LIBRARIES dhp_ck_tsan CK::ck)
