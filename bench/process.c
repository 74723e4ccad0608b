/*
 * process.c - runs a command several times and prints the median time and the highest peak memory
 * of any run. Discards the command's output.
 *
 *   process TIMES COMMAND...      prints: seconds S memory MB
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/speed.h"

enum { TIMES_MAX = 100 };

/* Returns the seconds of one run, below 0 if it failed. */
static double run_once(char **command)
{
    int status = 1;
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execvp(command[0], command);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        return -1;
    return now() - start;
}

int main(int argc, char **argv)
{
    double seconds[TIMES_MAX];
    int times = argc > 2 ? atoi(argv[1]) : 0;
    if (times < 1 || times > TIMES_MAX)
        return 2;
    for (int i = 0; i < times; i++)
        if ((seconds[i] = run_once(argv + 2)) < 0) {
            fprintf(stderr, "process: %s failed\n", argv[2]);
            return 1;
        }
    struct rusage all;
    getrusage(RUSAGE_CHILDREN, &all);
    printf("seconds %.5f memory %.1f\n", quantile(seconds, times, 0.5),
           1e-6 * 1024 * (double)all.ru_maxrss);
    return 0;
}
