#include "clients/cli/command.h"

#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    /* Writing to a reader that went away is an error like another, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    const size_t argument_count = argc > 0 ? (size_t)argc - 1 : 0;
    return cli_run(argument_count, argv + (argc > 0), environ);
}
