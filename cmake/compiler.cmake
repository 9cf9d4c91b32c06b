# Compiler, warnings, sanitizers, linker, ccache. Reference: Clang 19 with libstdc++ (docs/decisions/0001).
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

option(RELEVO_TESTS "Build the tests" ON)
option(RELEVO_FUZZERS "Build the libFuzzer targets; without tests beside them they can search, otherwise they replay seeds" OFF)
set(RELEVO_OPTIMISE "" CACHE STRING "Optimisation flag of debug builds")
set(RELEVO_SANITIZE "" CACHE STRING "Value of -fsanitize=")

add_library(relevo_options INTERFACE)
target_compile_options(relevo_options INTERFACE
    -Wall -Wextra -Wno-missing-designated-field-initializers -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough -Wthread-safety
    -Werror -fno-omit-frame-pointer ${RELEVO_OPTIMISE})
target_include_directories(relevo_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(relevo_options INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX
    RELEVO_VERSION="${PROJECT_VERSION}")
target_link_options(relevo_options INTERFACE -fuse-ld=lld)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong")
set(CMAKE_CXX_FLAGS_DEBUG "-g1 -D_GLIBCXX_ASSERTIONS")
target_compile_options(relevo_options INTERFACE -fPIE)
target_link_options(relevo_options INTERFACE "$<$<CONFIG:Release>:-pie;-Wl,-z,relro,-z,now>")

if(RELEVO_SANITIZE)
    target_compile_options(relevo_options INTERFACE -fsanitize=${RELEVO_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(relevo_options INTERFACE -fsanitize=${RELEVO_SANITIZE})
endif()
add_custom_target(fuzzers)  # all of them, and nothing else
if(RELEVO_FUZZERS AND NOT RELEVO_TESTS)
    target_compile_options(relevo_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(RELEVO_CCACHE ccache)
if(RELEVO_CCACHE)
    # Depend mode takes the headers from the compiler instead of preprocessing first: a fifth of the time of a cold cache.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${RELEVO_CCACHE})
    # Without this Clang stores the time of each header in the precompiled one, and ccache never hits.
    target_compile_options(relevo_options INTERFACE -Xclang -fno-pch-timestamp)
endif()
