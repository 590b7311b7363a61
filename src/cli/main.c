/* main.c - ostraka, the operator's tool. */
#include <signal.h>

#include "cli/command.h"

int main(int argc, char *argv[])
{
    signal(SIGPIPE, SIG_IGN);
    return command_main(argc, argv);
}
