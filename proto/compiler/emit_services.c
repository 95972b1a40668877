#include "emit.h"

/* A handler takes its own types; the table's handlers take protobuf-c's base type. The functions
 * between them are the only casts, so that the compiler checks every handler. */

static void prototype_write(FILE *file, const struct method *method)
{
    fprintf(file,
            "ds_code %s(struct %s *service, struct ds_call *call,\n"
            "    const %s *request,\n    %s *response);\n",
            method->symbol, method->service->symbol, method->request->c_type,
            method->response->c_type);
}

static void header_write(FILE *file, const struct service *service)
{
    const char *symbol = service->symbol;
    fprintf(file, "#ifndef %s_SERVICE_GEN_H\n#define %s_SERVICE_GEN_H\n\n", symbol, symbol);
    output_include(file, service->file->path);
    fputs("#include \"ds/call.h\"\n#include \"ds/service.h\"\n", file);
    fprintf(file, "\nstruct %s;\n\n/* Every method's handler: the service defines them all. */\n",
            symbol);
    for (size_t i = 0; i < service->method_count; i++) {
        prototype_write(file, &service->methods[i]);
    }
    fprintf(file, "\nextern const struct ds_service_handlers %s_service_handlers;\n\n#endif\n",
            symbol);
}

static void thunk_write(FILE *file, const struct method *method)
{
    fprintf(file,
            "\nstatic ds_code call_%s(void *context, struct ds_call *call,\n"
            "    const ProtobufCMessage *request, ProtobufCMessage *response)\n{\n"
            "    return %s(context, call, (const %s *)request,\n        (%s *)response);\n}\n",
            method->symbol, method->symbol, method->request->c_type, method->response->c_type);
}

static void source_write(FILE *file, const struct output *output, const struct service *service)
{
    const char *prefix = output->prefix;
    const char *symbol = service->symbol;
    fprintf(file, "#include \"%s%s_service.gen.h\"\n\n#include \"%sschema.gen.h\"\n", prefix,
            symbol, prefix);
    for (size_t i = 0; i < service->method_count; i++) {
        thunk_write(file, &service->methods[i]);
    }
    fputs("\nstatic const ds_handler_fn handlers[] = {\n", file);
    for (size_t i = 0; i < service->method_count; i++) {
        fprintf(file, "    call_%s,\n", service->methods[i].symbol);
    }
    fprintf(file,
            "    NULL,\n};\n\nconst struct ds_service_handlers %s_service_handlers = {\n"
            "    .service = &%sds_service_%s,\n    .handlers = handlers,\n};\n",
            symbol, prefix, symbol);
}

static void service_write(struct output *output, const struct model *model,
                          const struct service *service)
{
    const char *header_name = memory_printf(model->memory, "%s_service.gen.h", service->symbol);
    const char *source_name = memory_printf(model->memory, "%s_service.gen.c", service->symbol);
    FILE *header = output_open(output, header_name);
    FILE *source = output_open(output, source_name);
    if (header != NULL && source != NULL) {
        header_write(header, service);
        source_write(source, output, service);
    }
    output_close(output, header, header_name);
    output_close(output, source, source_name);
}

void emit_services(struct output *output, const struct model *model)
{
    for (size_t i = 0; i < model->service_count; i++) {
        service_write(output, model, &model->services[i]);
    }
}
