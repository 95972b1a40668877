/* The shells that completion is for, and their scripts. */
#ifndef CLI_COMPLETION_SCRIPTS_H
#define CLI_COMPLETION_SCRIPTS_H

/* "bash", "zsh", "fish", NULL. */
extern const char *const completion_shells[];

/* The script of a shell; NULL for another one. */
const char *completion_script(const char *shell);

#endif
