# Warnings are errors. -ffp-contract=off: PromQL's answers must not depend on fused multiply-add.
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 in libstdc++'s own strings and optionals at -O2.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-array-bounds)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # A designated initializer names what differs from the defaults; g++ sees it the same way.
  # std::stable_sort of libstdc++ 12 itself calls what that library declares deprecated.
  add_compile_options(-Wno-missing-designated-field-initializers -Wno-deprecated-declarations)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-march=x86-64-v2)
  # For modules. Staleness markers and absent values are signaling NaNs: a move through an x87
  # register, which g++ chooses at times, would make other NaNs of them. clang++ never does, and
  # does not take its own library's long double without them.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(NO_X87 -mno-80387)
  endif()
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

if(TRIBUTARY_SANITIZE STREQUAL "thread")
  # Asio has fences, which the sanitizer does not see and g++ therefore warns of.
  add_compile_options(-Wno-tsan)
endif()
if(TRIBUTARY_SANITIZE)
  add_compile_options(-fsanitize=${TRIBUTARY_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=${TRIBUTARY_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Build folders and clones share their results: their own paths are not part of the key. The
  # rest is what precompiled headers need.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_MAXSIZE=5G ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
# Debian's versioned lld has its plain name in a folder of its own.
find_program(LD_LLD ld.lld PATHS /usr/lib/llvm-19/bin)
if(LD_LLD)
  get_filename_component(LD_LLD_DIR ${LD_LLD} DIRECTORY)
  add_link_options(-fuse-ld=lld -B${LD_LLD_DIR})
endif()
