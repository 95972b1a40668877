/* What the build demands of methods and names, beside routes. */
#ifndef COMPILER_CHECK_H
#define COMPILER_CHECK_H

#include "model.h"

/* Complains of methods without their rules, of streams, and of names that would clash in C. */
void check_model(const struct model *model);

#endif
