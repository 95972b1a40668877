#include "clients/cli/man_page.h"

#include "clients/cli/command_find.h"
#include "clients/cli/man_text.h"
#include "ds/exit_code.h"

#include <ctype.h>
#include <string.h>

/* What a default that depends on the machine is called. */
#define MACHINE_DEFAULT "depends on the user"

static const struct {
    int code;
    const char *meaning;
} exit_codes[] = {
    {DS_EXIT_OK, "All went well."},
    {DS_EXIT_ERROR, "Something failed that no other code stands for."},
    {DS_EXIT_USAGE, "A flag, an argument or a request can not be right."},
    {DS_EXIT_NOT_FOUND, "What was asked for is not there."},
    {DS_EXIT_AUTHENTICATION, "The caller is not known or may not do this."},
    {DS_EXIT_CONFLICT, "What is stored contradicts the request."},
    {DS_EXIT_UNAVAILABLE, "Nothing answers, or not in time."},
    {DS_EXIT_RATE_LIMITED, "The service has too much to do or allows no more calls now."},
    {DS_EXIT_INTERRUPTED, "It was interrupted from the keyboard."},
};

void man_page_name(const struct cli_command *command, char ret_name[MAN_NAME_BYTES_MAX])
{
    snprintf(ret_name, MAN_NAME_BYTES_MAX, "%s",
             command == NULL ? CLI_NAME : command->program->name);
    for (char *next = ret_name; *next != '\0'; next++) {
        *next = *next == ' ' ? '-' : *next;
    }
}

static void write_head(const char *name, const char *summary, const char *date, FILE *stream)
{
    fprintf(stream, ".Dd %s\n.Dt ", date);
    for (const char *next = name; *next != '\0'; next++) {
        fputc(toupper((unsigned char)*next), stream);
    }
    fprintf(stream, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd", name);
    /* A description is no sentence. */
    char text[256];
    snprintf(text, sizeof(text), "%s", summary);
    const size_t bytes = strlen(text);
    text[0] = (char)tolower((unsigned char)text[0]);
    if (bytes > 0 && text[bytes - 1] == '.') {
        text[bytes - 1] = '\0';
    }
    fputc(' ', stream);
    man_text_write(text, stream);
}

static void write_default(const struct ds_setting *setting, FILE *stream)
{
    const char *text = setting->default_of != NULL ? MACHINE_DEFAULT : setting->default_text;
    if (text != NULL && text[0] != '\0' && setting->kind != DS_SETTING_BOOLEAN) {
        char sentence[256];
        snprintf(sentence, sizeof(sentence), "Default: %s.", text);
        man_text_write(sentence, stream);
    }
}

static void write_variables(const struct ds_setting *setting, FILE *stream)
{
    if (setting->environment[0] == NULL) {
        return;
    }
    fputs("Environment:\n", stream);
    for (size_t i = 0; i < DS_SETTING_ALIASES_MAX && setting->environment[i] != NULL; i++) {
        const bool is_last = i + 1 == DS_SETTING_ALIASES_MAX || setting->environment[i + 1] == NULL;
        fprintf(stream, ".Ev %s %s\n", setting->environment[i], is_last ? "." : ",");
    }
}

/* Help texts are no sentences; here they become one. */
static void write_help(const char *help, FILE *stream)
{
    char sentence[1024];
    snprintf(sentence, sizeof(sentence), "%s.", help);
    sentence[0] = (char)toupper((unsigned char)sentence[0]);
    man_text_write(sentence, stream);
}

static void write_setting(const struct ds_setting *setting, FILE *stream)
{
    if (setting->is_secret) {
        fprintf(stream, ".It Ev %s\n", setting->environment[0]);
        write_help(setting->help, stream);
        return;
    }
    fputs(".It", stream);
    if (setting->short_flag != 0) {
        fprintf(stream, " Fl %c ,", setting->short_flag);
    }
    fprintf(stream, " Fl \\-%s", setting->name);
    if (setting->kind != DS_SETTING_BOOLEAN || setting->argument != NULL) {
        fputs(" Ar", stream);
        man_argument_write(setting->argument == NULL ? "VALUE" : setting->argument, stream);
    }
    fputc('\n', stream);
    write_help(setting->help, stream);
    write_default(setting, stream);
    write_variables(setting, stream);
}

static void write_flags(const struct ds_program *program, FILE *stream)
{
    fputs("The flags are as follows:\n.Bl -tag -width Ds\n", stream);
    for (size_t i = 0; i < program->setting_count; i++) {
        write_setting(&program->settings[i], stream);
    }
    fputs(".It Fl \\-config Ar FILE\nRead settings from lines of the form name = value.\n"
          "Environment:\n.Ev DS_CONFIG .\n"
          ".It Fl \\-print-config\nShow every setting with its value and where it came from, "
          "then end.\n"
          ".It Fl h , Fl \\-help\nShow help.\n"
          ".It Fl \\-version\nShow the version.\n.El\n",
          stream);
}

static void write_exit_status(FILE *stream)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", stream);
    for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
        fprintf(stream, ".It %d\n", exit_codes[i].code);
        man_text_write(exit_codes[i].meaning, stream);
    }
    fputs(".El\n", stream);
}

static void write_command(const struct cli_command *command, const char *date, FILE *stream)
{
    const struct ds_program *program = command->program;
    char name[MAN_NAME_BYTES_MAX];
    man_page_name(command, name);
    write_head(name, program->summary, date, stream);
    fprintf(stream, ".Sh SYNOPSIS\n.Nm %s\n", program->name);
    if (program->operands != NULL) {
        fputs(".Ar", stream);
        man_argument_write(program->operands, stream);
        fputc('\n', stream);
    }
    fputs(".Op Ar flags\n.Sh DESCRIPTION\n", stream);
    man_text_write(program->summary, stream);
    fputs(".Pp\n", stream);
    write_flags(program, stream);
    write_exit_status(stream);
    if (program->examples != NULL) {
        fputs(".Sh EXAMPLES\n", stream);
        man_literal_write(program->examples, stream);
    }
    fputs(".Sh SEE ALSO\n.Xr deltastream 1\n", stream);
}

static void write_overview(const char *date, FILE *stream)
{
    char name[MAN_NAME_BYTES_MAX];
    write_head(CLI_NAME, "market data storage, an HTTP gateway and their tools", date, stream);
    fputs(".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar argument ...\n.Op Ar flags\n.Sh DESCRIPTION\n"
          "Data goes to standard output, messages go to standard error.\n"
          "On a terminal rows are a table, in a pipe they are NDJSON.\n"
          "Settings come from a file, a context, the environment and flags;\n"
          "the last one wins.\n.Pp\nThe commands are as follows:\n.Bl -tag -width Ds\n",
          stream);
    for (size_t i = 0; i < cli_command_count; i++) {
        man_page_name(cli_commands[i], name);
        fprintf(stream, ".It Xr %s 1\n", name);
        man_text_write(cli_commands[i]->program->summary, stream);
    }
    fputs(".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
          ".It Ev NO_COLOR\nNo bold text on a terminal where it is set.\n"
          ".It Ev XDG_CONFIG_HOME\nWhere contexts are kept;\n.Pa \\(ti/.config\nwhere it is not "
          "set.\n"
          ".It Ev XDG_DATA_HOME\nWhere data is kept by default;\n.Pa \\(ti/.local/share\nwhere it "
          "is not set.\n.El\n"
          ".Sh FILES\n.Bl -tag -width Ds\n"
          ".It Pa \\(ti/.config/deltastream/contexts/NAME.conf\nA context.\n.El\n",
          stream);
    write_exit_status(stream);
}

void man_page_write(const struct cli_command *command, const char *date, FILE *stream)
{
    if (command == NULL) {
        write_overview(date, stream);
    } else {
        write_command(command, date, stream);
    }
}
