# Compiler, linker and cache settings common to all targets.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# All programs land in the build folder itself: build/release/perennial.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

find_program(PERENNIAL_CCACHE ccache)
if(PERENNIAL_CCACHE)
  # A precompiled header is only cached with these two sloppiness flags (ccache manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${PERENNIAL_CCACHE})
endif()
find_program(PERENNIAL_MOLD mold)
if(PERENNIAL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(perennial_warnings INTERFACE)
target_compile_options(perennial_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 reports overlaps of memcpy in std::string's operator+ that cannot happen (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(PERENNIAL_WERROR)
  target_compile_options(perennial_warnings INTERFACE -Werror)
endif()

if(PERENNIAL_SANITIZE)
  add_compile_options(-fsanitize=${PERENNIAL_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PERENNIAL_SANITIZE})
  if(PERENNIAL_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
