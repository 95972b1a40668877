# ds_embed(OUTPUT list NAME symbol FILE path [GZIP]): a C file that holds the bytes of a file, as they
# are or compressed: `symbol` is their first byte, `symbol_end` lies behind the last. Appends the C
# file to `list`.
function(ds_embed)
  cmake_parse_arguments(EMBED "GZIP" "OUTPUT;NAME;FILE" "" ${ARGN})
  set(bytes ${EMBED_FILE})
  if(EMBED_GZIP)
    set(bytes ${CMAKE_CURRENT_BINARY_DIR}/embedded/${EMBED_NAME}.gz)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/embedded)
    add_custom_command(OUTPUT ${bytes} COMMAND sh -c "gzip -9 -n -c '${EMBED_FILE}' >'${bytes}'" DEPENDS ${EMBED_FILE} VERBATIM)
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${EMBED_NAME}.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
/* Written by cmake/embed.cmake. */
__asm__(".section .rodata\n"
        ".global @EMBED_NAME@\n"
        "@EMBED_NAME@:\n"
        ".incbin \"@bytes@\"\n"
        ".global @EMBED_NAME@_end\n"
        "@EMBED_NAME@_end:\n"
        ".byte 0\n"
        ".previous\n");
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${bytes})
  set(${EMBED_OUTPUT} ${${EMBED_OUTPUT}} ${source} PARENT_SCOPE)
endfunction()
