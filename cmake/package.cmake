# The Debian package: `cpack -G DEB`, as scripts/package calls it. What is made from the table of commands is made by the
# program itself.
include(GNUInstallDirs)
set(package_folder "${CMAKE_BINARY_DIR}/package")
set(debian "${CMAKE_SOURCE_DIR}/packaging/debian")
file(MAKE_DIRECTORY "${package_folder}")

set(package_files "")
function(relevo_package_file name)  # NAME COMMAND...: the output of a command, such as relevo.1.gz
    add_custom_command(OUTPUT "${package_folder}/${name}" COMMAND sh -c "${ARGN} >'${package_folder}/${name}'"
                       DEPENDS relevo "${debian}/changelog" VERBATIM)
    list(APPEND package_files "${package_folder}/${name}")
    set(package_files "${package_files}" PARENT_SCOPE)
endfunction()
set(program "'$<TARGET_FILE:relevo>'")
relevo_package_file(relevo.1.gz "${program} manual-page relevo | gzip -9n")
relevo_package_file(relevo.toml.5.gz "${program} manual-page relevo.toml | gzip -9n")
relevo_package_file(completion.bash "${program} completion bash")
relevo_package_file(completion.zsh "${program} completion zsh")
relevo_package_file(completion.fish "${program} completion fish")
relevo_package_file(relevo.toml "${program} config reference --sample")
relevo_package_file(changelog.gz "gzip -9nc '${debian}/changelog'")
# Which pages these are, and what they link to, is for the tool to say: always anew.
add_custom_target(package_pages COMMAND "${CMAKE_SOURCE_DIR}/tools/installed_docs.py" "${package_folder}/doc" VERBATIM)
add_custom_target(package_files DEPENDS ${package_files})
add_dependencies(package_files package_pages)

install(TARGETS relevo RUNTIME DESTINATION bin)
install(FILES "${package_folder}/relevo.1.gz" DESTINATION share/man/man1)
install(FILES "${package_folder}/relevo.toml.5.gz" DESTINATION share/man/man5)
install(FILES "${package_folder}/completion.bash" DESTINATION share/bash-completion/completions RENAME relevo)
install(FILES "${package_folder}/completion.zsh" DESTINATION share/zsh/vendor-completions RENAME _relevo)
install(FILES "${package_folder}/completion.fish" DESTINATION share/fish/vendor_completions.d RENAME relevo.fish)
install(FILES "${package_folder}/changelog.gz" "${debian}/copyright" DESTINATION share/doc/relevo)
install(DIRECTORY "${package_folder}/doc/" DESTINATION share/doc/relevo)
install(FILES "${package_folder}/relevo.toml" DESTINATION share/doc/relevo/examples)
install(FILES packaging/prometheus/relevo.rules.yml DESTINATION share/relevo/prometheus)
install(FILES packaging/systemd/relevo.service DESTINATION /lib/systemd/system)
install(FILES "${debian}/default" DESTINATION /etc/default RENAME relevo)
install(FILES "${debian}/lintian-overrides" DESTINATION share/lintian/overrides RENAME relevo)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME relevo)
set(CPACK_PACKAGE_VENDOR "The Relevo project")
set(CPACK_PACKAGE_CONTACT "The Relevo project <maintainers@users.noreply.github.com>")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, dns-root-data, publicsuffix")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "mail relay that signs, delivers and explains
Relevo takes mail from programs and people over authenticated SMTP and HTTP,
has it on disk before it says so, signs it with the keys of the sender,
delivers it over many parallel connections, reports every bounce, and shows
what happened to each message: at the command line, over its API and in a web
console in Spanish and English.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${debian}/conffiles" "${debian}/postinst" "${debian}/prerm" "${debian}/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
