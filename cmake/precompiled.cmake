# Headers of libraries that most files read are read once: by module base for the modules, by its
# test for the tests. Files still include what they use: clang++ (fuzzing, clang-tidy,
# tools/check_thread_safety) compiles without this and notices what is missing.
set(PRECOMPILED <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <functional> <map> <memory>
                <optional> <random> <ranges> <span> <string> <string_view> <thread> <utility>
                <variant> <vector> <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h>
                <fmt/format.h>)
set(PRECOMPILED_FOR_TESTS ${PRECOMPILED} <filesystem> <fstream> <gmock/gmock.h> <gtest/gtest.h>)

# RE2 asks for it, and the flags must be the same everywhere.
add_compile_options(-pthread)

# precompile(target owner headers): the owner brings them, all others have its. All must be compiled
# with the same flags, or the compiler says so.
function(precompile target owner headers)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${headers})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
