# SPDX-License-Identifier: BSD-2-Clause
#
# dhp_layer(<name> [SEES <layer>...] [FOLDERS <folder>...] [SOURCES <folder>...])
#
# One object library for each folder of the engine. FOLDERS (default: <name>) are the folders whose headers the layer
# offers, SOURCES (default: <name>) those whose *.c files it compiles, both relative to engine/. The include path of a
# layer is its own folders, those of the layers it SEES, and theirs in turn: DHP_PATH_<name>.
#
# Adds the objects to DHP_ENGINE_OBJECTS. A folder without sources is a layer of headers.

function(dhp_layer name)
  cmake_parse_arguments(arg "" "" "SEES;FOLDERS;SOURCES" ${ARGN})
  if(NOT arg_FOLDERS)
    set(arg_FOLDERS ${name})
  endif()
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${name})
  endif()

  set(path ${arg_FOLDERS})
  list(TRANSFORM path PREPEND "${PROJECT_SOURCE_DIR}/engine/")
  list(TRANSFORM path REPLACE "/\\.$" "")
  foreach(lower ${arg_SEES})
    if(NOT DEFINED DHP_PATH_${lower})
      message(FATAL_ERROR "layer ${name} sees ${lower}, which is not below it")
    endif()
    list(APPEND path ${DHP_PATH_${lower}})
  endforeach()
  list(REMOVE_DUPLICATES path)
  set(DHP_PATH_${name} ${path} PARENT_SCOPE)

  set(patterns ${arg_SOURCES})
  list(TRANSFORM patterns REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/engine/\\1/*.c")
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  if(NOT sources)
    return()
  endif()

  string(REPLACE "/" "_" target "dhp_layer_${name}")
  add_library(${target} OBJECT ${sources})
  target_include_directories(${target} PRIVATE ${path} "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(${target} PRIVATE dhp_options dhp_ck Threads::Threads)
  target_compile_options(${target} PRIVATE ${sanitizer_of_engine}) # see options.cmake
  set(DHP_ENGINE_OBJECTS ${DHP_ENGINE_OBJECTS} "$<TARGET_OBJECTS:${target}>" PARENT_SCOPE)
endfunction()
