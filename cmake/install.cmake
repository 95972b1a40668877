# What `cmake --install` puts where: the programs, and the completions and manual pages that the
# command line writes about itself while it is installed.
include(GNUInstallDirs)
install(TARGETS deltastream deltastream-storaged deltastream-gateway
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

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
