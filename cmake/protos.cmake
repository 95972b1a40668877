# What the build makes of .proto files: C structs by protoc-c, and our tables by ds-proto-compiler
# (proto/compiler). Nothing here names a .proto file: they are found.
#
#   protoc ──descriptors.pb──> strip ──stripped.pb──> protoc --c_out   (*.pb-c.c, *.pb-c.h)
#               └────────────> generate                                (*.gen.c, *.gen.h)
find_program(DS_PROTOC protoc REQUIRED)
find_program(DS_PROTOC_C protoc-gen-c REQUIRED)
find_path(DS_PROTOBUF_INCLUDE google/protobuf/descriptor.proto REQUIRED)

# The .proto files of `root` and the ones of google/protobuf that they import, as paths for protoc.
function(ds_proto_find root ret_paths ret_files)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/*.proto)
  set(paths)
  foreach(file ${files})
    # Imports and services are read here, so a change means another look.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(RELATIVE_PATH path ${root} ${file})
    list(APPEND paths ${path})
    file(STRINGS ${file} imports REGEX "^import .*\"google/protobuf/[^\"]+\"")
    foreach(import ${imports})
      string(REGEX REPLACE ".*\"([^\"]+)\".*" "\\1" import "${import}")
      list(APPEND paths ${import})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES paths)
  set(${ret_paths} ${paths} PARENT_SCOPE)
  set(${ret_files} ${files} PARENT_SCOPE)
endfunction()

# The names of the services in `files`, in snake case as the generator writes them.
function(ds_proto_services files ret_services)
  set(services)
  foreach(file ${files})
    file(STRINGS ${file} lines REGEX "^service +[A-Za-z0-9_]+")
    foreach(line ${lines})
      string(REGEX REPLACE "^service +([A-Za-z0-9_]+).*" "\\1" service "${line}")
      string(REGEX REPLACE "([^A-Z])([A-Z])" "\\1_\\2" service ${service})
      string(TOLOWER ${service} service)
      list(APPEND services ${service})
    endforeach()
  endforeach()
  set(${ret_services} "${services}" PARENT_SCOPE)
endfunction()

# ds_add_proto(TARGET name ROOT dir [PREFIX prefix]): a static library of the .proto files below
# `dir`: protoc-c's code, schema.gen.c and descriptor.gen.c, with the headers' folder as a public
# include directory. PREFIX goes before the names of our files and tables, for a second set of them
# in one program. Every library but ds_proto itself may import ds_proto's files.
# Sets in the caller's scope, for other targets to compile:
#   <target>_ROUTES            routes.gen.c
#   <target>_SERVICES          the services' names
#   <target>_SERVICE_<name>    <name>_service.gen.c
function(ds_add_proto)
  cmake_parse_arguments(PROTO "" "TARGET;ROOT;PREFIX" "" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${PROTO_TARGET}.gen)
  set(our ${out}/${PROTO_PREFIX})
  file(MAKE_DIRECTORY ${out})
  ds_proto_find(${PROTO_ROOT} paths files)
  ds_proto_services("${files}" services)
  set(include_flags -I${PROTO_ROOT} -I${DS_PROTOBUF_INCLUDE})
  set(imported_libraries PkgConfig::protobuf_c)
  set(imported_files)
  if(NOT PROTO_TARGET STREQUAL ds_proto)
    list(APPEND include_flags -I${CMAKE_SOURCE_DIR}/proto)
    list(APPEND imported_libraries ds_proto)
    file(GLOB_RECURSE imported_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/*.proto)
  endif()

  ds_proto_descriptors()
  ds_proto_structs()
  ds_proto_tables()

  add_library(${PROTO_TARGET} STATIC ${our}schema.gen.c ${our}descriptor.gen.c
                                     $<TARGET_OBJECTS:${PROTO_TARGET}_structs>)
  add_dependencies(${PROTO_TARGET} ${PROTO_TARGET}_tables)
  target_include_directories(${PROTO_TARGET} PUBLIC ${out} PRIVATE ${CMAKE_SOURCE_DIR}/services/common)
  target_link_libraries(${PROTO_TARGET} PUBLIC ${imported_libraries})

  foreach(service ${services})
    set(${PROTO_TARGET}_SERVICE_${service} ${our}${service}_service.gen.c PARENT_SCOPE)
  endforeach()
  set(${PROTO_TARGET}_ROUTES ${our}routes.gen.c PARENT_SCOPE)
  set(${PROTO_TARGET}_SERVICES "${services}" PARENT_SCOPE)
endfunction()

# The three steps of ds_add_proto(); macros, so that they share its variables.
macro(ds_proto_descriptors)
  add_custom_command(
    OUTPUT ${out}/descriptors.pb
    COMMAND ${DS_PROTOC} ${include_flags} --include_imports --include_source_info
            --descriptor_set_out=${out}/descriptors.pb ${paths}
    DEPENDS ${files} ${imported_files}
    COMMENT "Reading the .proto files of ${PROTO_TARGET}"
    VERBATIM)
endmacro()

# protoc-c's sources are a library of their own because their warnings are not ours to mend.
macro(ds_proto_structs)
  set(structs)
  foreach(path ${paths})
    string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${path})
    list(APPEND structs ${out}/${stem}.c ${out}/${stem}.h)
  endforeach()
  add_custom_command(
    OUTPUT ${out}/stripped.pb ${structs}
    COMMAND ds-proto-compiler strip ${out}/descriptors.pb ${out}/stripped.pb
    COMMAND ${DS_PROTOC} --descriptor_set_in=${out}/stripped.pb --c_out=${out} ${paths}
    DEPENDS ds-proto-compiler ${out}/descriptors.pb
    COMMENT "Writing the C structs of ${PROTO_TARGET}"
    VERBATIM)
  add_library(${PROTO_TARGET}_structs OBJECT ${structs})
  target_include_directories(${PROTO_TARGET}_structs PRIVATE ${out})
  target_link_libraries(${PROTO_TARGET}_structs PRIVATE ${imported_libraries})
  ds_relax_warnings(${PROTO_TARGET}_structs)
endmacro()

macro(ds_proto_tables)
  set(tables ${our}schema.gen.c ${our}schema.gen.h ${our}descriptor.gen.c ${our}routes.gen.c)
  foreach(service ${services})
    list(APPEND tables ${our}${service}_service.gen.c ${our}${service}_service.gen.h)
  endforeach()
  add_custom_command(
    OUTPUT ${tables}
    COMMAND ds-proto-compiler generate ${out}/descriptors.pb ${out} ${PROTO_PREFIX}
    DEPENDS ds-proto-compiler ${out}/descriptors.pb
    COMMENT "Writing the tables of ${PROTO_TARGET}"
    VERBATIM)
  add_custom_target(${PROTO_TARGET}_tables DEPENDS ${tables})
endmacro()
