/*
 * bench.c - `fovea bench`: how fast this machine trains and runs LeNet-5, beside what its cores can
 * do at best.
 *
 * One thread and many alternate, because machines drift; the medians count. With a data set:
 * bench_data.c.
 *
 * Layer 6. Calls fovea.h, cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "bench/speed.h"
#include "common/cli.h"

enum { ROUNDS_MAX = 3, QUICK_STEPS = 100 };

/* With one number of threads: the result of each round, in seconds an image. */
typedef struct entry {
    speed speed;
    int threads;
    double training[ROUNDS_MAX], evaluation[ROUNDS_MAX], latency[ROUNDS_MAX], late[ROUNDS_MAX];
} entry;

static fv_status run_round(entry *e, int round, int steps)
{
    fv_result unused;
    e->training[round] = speed_training(&e->speed, steps);
    e->evaluation[round] = speed_evaluation(&e->speed, &unused);
    e->latency[round] = speed_latency(&e->speed, &e->late[round]);
    return fv_error(e->speed.ctx);
}

static void keep_medians(entry *e, int rounds)
{
    double *all[] = {e->training, e->evaluation, e->latency, e->late};
    for (int i = 0; i < 4; i++)
        all[i][0] = quantile(all[i], rounds, 0.5);
}

/* The share of the peak of its cores that training reaches. */
static double share_of_peak(const entry *e, double peak)
{
    return e->speed.flops / e->training[0] * 1e-9 / (peak * e->threads);
}

static void print_rate(const char *what, const entry *e, double seconds, const char *end)
{
    char rate[32];
    printf("%s%d thread%s %10s images/s%s", what, e->threads, e->threads > 1 ? "s" : " ",
           with_commas((int64_t)(1 / seconds + 0.5), rate), end);
}

static int print_text(const fv_device *d, const entry *entries, int count, double peak)
{
    printf("kernels     %s, %s\npeak        %.1f GFLOP/s a core\n", d->kernels, d->why, peak);
    for (const entry *e = entries; e < entries + count; e++) {
        print_rate("training    ", e, e->training[0], "");
        printf("   an epoch in %.3f s   %.0f%% of the peak\n", 60000 * e->training[0],
               100 * share_of_peak(e, peak));
    }
    for (const entry *e = entries; e < entries + count; e++)
        print_rate("evaluation  ", e, e->evaluation[0], "\n");
    printf("one image   %.1f us, one in a hundred over %.1f us\n", 1e6 * entries->latency[0],
           1e6 * entries->late[0]);
    return EXIT_DONE;
}

static int print_json(const fv_device *d, const entry *entries, int count, double peak)
{
    cJSON *root = json_add(cJSON_CreateObject(),
                           "kernels %s peak_gflops %g latency_us %g latency_p99_us %g", d->kernels,
                           peak, 1e6 * entries->latency[0], 1e6 * entries->late[0]);
    cJSON *list = cJSON_AddArrayToObject(root, "runs");
    for (const entry *e = entries; e < entries + count; e++)
        cJSON_AddItemToArray(list, json_add(cJSON_CreateObject(),
                                            "threads %d training_images_per_s %g "
                                            "evaluation_images_per_s %g share_of_peak %g",
                                            e->threads, 1 / e->training[0], 1 / e->evaluation[0],
                                            share_of_peak(e, peak)));
    return json_line(root);
}

static int run_bench(const settings *s)
{
    if (s->args[0])
        return bench_data(s);
    if (s->given & (TAKES(OPT_SIZE) | TAKES(OPT_AUGMENT) | TAKES(OPT_BATCH_SIZE)))
        return fail(EXIT_USAGE, "E-ARGS",
                    "--size, --augment and --batch-size are of pictures, and "
                    "no data set is given\nhelp: fovea bench photos/");
    entry entries[2];
    settings one = *s;
    one.threads = 1;
    fv_ctx *ctx[2] = {open_context(&one), open_context(s)};
    fv_device d = fv_device_describe(ctx[1]);
    int count = d.threads > 1 ? 2 : 1, rounds = s->quick ? 1 : ROUNDS_MAX;
    fv_status status = fv_error(ctx[1]);
    double peak[ROUNDS_MAX];
    for (int i = 0; i < count && !status; i++)
        entries[i] = (entry){.speed = speed_open(ctx[i], s->root), .threads = i ? d.threads : 1};
    for (int round = 0; round < rounds; round++) {
        peak[round] = status ? 0 : peak_gflops(d.kernels);
        for (int i = 0; i < count && !status; i++)
            status = run_round(&entries[i], round, s->quick ? QUICK_STEPS : 0);
    }
    for (int i = 0; i < count && !status; i++)
        keep_medians(&entries[i], rounds);
    int code = status ? fail_context(fv_error(ctx[0]) ? ctx[0] : ctx[1], "fovea help bench")
                      : (s->json ? print_json : print_text)(&d, entries, count,
                                                            quantile(peak, rounds, 0.5));
    fv_close(ctx[0]);
    fv_close(ctx[1]);
    return code;
}

const command bench_command = {
    .name = "bench",
    .summary = "Measure how fast this machine trains and runs",
    .usage = "[DATA]",
    .examples = {{"fovea bench", "with 1 thread, and with all"},
                 {"fovea bench --threads 1 --kernels avx2", "as a machine without AVX-512"},
                 {"fovea bench --quick --json", "in a second, for a program"},
                 {"fovea bench photos/", "how fast your pictures are read"}},
    .notes = "LeNet-5 on MNIST, batch 64, float32; medians of three repetitions. The peak is\n"
             "the speed of a core with multiply-adds alone. Against PyTorch and oneDNN: make\n"
             "bench. With DATA, which is what fovea train takes: an epoch of its training\n"
             "pictures, with the transforms of training, by 0, 1 and 2 workers.",
    .options = TAKES(OPT_BATCH_SIZE) | TAKES(OPT_SIZE) | TAKES(OPT_AUGMENT) | TAKES(OPT_SKIP_BAD) |
               TAKES(OPT_ROOT) | TAKES(OPT_THREADS) | TAKES(OPT_KERNELS) | TAKES(OPT_QUICK) |
               TAKES(OPT_JSON),
    .max_args = 1,
    .run = run_bench,
};
