# Debian's packages that the project stands on, each as an imported target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
find_package(nng REQUIRED)
find_package(double-conversion REQUIRED)

# mbedTLS, which Debian's nng stands on too; it has no package file.
find_library(DS_MBEDTLS mbedtls REQUIRED)
find_library(DS_MBEDX509 mbedx509 REQUIRED)
find_library(DS_MBEDCRYPTO mbedcrypto REQUIRED)
add_library(mbedtls INTERFACE)
target_link_libraries(mbedtls INTERFACE ${DS_MBEDTLS} ${DS_MBEDX509} ${DS_MBEDCRYPTO})

# llhttp comes as C sources in Debian's node-llhttp.
set(DS_LLHTTP_SOURCES /usr/share/llhttp)
set(DS_LLHTTP_INCLUDE /usr/share/include/llhttp)
if(NOT EXISTS ${DS_LLHTTP_SOURCES}/llhttp.c)
  message(FATAL_ERROR "llhttp's sources are missing: install Debian's package node-llhttp")
endif()
add_library(llhttp STATIC ${DS_LLHTTP_SOURCES}/api.c ${DS_LLHTTP_SOURCES}/http.c ${DS_LLHTTP_SOURCES}/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${DS_LLHTTP_INCLUDE})
ds_relax_warnings(llhttp)
