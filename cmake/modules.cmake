# add_module(name DEPS modules LIBS libraries): the folder src/<name> as library tributary::<name>.
# Beside the sources stand their tests (*_test.cc, one executable <name>_test), micro-benchmarks
# (*_bench.cc, <name>_bench) and fuzz targets (*_fuzz.cc, one executable each). src/app/main is the
# program itself and no part of the library.
function(add_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${dir}/*.cc)
  list(FILTER all EXCLUDE REGEX "/app/main/")
  set(sources ${all})
  set(tests ${all})
  set(benches ${all})
  set(fuzzers ${all})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  list(TRANSFORM arg_DEPS PREPEND tributary::)
  if(sources)
    add_library(tributary_${name} STATIC ${sources})
    target_compile_options(tributary_${name} PRIVATE ${NO_X87})
    precompile(tributary_${name} tributary_base "${PRECOMPILED}")
    set(scope PUBLIC)
  else()
    add_library(tributary_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(tributary::${name} ALIAS tributary_${name})
  target_include_directories(tributary_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(tributary_${name} ${scope} ${arg_DEPS} ${arg_LIBS} Threads::Threads)

  if(TRIBUTARY_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE tributary::${name} GTest::gmock GTest::gtest_main)
    register_gtest(${name}_test)
  endif()
  if(TRIBUTARY_MICROBENCH AND benches)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE tributary::${name} benchmark::benchmark_main)
  endif()
  foreach(fuzzer ${fuzzers})
    get_filename_component(target ${fuzzer} NAME_WE)
    add_fuzz_target(${target} ${fuzzer} tributary::${name})
  endforeach()
endfunction()

# Each test case is a test of ctest's, found when ctest runs.
function(register_gtest target)
  precompile(${target} base_test "${PRECOMPILED_FOR_TESTS}")
  target_compile_options(${target} PRIVATE -O0)  # what is tested is optimised; this builds faster
  include(GoogleTest)
  # From there the paths of sources lead to them, which the compiler's cache has made relative.
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       WORKING_DIRECTORY ${CMAKE_BINARY_DIR} PROPERTIES TIMEOUT 300 ${ARGN})
endfunction()

# With TRIBUTARY_FUZZ, a libFuzzer program. Otherwise the same code replays its corpus
# (tests/fuzz/corpus/<target>/) as a test, so that no finding comes back.
function(add_fuzz_target target source library)
  if(TRIBUTARY_FUZZ)
    add_executable(${target} ${source})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_libraries(${target} PRIVATE ${library})
  elseif(TRIBUTARY_TESTS)
    add_executable(${target}_replay ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    target_link_libraries(${target}_replay PRIVATE ${library})
    add_test(NAME fuzz_corpus.${target}
             COMMAND ${target}_replay ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${target})
  endif()
endfunction()
