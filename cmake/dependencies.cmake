# Libraries from Debian 12, each as one imported target. Nothing is downloaded.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED)

foreach(package libgsasl libsodium sqlite3 libsystemd libseccomp libidn2 libpsl expat zlib libarchive gmime-3.0 libcurl libfido2)
    string(MAKE_C_IDENTIFIER ${package} variable)
    pkg_check_modules(${variable} REQUIRED IMPORTED_TARGET ${package})
endforeach()

# Its .pc file asks for -pthread, which the C library no longer needs and the precompiled headers are built without.
set_target_properties(PkgConfig::gmime_3_0 PROPERTIES INTERFACE_COMPILE_OPTIONS "")

# Its .pc file asks for the headers of libraries that only libunbound itself links.
find_path(UNBOUND_HEADERS unbound.h REQUIRED)
find_library(UNBOUND_LIBRARY unbound REQUIRED)
add_library(relevo_unbound INTERFACE)
target_include_directories(relevo_unbound SYSTEM INTERFACE "${UNBOUND_HEADERS}")
target_link_libraries(relevo_unbound INTERFACE "${UNBOUND_LIBRARY}")

if(RELEVO_TESTS)
    find_package(GTest REQUIRED)
    find_package(yaml-cpp REQUIRED)  # reads the published test cases of SPF
    pkg_check_modules(gumbo REQUIRED IMPORTED_TARGET gumbo)  # reads HTML as browsers do, to compare with
    enable_testing()
endif()

# {fmt} is everywhere: libstdc++ 12 has no std::format.
target_link_libraries(relevo_options INTERFACE fmt::fmt)
