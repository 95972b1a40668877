#include "clients/cli/resume.h"

#include "ds/number.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESUME_FIRST_LINE "deltastream resume 1\n"
#define RESUME_LAST_LINE "end\n"
#define RESUME_LINE_BYTES_MAX (RESUME_NAME_BYTES_MAX + RESUME_VALUE_BYTES_MAX + 2)
#define FNV_PRIME UINT64_C(0x100000001B3)

struct resume_state *resume_state_create(void)
{
    struct resume_state *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        abort();
    }
    return state;
}

void resume_state_destroy(struct resume_state *state)
{
    free(state);
}

static struct resume_value *find_value(struct resume_state *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++) {
        if (strcmp(state->values[i].name, name) == 0) {
            return &state->values[i];
        }
    }
    return NULL;
}

void resume_set(struct resume_state *state, const char *name, const char *format, ...)
{
    struct resume_value *value = find_value(state, name);
    if (value == NULL) {
        if (state->count == RESUME_VALUES_MAX) {
            abort();
        }
        value = &state->values[state->count++];
        snprintf(value->name, sizeof(value->name), "%s", name);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value->text, sizeof(value->text), format, arguments);
    va_end(arguments);
    for (char *at = value->text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        *at = byte < 0x20 || byte == 0x7F ? '?' : *at;
    }
}

const char *resume_get(const struct resume_state *state, const char *name)
{
    for (size_t i = 0; i < state->count; i++) {
        if (strcmp(state->values[i].name, name) == 0) {
            return state->values[i].text;
        }
    }
    return NULL;
}

uint64_t resume_get_number(const struct resume_state *state, const char *name)
{
    const char *text = resume_get(state, name);
    uint64_t number = 0;
    return text != NULL && ds_uint64_parse(ds_bytes_of_text(text), &number) ? number : 0;
}

uint64_t resume_hash(uint64_t before, struct ds_bytes bytes)
{
    uint64_t hash = before;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ bytes.data[i]) * FNV_PRIME;
    }
    return hash;
}

static bool write_state_home(char target[RESUME_PATH_BYTES_MAX])
{
    const char *named = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int bytes = 0;
    /* The standard has relative paths passed over. */
    if (named != NULL && named[0] == '/') {
        bytes = snprintf(target, RESUME_PATH_BYTES_MAX, "%s/deltastream", named);
    } else if (home != NULL && home[0] == '/') {
        bytes = snprintf(target, RESUME_PATH_BYTES_MAX, "%s/.local/state/deltastream", home);
    } else {
        return false;
    }
    return bytes > 0 && bytes < RESUME_PATH_BYTES_MAX - 64;
}

/* Makes the folder and those above it. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool is_there = mkdir(path, 0755) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_there) {
            return false;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

ds_code resume_path(const char *purpose, const char *subject, char ret_path[RESUME_PATH_BYTES_MAX],
                    char ret_reason[RESUME_REASON_BYTES_MAX])
{
    char folder[RESUME_PATH_BYTES_MAX];
    if (!write_state_home(folder)) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "there is no state folder: set XDG_STATE_HOME or HOME to an absolute path");
        return DS_FAILED_PRECONDITION;
    }
    if (!make_folders(folder)) {
        snprintf(ret_reason, RESUME_REASON_BYTES_MAX,
                 "the state folder \"%.200s\" can't be made: %s; set XDG_STATE_HOME to another",
                 folder, strerror(errno));
        return DS_FAILED_PRECONDITION;
    }
    const uint64_t hash = resume_hash(RESUME_HASH_BEGIN, ds_bytes_of_text(subject));
    char name[64];
    snprintf(name, sizeof(name), "/%s-%016" PRIx64 ".state", purpose, hash);
    snprintf(ret_path, RESUME_PATH_BYTES_MAX, "%.*s%s", RESUME_PATH_BYTES_MAX - 64, folder, name);
    return DS_OK;
}

/* Takes one line "name value" apart; false where it is none. */
static bool take_line(char *line, struct resume_state *state)
{
    char *end = strchr(line, '\n');
    char *blank = strchr(line, ' ');
    if (end == NULL || blank == NULL || blank == line || blank - line >= RESUME_NAME_BYTES_MAX ||
        state->count == RESUME_VALUES_MAX) {
        return false;
    }
    *end = '\0';
    *blank = '\0';
    resume_set(state, line, "%s", blank + 1);
    return true;
}

static ds_code load_stream(FILE *stream, struct resume_state *state)
{
    char line[RESUME_LINE_BYTES_MAX];
    if (fgets(line, sizeof(line), stream) == NULL || strcmp(line, RESUME_FIRST_LINE) != 0) {
        return DS_DATA_LOSS;
    }
    while (fgets(line, sizeof(line), stream) != NULL) {
        if (strcmp(line, RESUME_LAST_LINE) == 0) {
            return DS_OK;
        }
        if (!take_line(line, state)) {
            return DS_DATA_LOSS;
        }
    }
    return DS_DATA_LOSS;
}

ds_code resume_load(const char *path, struct resume_state *ret_state)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return errno == ENOENT ? DS_NOT_FOUND : DS_DATA_LOSS;
    }
    struct resume_state *state = resume_state_create();
    const ds_code code = load_stream(stream, state);
    fclose(stream);
    if (code == DS_OK) {
        *ret_state = *state;
    }
    resume_state_destroy(state);
    return code;
}

static bool write_stream(FILE *stream, const struct resume_state *state)
{
    fputs(RESUME_FIRST_LINE, stream);
    for (size_t i = 0; i < state->count; i++) {
        fprintf(stream, "%s %s\n", state->values[i].name, state->values[i].text);
    }
    fputs(RESUME_LAST_LINE, stream);
    return fflush(stream) == 0 && ferror(stream) == 0 && fsync(fileno(stream)) == 0;
}

ds_code resume_save(const char *path, const struct resume_state *state)
{
    char temporary[RESUME_PATH_BYTES_MAX + 32];
    /* Of two runs at once each has its own. */
    snprintf(temporary, sizeof(temporary), "%s.%ld.new", path, (long)getpid());
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (stream == NULL) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        return DS_UNAVAILABLE;
    }
    const bool is_written = write_stream(stream, state);
    const bool is_closed = fclose(stream) == 0;
    if (!is_written || !is_closed || rename(temporary, path) != 0) {
        unlink(temporary);
        return DS_UNAVAILABLE;
    }
    return DS_OK;
}

void resume_remove(const char *path)
{
    unlink(path);
}
