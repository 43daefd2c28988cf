# SPDX-License-Identifier: GPL-3.0-or-later
# What every target of the project shares: warnings, sanitizers, compiler cache, fast linker, include root.
find_program(ATTNSCOPE_CCACHE ccache)
set(cache_usable OFF)
if(ATTNSCOPE_CCACHE)
  # Without a folder it can write to (a user without a home), ccache fails instead of compiling.
  execute_process(COMMAND sh -c "folder=$(\"$0\" --get-config cache_dir) && mkdir -p \"$folder\" && test -w \"$folder\"" ${ATTNSCOPE_CCACHE}
    RESULT_VARIABLE failed ERROR_QUIET)
  if(failed EQUAL 0)
    set(cache_usable ON)
  endif()
endif()
if(cache_usable)
  # Two build trees share one cache; precompiled headers need the sloppiness.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${ATTNSCOPE_CCACHE})
endif()
find_program(ATTNSCOPE_MOLD mold)
if(ATTNSCOPE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_feature_info(ccache cache_usable "makes a second build fast")
add_feature_info(mold ATTNSCOPE_MOLD "links fast")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
if(ATTNSCOPE_SANITIZE STREQUAL "address+undefined")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(ATTNSCOPE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

# attnscope_library(name [dir]): a static library of all sources below a folder, found again whenever a file is added.
function(attnscope_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  add_library(${name} STATIC ${sources})
  attnscope_defaults(${name})
endfunction()

function(attnscope_defaults target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Wno-restrict -Wno-stringop-overflow> # GCC 12 sees overlaps and overflows in std::string that are not there (PR 105651)
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${ATTNSCOPE_WERROR}>>:-Werror>)
endfunction()

# A source file that is added later must be scanned for Q_OBJECT too: CMake 3.25 doesn't rerun moc's scan for it by itself.
function(attnscope_rescan_moc target)
  set_property(TARGET ${target} APPEND PROPERTY AUTOGEN_TARGET_DEPENDS
    ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}_autogen.dir/AutogenInfo.json)
endfunction()
