// Put before a program by LD_PRELOAD: its wall clock is ahead by the seconds that stand in the file $RELEVO_TEST_CLOCK (a long),
// which may change at any time. The steady clock is left alone.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long* ahead;

__attribute__((constructor)) static void map_file(void) {
    const int file = open(getenv("RELEVO_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
    void* mapped = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) _exit(99);
    ahead = mapped;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec* time) {
    const long result = syscall(SYS_clock_gettime, which, time);
    if (result == 0 && ahead && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) time->tv_sec += *ahead;
    return (int)result;
}

time_t time(time_t* out) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
    struct timespec now = {0, 0};
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
