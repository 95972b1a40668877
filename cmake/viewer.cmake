# The interactive page of /docs: Swagger UI out of the wheel that cmake/viewer-requirements.txt pins.
# pip gets it once, into build/viewer of the source tree; who builds without a network puts it there,
# or names it by -DDS_VIEWER_WHEEL. Sets DS_VIEWER to the folder of its files.
set(viewer_requirements ${CMAKE_SOURCE_DIR}/cmake/viewer-requirements.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${viewer_requirements})
file(STRINGS ${viewer_requirements} viewer_line REGEX "^flask-swagger-ui==")
string(REGEX REPLACE "^flask-swagger-ui==([^ ]+) --hash=sha256:(.+)$" "\\1;\\2" viewer_pin "${viewer_line}")
list(GET viewer_pin 0 viewer_version)
list(GET viewer_pin 1 viewer_hash)

set(viewer_store ${CMAKE_SOURCE_DIR}/build/viewer)
set(DS_VIEWER_WHEEL ${viewer_store}/flask_swagger_ui-${viewer_version}-py3-none-any.whl CACHE FILEPATH
    "The wheel of Swagger UI")
if(NOT EXISTS ${DS_VIEWER_WHEEL})
  message(STATUS "Getting Swagger UI ${viewer_version}")
  execute_process(COMMAND python3 -m venv ${viewer_store}/venv COMMAND_ERROR_IS_FATAL ANY)
  execute_process(
    COMMAND ${viewer_store}/venv/bin/pip download --quiet --disable-pip-version-check --no-deps --require-hashes
            --dest ${viewer_store} --requirement ${viewer_requirements}
    RESULT_VARIABLE viewer_result)
  file(REMOVE_RECURSE ${viewer_store}/venv)
  if(NOT viewer_result EQUAL 0)
    message(FATAL_ERROR "pip can't get Swagger UI: put its wheel at ${DS_VIEWER_WHEEL}, or name it by -DDS_VIEWER_WHEEL=FILE")
  endif()
endif()
file(SHA256 ${DS_VIEWER_WHEEL} viewer_found)
if(NOT viewer_found STREQUAL viewer_hash)
  message(FATAL_ERROR "${DS_VIEWER_WHEEL} is not the wheel that ${viewer_requirements} pins: delete it")
endif()

set(viewer_folder ${CMAKE_BINARY_DIR}/viewer-${viewer_version})
set(DS_VIEWER ${viewer_folder}/flask_swagger_ui/dist)
if(NOT EXISTS ${DS_VIEWER}/VERSION)
  file(ARCHIVE_EXTRACT INPUT ${DS_VIEWER_WHEEL} DESTINATION ${viewer_folder} PATTERNS "flask_swagger_ui/dist/*")
endif()
# The wheel has the notice; the licence that it names goes with it.
file(READ ${DS_VIEWER}/LICENSE viewer_notice)
file(READ ${CMAKE_SOURCE_DIR}/gateway/docs/apache-2.0.txt viewer_license)
file(CONFIGURE OUTPUT ${viewer_folder}/license.txt CONTENT "@viewer_notice@\n@viewer_license@" @ONLY)
set(DS_VIEWER_LICENSE ${viewer_folder}/license.txt)
