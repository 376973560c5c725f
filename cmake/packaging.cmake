# SPDX-License-Identifier: BSD-2-Clause
#
# What an outside program gets: headers, both libraries, dhp.pc and a CMake package. Nothing of it holds an absolute
# path (unless CMAKE_INSTALL_LIBDIR is one), so an installed tree can be moved.

include(CMakePackageConfigHelpers)

install(TARGETS dhp_shared dhp_static EXPORT dhpTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/dhp")
install(EXPORT dhpTargets NAMESPACE dhp:: DESTINATION "${package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/dhpConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/package/dhpConfig.cmake" INSTALL_DESTINATION "${package_dir}"
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a minor release may break a program.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/dhpConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/package/dhpConfig.cmake"
  "${PROJECT_BINARY_DIR}/package/dhpConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindCK.cmake"
  DESTINATION "${package_dir}")

if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH pc_up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
  set(pc_prefix "\${pcfiledir}/${pc_up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_libs_private "-lck -pthread")
get_filename_component(ck_libdir "${CK_LIBRARY}" DIRECTORY)
if(NOT ck_libdir IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
  string(PREPEND pc_libs_private "-L${ck_libdir} ")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/dhp.pc.in" "${PROJECT_BINARY_DIR}/package/dhp.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/dhp.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
