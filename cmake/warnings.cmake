# The language level and the warnings of all of our own code. Generated and foreign sources get
# ds_relax_warnings() instead.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON) # the GNU cleanup attribute
set(CMAKE_CXX_STANDARD 17)

option(DS_WERROR "Warnings are errors" ON)

add_compile_definitions(_GNU_SOURCE DS_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wvla -fno-omit-frame-pointer
                    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
                    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(DS_WERROR)
  add_compile_options(-Werror)
endif()

# Asserts tell of our own faults and stay in every build, CMake's Release too: what is packaged is what was tested.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  foreach(language C CXX)
    string(REPLACE "-DNDEBUG" "" CMAKE_${language}_FLAGS_${type} "${CMAKE_${language}_FLAGS_${type}}")
  endforeach()
endforeach()

# For sources that somebody else writes (protoc-c, llhttp).
function(ds_relax_warnings target)
  target_compile_options(${target} PRIVATE -w)
endfunction()
