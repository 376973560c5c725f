# SPDX-License-Identifier: BSD-2-Clause
#
# Finds Concurrency Kit: CK_FOUND, CK_VERSION, CK_INCLUDE_DIR, CK_LIBRARY and the target CK::ck. Installed next to
# dhpConfig.cmake too, because a program that links the static libdhp has to link CK itself.
#
# The flags of ck.pc are not used: they define macros that the compiler defines already.

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(PC_CK QUIET ck)
endif()

find_path(CK_INCLUDE_DIR ck_pr.h HINTS ${PC_CK_INCLUDEDIR} ${PC_CK_INCLUDE_DIRS})
find_library(CK_LIBRARY ck HINTS ${PC_CK_LIBDIR} ${PC_CK_LIBRARY_DIRS})
mark_as_advanced(CK_INCLUDE_DIR CK_LIBRARY)

if(CK_INCLUDE_DIR AND EXISTS "${CK_INCLUDE_DIR}/ck_md.h")
  file(STRINGS "${CK_INCLUDE_DIR}/ck_md.h" ck_version_line REGEX "^#define CK_VERSION ")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" CK_VERSION "${ck_version_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CK
  REQUIRED_VARS CK_LIBRARY CK_INCLUDE_DIR
  VERSION_VAR CK_VERSION
  REASON_FAILURE_MESSAGE "Concurrency Kit is missing (Debian: libck-dev)")

if(CK_FOUND AND NOT TARGET CK::ck)
  add_library(CK::ck UNKNOWN IMPORTED)
  set_target_properties(CK::ck PROPERTIES
    IMPORTED_LOCATION "${CK_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${CK_INCLUDE_DIR}")
endif()
