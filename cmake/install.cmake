# What `cmake --install` puts where: the programs, and the completions and manual pages that the
# command line writes about itself while it is installed. The C client library's part is in
# clients/c; `--component library` installs that alone.
include(GNUInstallDirs)
set(DS_PROGRAMS deltastream deltastream-storaged deltastream-gateway)
if(TARGET deltastream-load)
  list(APPEND DS_PROGRAMS deltastream-load)
endif()
install(TARGETS ${DS_PROGRAMS} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
install(FILES ${DS_VIEWER_LICENSE} DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME swagger-ui-license.txt)

set(DS_ABOUT ${CMAKE_BINARY_DIR}/about)
install(CODE "
  file(REMOVE_RECURSE \"${DS_ABOUT}\")
  file(MAKE_DIRECTORY \"${DS_ABOUT}\")
  execute_process(COMMAND \"$<TARGET_FILE:deltastream>\" man \"${DS_ABOUT}/man1\" COMMAND_ERROR_IS_FATAL ANY)
  foreach(shell bash zsh fish)
    execute_process(COMMAND \"$<TARGET_FILE:deltastream>\" completion \${shell}
                    OUTPUT_FILE \"${DS_ABOUT}/completion.\${shell}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()")
install(DIRECTORY ${DS_ABOUT}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES ${DS_ABOUT}/completion.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME deltastream)
install(FILES ${DS_ABOUT}/completion.zsh
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _deltastream)
install(FILES ${DS_ABOUT}/completion.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME deltastream.fish)
install(FILES clients/load/report.schema.json clients/load/compare.schema.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/deltastream/load)
install(DIRECTORY clients/load/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/deltastream/load
        FILES_MATCHING PATTERN "*.json")
