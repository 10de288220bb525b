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
  target_include_directories(grapevine_${name} ${kind} ${include_root})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(grapevine_${name} ${kind} grapevine_${dependency})
  endforeach()
  target_link_libraries(grapevine_${name} ${kind} ${ARG_LIBRARIES})
  if(ARG_PRIVATE_LIBRARIES AND NOT kind STREQUAL "INTERFACE")
    target_link_libraries(grapevine_${name} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  endif()
endfunction()
