# Adds every module folder below the current one (a folder with a CMakeLists.txt is a module).
file(GLOB module_lists CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
foreach(module_list ${module_lists})
    get_filename_component(module_folder "${module_list}" DIRECTORY)
    add_subdirectory("${module_folder}")
endforeach()
