# C++ for Fabric's messages from our own .proto files, kept inside the wire room: `#include "gossip/message.pb.h"`
# is for the rooms that link grapevine_wire.
set(proto_root ${CMAKE_SOURCE_DIR}/src/wire/proto)
set(proto_out ${CMAKE_BINARY_DIR}/proto)
file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE ${proto_root} ${proto_root}/*.proto)
set(proto_generated)
foreach(proto ${proto_files})
  string(REGEX REPLACE "\\.proto$" "" stem ${proto})
  add_custom_command(
    OUTPUT ${proto_out}/${stem}.pb.cc ${proto_out}/${stem}.pb.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${proto_out}
    COMMAND protobuf::protoc --cpp_out=${proto_out} -I ${proto_root} ${proto}
    DEPENDS ${proto_root}/${proto} VERBATIM)
  list(APPEND proto_generated ${proto_out}/${stem}.pb.cc)
endforeach()
if(proto_generated)
  target_sources(grapevine_wire PRIVATE ${proto_generated})
  set_source_files_properties(${proto_generated} PROPERTIES COMPILE_OPTIONS "-w")
endif()
target_include_directories(grapevine_wire SYSTEM PUBLIC $<BUILD_INTERFACE:${proto_out}>)
