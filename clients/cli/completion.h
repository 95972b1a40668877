/*
 * What could stand at the end of a command line. The shells' scripts are a few lines each: they ask
 * `deltastream __complete WORD...` with what has been typed and show what it answers, so that the
 * rules are here once and follow from the command table.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stddef.h>

/* The word that a script calls us with. */
#define COMPLETION_WORD "__complete"

/*
 * Writes to stdout a line "WORD<tab>description" for each candidate for the last of the words,
 * which may be empty, and a line ":files" or ":folders" where the shell should offer those. `words`
 * are without the program's name. Nothing is ever written to stderr. Returns the exit code.
 */
int completion_answer(size_t word_count, char *const *words, char *const *environment);

#endif
