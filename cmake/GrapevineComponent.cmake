# grapevine_component(NAME DEPENDS ... LIBRARIES ... PRIVATE_LIBRARIES ...)
#
# One folder below src/ = one static library grapevine_NAME. DEPENDS names other components: a component can only
# include what it links, so an include that the architecture forbids does not build.
# The public include root is generated per component: build/include/NAME -> src/NAME.
function(grapevine_component name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set(include_root ${CMAKE_BINARY_DIR}/include/${name}-room)
  file(MAKE_DIRECTORY ${include_root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${name} ${include_root}/${name} SYMBOLIC)

  set(kind PUBLIC)
  if(sources OR name STREQUAL "wire")
    add_library(grapevine_${name} STATIC ${sources})
  else()
    add_library(grapevine_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(grapevine_${name} ${kind}
    $<BUILD_INTERFACE:${include_root}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/grapevine>)
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(grapevine_${name} ${kind} grapevine_${dependency})
  endforeach()
  target_link_libraries(grapevine_${name} ${kind} ${ARG_LIBRARIES})
  if(ARG_PRIVATE_LIBRARIES AND NOT kind STREQUAL "INTERFACE")
    target_link_libraries(grapevine_${name} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  endif()
endfunction()

# grapevine_install(NAME...): libraries and headers of these components, as Grapevine::NAME for find_package(Grapevine)
# and together as `grapevine` for pkg-config.
function(grapevine_install)
  set(libraries "")
  foreach(name ${ARGN})
    set_target_properties(grapevine_${name} PROPERTIES EXPORT_NAME ${name})
    install(TARGETS grapevine_${name} EXPORT GrapevineTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${name} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/grapevine
            FILES_MATCHING PATTERN "*.h")
    list(PREPEND libraries -lgrapevine_${name})
  endforeach()
  list(JOIN libraries " " GRAPEVINE_LIBRARIES)
  install(EXPORT GrapevineTargets NAMESPACE Grapevine:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Grapevine)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/GrapevineConfig.cmake.in
    ${CMAKE_BINARY_DIR}/GrapevineConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Grapevine)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/GrapevineConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/GrapevineConfig.cmake ${CMAKE_BINARY_DIR}/GrapevineConfigVersion.cmake
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Grapevine)
  file(RELATIVE_PATH GRAPEVINE_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/grapevine.pc.in ${CMAKE_BINARY_DIR}/grapevine.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/grapevine.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
