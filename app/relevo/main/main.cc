#include "app/cli/run.h"
#include "app/relevo/process.h"

#include <sodium.h>

int main(int argc, char** argv) {
    if (sodium_init() < 0) return 1;
    relevo::Process process;
    return relevo::cli::run(argc, argv, process);
}
