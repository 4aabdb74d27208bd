/* Prints docs/OPTIONS.md. */
#include "fs/options.h"

int main(void)
{
    kfs_options_print_markdown(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
