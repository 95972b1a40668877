/* deltastream completion, and the scripts that it prints. */
#include "clients/cli/completion_scripts.h"

#include "clients/cli/command.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <string.h>

const char *const completion_shells[] = {"bash", "zsh", "fish", NULL};

/* readline parts words at = and : too and replaces only what stands behind the last of them. */
static const char bash_script[] =
    "# Completion of deltastream for bash. Load it with: source <(deltastream completion bash)\n"
    "_deltastream() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words answer word stem\n"
    "    read -ra words <<<\"$line\"\n"
    "    if [[ $line == *[[:space:]] ]]; then words+=(\"\"); fi\n"
    "    word=${words[-1]}\n"
    "    stem=${word%\"${word##*[=:]}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r answer; do\n"
    "        case $answer in\n"
    "        :files)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- "
    "\"${word#\"$stem\"}\")\n"
    "            ;;\n"
    "        :folders)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -d -- "
    "\"${word#\"$stem\"}\")\n"
    "            ;;\n"
    "        *)\n"
    "            answer=${answer%%$'\\t'*}\n"
    "            COMPREPLY+=(\"${answer#\"$stem\"}\")\n"
    "            ;;\n"
    "        esac\n"
    "    done < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _deltastream deltastream\n";

static const char zsh_script[] =
    "#compdef deltastream\n"
    "# Completion of deltastream for zsh. Load it with: source <(deltastream completion zsh)\n"
    "_deltastream() {\n"
    "    local -a answers candidates\n"
    "    local answer\n"
    "    answers=(\"${(@f)$(\"${words[1]}\" __complete \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)}\")\n"
    "    for answer in $answers; do\n"
    "        case $answer in\n"
    "        :files) _files ;;\n"
    "        :folders) _files -/ ;;\n"
    "        *) candidates+=(\"${${answer%%$'\\t'*}//:/\\\\:}:${answer#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    if (( $#candidates )); then _describe deltastream candidates; fi\n"
    "}\n"
    "if [[ ${funcstack[1]} == _deltastream ]]; then\n"
    "    _deltastream \"$@\"\n"
    "else\n"
    "    compdef _deltastream deltastream\n"
    "fi\n";

static const char fish_script[] =
    "# Completion of deltastream for fish. Load it with: deltastream completion fish | source\n"
    "function __deltastream_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    for answer in ($words[1] __complete $words[2..] \"$current\" 2>/dev/null)\n"
    "        switch $answer\n"
    "            case ':files'\n"
    "                __fish_complete_path \"$current\"\n"
    "            case ':folders'\n"
    "                __fish_complete_directories \"$current\"\n"
    "            case '*'\n"
    "                echo $answer\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c deltastream -f -a '(__deltastream_complete)'\n";

/* The script of a shell; NULL for another one. */
static const char *completion_script(const char *shell)
{
    static const char *const scripts[] = {bash_script, zsh_script, fish_script};
    for (size_t i = 0; completion_shells[i] != NULL; i++) {
        if (strcmp(shell, completion_shells[i]) == 0) {
            return scripts[i];
        }
    }
    return NULL;
}

static int refuse_shell(const char *shell)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, shell);
    for (size_t i = 0; completion_shells[i] != NULL; i++) {
        ds_suggest_offer(&suggestion, completion_shells[i]);
    }
    fprintf(stderr, "deltastream completion: there is no script for \"%s\"", shell);
    if (suggestion.best != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?\n", suggestion.best);
    } else {
        fprintf(stderr, "; there are bash, zsh and fish\n");
    }
    return DS_EXIT_USAGE;
}

static int run(struct ds_config *config, void *options)
{
    (void)options;
    const char *script = completion_script(ds_config_operand(config, 0));
    if (script == NULL) {
        return refuse_shell(ds_config_operand(config, 0));
    }
    fputs(script, stdout);
    return DS_EXIT_OK;
}

static const struct ds_program program = {
    .name = "deltastream completion",
    .summary = "Print the script that completes this command line in a shell.",
    .examples = "  source <(deltastream completion bash)     # in ~/.bashrc\n"
                "  source <(deltastream completion zsh)      # in ~/.zshrc, behind compinit\n"
                "  deltastream completion fish | source      # in ~/.config/fish/config.fish\n",
    .operands = "bash|zsh|fish",
    .operand_min = 1,
    .operand_max = 1,
};

const struct cli_command command_completion = {
    .program = &program, .run = run, .operand = CLI_OPERAND_SHELL, .is_local = true};
