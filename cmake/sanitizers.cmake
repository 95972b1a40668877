# DS_SANITIZE is a list for -fsanitize, such as "address,undefined" or "thread"; the presets set it.
set(DS_SANITIZE "" CACHE STRING "Sanitizers to build everything with")
if(DS_SANITIZE)
  add_compile_options(-fsanitize=${DS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DS_SANITIZE})
  add_compile_definitions(DS_SANITIZED=1)
endif()
