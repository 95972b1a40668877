#include "emit.h"

#define BYTES_PER_LINE 16

void emit_descriptor(struct output *output, const uint8_t *data, size_t size)
{
    const char *prefix = output->prefix;
    FILE *file = output_open(output, "descriptor.gen.c");
    if (file == NULL) {
        return;
    }
    fprintf(file, "#include \"%sschema.gen.h\"\n\nconst uint8_t %sds_descriptor_set[] = {", prefix,
            prefix);
    for (size_t i = 0; i < size; i++) {
        fprintf(file, "%s%u,", i % BYTES_PER_LINE == 0 ? "\n    " : " ", data[i]);
    }
    fprintf(file, "\n};\nconst size_t %sds_descriptor_set_bytes = %zu;\n", prefix, size);
    output_close(output, file, "descriptor.gen.c");
}
