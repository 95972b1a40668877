/* Generators from the "data" of a scenario. */
#ifndef LOAD_GENERATOR_READ_H
#define LOAD_GENERATOR_READ_H

#include "clients/load/generator.h"
#include "clients/load/members.h"

/* `data` is an object, a generator a member, or NULL. False after a complaint. */
bool load_generators_read(struct member_reader *reader, const struct member_place *place,
                          const json_t *data, struct load_generators *ret_generators);

/* Reads the file of a csv generator: a line with the names of its columns and rows. */
bool load_generator_csv_read(struct member_reader *reader, const struct member_place *place,
                             const char *path, struct load_generator *generator);

#endif
