/* The shells that completion is for. */
#ifndef CLI_COMPLETION_SCRIPTS_H
#define CLI_COMPLETION_SCRIPTS_H

/* "bash", "zsh", "fish", NULL. */
extern const char *const completion_shells[];

#endif
