/* The context that a command runs in, as presets of its settings. */
#ifndef CLI_CONTEXT_PRESETS_H
#define CLI_CONTEXT_PRESETS_H

#include "ds/config.h"

/*
 * Finds the context that --context, DS_CONTEXT or `contexts use` names and puts its values into
 * the sources; nothing for a program without the setting "context". False after telling on stderr
 * what is wrong, with *ret_exit_code. What the sources point to lives in `arena`.
 */
DS_MUST_USE bool context_presets_find(const struct ds_program *program, struct ds_arena *arena,
                                      struct ds_config_sources *sources, int *ret_exit_code);

#endif
