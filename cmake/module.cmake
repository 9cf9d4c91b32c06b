# relevo_module([DEPENDS modules...] [LIBRARIES targets...] [PRECOMPILE headers...])
#
# The one way to declare a module: called by the CMakeLists.txt of its folder, it builds
#   NAME.cc        into the module's static library (target lib_smtp for lib/smtp),
#   NAME_test.cc   into one test program per module,
#   NAME_fuzz.cc   into one libFuzzer program each (preset fuzz).
# DEPENDS lists the modules whose headers it may include; tools/check_layers holds every #include against it. PRECOMPILE lists
# headers of its own that most of its library includes and that take longer to read than the rest.
function(relevo_module)
    cmake_parse_arguments(MODULE "" "" "DEPENDS;LIBRARIES;TEST_DEPENDS;TEST_LIBRARIES;PRECOMPILE" ${ARGN})
    file(RELATIVE_PATH path "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
    string(REPLACE "/" "_" target "${path}")
    string(REGEX MATCH "^[a-z]+" layer "${path}")

    file(GLOB sources CONFIGURE_DEPENDS *.cc)
    file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
    file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cc)
    list(REMOVE_ITEM sources ${tests} ${fuzzers})

    list(TRANSFORM MODULE_DEPENDS REPLACE "/" "_")
    list(TRANSFORM MODULE_TEST_DEPENDS REPLACE "/" "_")
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC relevo_options ${MODULE_DEPENDS} ${MODULE_LIBRARIES})
        relevo_precompiled_header(${target} ${layer} ${MODULE_PRECOMPILE})
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE relevo_options ${MODULE_DEPENDS} ${MODULE_LIBRARIES})
    endif()

    if(tests AND RELEVO_TESTS)
        add_executable(${target}_test ${tests})
        target_link_libraries(${target}_test PRIVATE ${target} ${MODULE_TEST_DEPENDS} ${MODULE_TEST_LIBRARIES}
                              GTest::gmock GTest::gtest_main)
        target_compile_definitions(${target}_test PRIVATE RELEVO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
        set_target_properties(${target}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
        relevo_precompiled_header(${target}_test ${layer} TESTS)
        add_test(NAME ${target} COMMAND ${target}_test WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    endif()

    if(RELEVO_FUZZERS)
        foreach(fuzzer ${fuzzers})
            get_filename_component(name ${fuzzer} NAME_WE)
            add_executable(${target}_${name} ${fuzzer})
            target_link_libraries(${target}_${name} PRIVATE ${target} ${MODULE_TEST_DEPENDS})
            target_link_options(${target}_${name} PRIVATE -fsanitize=fuzzer)
            set_target_properties(${target}_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
            relevo_precompiled_header(${target}_${name} ${layer})
            add_dependencies(fuzzers ${target}_${name})
        endforeach()
    endif()
endfunction()

# One precompiled header per layer: the standard library for all, Asio's coroutines from core upwards; tests (third argument
# TESTS) have GoogleTest on top, which takes longer to read than most of them. A module that names headers of its own instead has
# them in one that nobody shares.
function(relevo_precompiled_header target layer)
    set(own ${ARGN})
    list(REMOVE_ITEM own TESTS)
    if(layer STREQUAL "lib")
        set(header lib)
    else()
        set(header asio)
    endif()
    set(headers <algorithm> <array> <chrono> <cstddef> <cstdint> <expected> <functional> <map> <memory> <optional>
                <span> <string> <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
    if(header STREQUAL "asio")
        list(APPEND headers <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
                            <boost/asio/post.hpp> <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>)
    endif()
    if("TESTS" IN_LIST ARGN)
        string(APPEND header _test)
        list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    if(own)
        target_precompile_headers(${target} PRIVATE ${headers} ${own})
        return()
    endif()
    if(NOT TARGET relevo_pch_${header})
        file(WRITE "${CMAKE_BINARY_DIR}/pch_${header}.cc" "")
        add_library(relevo_pch_${header} STATIC "${CMAKE_BINARY_DIR}/pch_${header}.cc")
        target_link_libraries(relevo_pch_${header} PRIVATE relevo_options)
        if("TESTS" IN_LIST ARGN)
            target_link_libraries(relevo_pch_${header} PRIVATE GTest::gmock)
        endif()
        target_precompile_headers(relevo_pch_${header} PRIVATE ${headers})
    endif()
    target_precompile_headers(${target} REUSE_FROM relevo_pch_${header})
endfunction()
