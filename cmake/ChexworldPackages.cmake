# Debian packages of our own: `./dev package`, or `cpack -G DEB` in a build directory (docs/operating.md).
# One per install component: libchexworld (library and decoder), libchexworld-dev, chexworld, orthanc-chexworld.
set(packaging "${PROJECT_SOURCE_DIR}/packaging")
set(made "${PROJECT_BINARY_DIR}/packaging")
set(CHEXWORLD_MAINTAINER "The chexworld authors <chexworld@users.noreply.github.com>" CACHE STRING "Maintainer of the Debian packages")

set(components libchexworld libchexworld-dev chexworld)
if(CHEXWORLD_PLUGIN)
  list(APPEND components orthanc-chexworld)
endif()

# ---- what every Debian package holds ----
find_program(CHEXWORLD_GZIP gzip REQUIRED)
string(TIMESTAMP CHEXWORLD_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, where it is set
configure_file("${packaging}/changelog.in" "${made}/changelog.Debian" @ONLY)
execute_process(COMMAND "${CHEXWORLD_GZIP}" -9nf "${made}/changelog.Debian" COMMAND_ERROR_IS_FATAL ANY)
foreach(component IN LISTS components)
  set(licence Apache-2.0)
  if(component STREQUAL orthanc-chexworld)
    set(licence GPL-3)
  endif()
  set(documents "${CMAKE_INSTALL_DATADIR}/doc/${component}")
  install(FILES "${packaging}/copyright-${licence}" DESTINATION ${documents} RENAME copyright COMPONENT ${component})
  install(FILES "${made}/changelog.Debian.gz" DESTINATION ${documents} COMPONENT ${component})
endforeach()

# ---- chexworld: manual page, documentation, a worker of its own (not enabled) ----
add_custom_target(chexworld_manual ALL
  COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:chexworld_program> -DGZIP=${CHEXWORLD_GZIP} -DPAGE=${made}/chexworld.1
    -P "${packaging}/manual_page.cmake"
  BYPRODUCTS "${made}/chexworld.1.gz" COMMENT "Manual page")
add_dependencies(chexworld_manual chexworld_program)
install(FILES "${made}/chexworld.1.gz" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT chexworld)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/chexworld COMPONENT chexworld)
install(FILES "${packaging}/worker.toml" DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/chexworld COMPONENT chexworld)
install(FILES "${packaging}/chexworld-worker.service" DESTINATION lib/systemd/system COMPONENT chexworld)

# ---- orthanc-chexworld: its section of Orthanc's configuration ----
install(FILES "${packaging}/chexworld.json" DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/orthanc COMPONENT orthanc-chexworld)
install(FILES "${PROJECT_SOURCE_DIR}/docs/plugin.md" DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/orthanc-chexworld
  COMPONENT orthanc-chexworld)

# ---- cpack ----
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME chexworld)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has a synopsis of its own
set(CPACK_PACKAGE_CONTACT "${CHEXWORLD_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_SET_DESTDIR ON) # for what goes to /etc
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# chexworld_package(COMPONENT SECTION section SYNOPSIS text DESCRIPTION text [DEPENDS text] [RECOMMENDS text] [CONTROL file...])
function(chexworld_package component)
  cmake_parse_arguments(arg "" "SECTION;SYNOPSIS;DESCRIPTION;DEPENDS;RECOMMENDS" "CONTROL" ${ARGN})
  string(TOUPPER "${component}" name)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${component} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_SECTION ${arg_SECTION} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_DEPENDS "${arg_DEPENDS}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_RECOMMENDS "${arg_RECOMMENDS}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_CONTROL_EXTRA "${arg_CONTROL}" PARENT_SCOPE)
  set(CPACK_COMPONENT_${name}_DESCRIPTION "${arg_SYNOPSIS}\n${arg_DESCRIPTION}" PARENT_SCOPE)
endfunction()

set(this_version "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
chexworld_package(libchexworld SECTION libs
  SYNOPSIS "world model for chest radiographs: library and decoder"
  DESCRIPTION "Decodes and prepares chest radiographs, embeds them with a CheXWorld encoder,\nstores and searches what comes out. Decoding happens in a program of its own\nthat is confined and can crash without harm.")
chexworld_package(libchexworld-dev SECTION libdevel DEPENDS "libchexworld ${this_version}"
  SYNOPSIS "world model for chest radiographs: headers"
  DESCRIPTION "Headers and CMake package (find_package(chexworld)) of libchexworld.")
chexworld_package(chexworld SECTION science
  # the BLAS whose threads do not fight those of LibTorch (docs/operating.md)
  DEPENDS "libchexworld ${this_version}, libopenblas0-openmp"
  CONTROL "${packaging}/chexworld/conffiles" "${packaging}/chexworld/postinst" "${packaging}/chexworld/prerm"
  SYNOPSIS "world model for chest radiographs: program, worker, trainer"
  DESCRIPTION "The program chexworld embeds and searches radiographs, trains models on an\narchive of them, and serves all that to a PACS over HTTP. Research software,\nnot a medical device. No weights are included.")
chexworld_package(orthanc-chexworld SECTION science DEPENDS "orthanc (>= 1.12.6)" RECOMMENDS "chexworld ${this_version}"
  CONTROL "${packaging}/orthanc-chexworld/conffiles" "${packaging}/orthanc-chexworld/triggers"
  SYNOPSIS "world model for chest radiographs: Orthanc plugin"
  DESCRIPTION "Hands every radiograph that arrives in Orthanc to a chexworld worker, started\nby the plugin or on another machine, and answers with its results, findings\nand similar cases over Orthanc's REST API.")
include(CPack)
