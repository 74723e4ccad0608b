/*
 * test_metrics.c - metrics against scikit-learn's published examples and textbook loops, Wilson
 * intervals against published values.
 */
#include "testing.h"

#include <math.h>

static fv_ctx *ctx;

static int open_context(void **state)
{
    (void)state;
    ctx = fv_open(NULL);
    return ctx == NULL;
}

static int close_context(void **state)
{
    (void)state;
    fv_close(ctx);
    return 0;
}

static bool near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

/* Counts samples whose largest output is at guesses[i]. */
static fv_metrics *counted(int classes, int n, const int64_t *labels, const int *guesses)
{
    fv_metrics *m = fv_metrics_new(ctx, classes);
    for (int i = 0; i < n; i++) {
        float y[16] = {0};
        y[guesses[i]] = 1;
        fv_metrics_add(m, 1, y, labels + i);
    }
    assert_fine(ctx);
    return m;
}

/* ---- published ------------------------------------------------------------------------------ */

/* R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3. */
static void wilson(void **state)
{
    (void)state;
    static const struct {
        int successes, trials;
        double low, high;
    } published[] = {
        {81, 263, 0.2553, 0.3662},
        {15, 148, 0.0624, 0.1605},
        {0, 20, 0.0000, 0.1611},
        {1, 29, 0.0061, 0.1718},
    };
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        double low, high, mirrored[2];
        fv_wilson(published[i].successes, published[i].trials, 1.959964, &low, &high);
        assert_true(near(low, published[i].low, 5e-5) && near(high, published[i].high, 5e-5));
        fv_wilson(published[i].trials - published[i].successes, published[i].trials, 1.959964,
                  mirrored, mirrored + 1);
        assert_true(near(mirrored[0], 1 - high, 1e-12) && near(mirrored[1], 1 - low, 1e-12));
    }
    double low, high;
    fv_wilson(0, 20, 1.959964, &low, &high);
    assert_true(low == 0);
    fv_wilson(7, 7, 1.959964, &low, &high);
    assert_true(high == 1 && low > 0.5);
    fv_wilson(0, 0, 1.959964, &low, &high);
    assert_true(low == 0 && high == 1);
}

/* The examples in the documentation of sklearn.metrics: confusion_matrix, f1_score and
   precision_score (six samples), classification_report (five). */
static void scikit_learn(void **state)
{
    (void)state;
    const int64_t *confusion;
    fv_metrics *m = counted(3, 6, (int64_t[]){2, 0, 2, 2, 0, 1}, (int[]){0, 0, 2, 2, 0, 2});
    confusion = fv_metrics_confusion(m);
    assert_memory_equal(confusion, ((int64_t[]){2, 0, 0, 0, 0, 1, 1, 0, 2}), 9 * sizeof *confusion);

    m = counted(3, 6, (int64_t[]){0, 1, 2, 0, 1, 2}, (int[]){0, 2, 1, 0, 0, 1});
    fv_scores s = fv_metrics_scores(m);
    assert_true(near(s.macro_f1, 0.26, 0.01) && near(s.micro.f1, 0.33, 0.005));
    assert_true(near(s.macro_precision, 0.22, 0.005) && near(s.macro_recall, 0.33, 0.005));
    assert_true(near(fv_metrics_class(m, 0).f1, 0.8, 1e-12));
    assert_true(fv_metrics_class(m, 1).f1 == 0 && fv_metrics_class(m, 2).f1 == 0);

    m = counted(3, 5, (int64_t[]){0, 1, 2, 2, 2}, (int[]){0, 0, 2, 2, 1});
    static const double report[3][4] = {{0.5, 1, 0.67, 1}, {0, 0, 0, 1}, {1, 0.67, 0.8, 3}};
    for (int c = 0; c < 3; c++) {
        fv_class_scores one = fv_metrics_class(m, c);
        assert_true(near(one.precision.value, report[c][0], 0.005));
        assert_true(near(one.recall.value, report[c][1], 0.005));
        assert_true(near(one.f1, report[c][2], 0.005));
        assert_true((double)one.support == report[c][3]);
    }
    s = fv_metrics_scores(m);
    assert_true(near(s.accuracy.value, 0.6, 1e-12) && near(s.macro_precision, 0.5, 0.005));
    assert_true(near(s.macro_recall, 0.56, 0.005) && near(s.macro_f1, 0.49, 0.005));
}

/* sklearn.metrics.top_k_accuracy_score: 0.75 for k = 2. */
static void top_k(void **state)
{
    (void)state;
    static const float y[4][3] = {
        {0.5f, 0.2f, 0.2f}, {0.3f, 0.4f, 0.2f}, {0.2f, 0.4f, 0.3f}, {0.7f, 0.2f, 0.1f}};
    const int64_t labels[] = {0, 1, 2, 2};
    static const double expected[] = {0.5, 0.75, 1};
    for (int k = 1; k <= 3; k++) {
        fv_metrics *m = fv_metrics_new(ctx, 3, .top_k = k);
        fv_metrics_add(m, 4, y[0], labels);
        fv_scores s = fv_metrics_scores(m);
        assert_int_equal(s.top_k, k);
        assert_true(s.top_k_accuracy.value == expected[k - 1]);
    }
    assert_int_equal(fv_metrics_scores(fv_metrics_new(ctx, 3)).top_k, 3);
    assert_int_equal(fv_metrics_scores(fv_metrics_new(ctx, 30)).top_k, 5);
}

/* ---- textbook ------------------------------------------------------------------------------- */

enum { N = 500, K = 7 };

/* Everything again, one question at a time. Outputs are of few values, so that many are equal. */
static void by_loops(void **state)
{
    (void)state;
    static float y[N][K];
    static int64_t labels[N];
    int guesses[N], right = 0, in_top = 0;
    float *random = random_floats(N * (K + 1), 9);
    for (int i = 0; i < N; i++) {
        labels[i] = (int64_t)(floorf((random[i * (K + 1) + K] + 1) * 3)); /* never the last class */
        guesses[i] = 0;
        for (int c = 0; c < K; c++) {
            y[i][c] = floorf(random[i * (K + 1) + c] * 4) + (c == labels[i] ? 2 : 0);
            guesses[i] = y[i][c] > y[i][guesses[i]] ? c : guesses[i];
        }
        right += guesses[i] == labels[i];
        bool taken[K] = {false};
        for (int k = 0; k < 2; k++) { /* the two largest, one after the other */
            int best = -1;
            for (int c = 0; c < K; c++)
                if (!taken[c] && (best < 0 || y[i][c] > y[i][best]))
                    best = c;
            taken[best] = true;
        }
        in_top += taken[labels[i]];
    }
    fv_metrics *m = fv_metrics_new(ctx, K, .top_k = 2);
    for (int i = 0, n; i < N; i += n) {
        n = i + 37 < N ? 37 : N - i;
        fv_metrics_add(m, n, y[i], labels + i);
    }
    fv_metrics_add(m, 0, NULL, NULL);
    assert_fine(ctx);
    fv_scores s = fv_metrics_scores(m);
    double macro = 0, low, high;
    for (int c = 0; c < K; c++) {
        int both = 0, guessed = 0, support = 0;
        for (int i = 0; i < N; i++) {
            both += guesses[i] == c && labels[i] == c;
            guessed += guesses[i] == c;
            support += labels[i] == c;
        }
        double precision = guessed ? (double)both / guessed : 0;
        double recall = support ? (double)both / support : 0;
        double f1 = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
        fv_class_scores one = fv_metrics_class(m, c);
        assert_true(one.right == both && one.guessed == guessed && one.support == support);
        assert_true(near(one.precision.value, precision, 1e-12));
        assert_true(near(one.recall.value, recall, 1e-12) && near(one.f1, f1, 1e-12));
        fv_wilson(both, guessed, 1.959963984540054, &low, &high);
        assert_true(one.precision.low == low && one.precision.high == high);
        macro += f1 / K;
    }
    fv_wilson(right, N, 1.959963984540054, &low, &high);
    assert_true(s.accuracy.low == low && s.accuracy.high == high && s.total == N);
    assert_true(near(s.accuracy.value, (double)right / N, 1e-12));
    assert_true(near(s.top_k_accuracy.value, (double)in_top / N, 1e-12));
    assert_true(near(s.macro_f1, macro, 1e-12) && s.micro.right == right);
    assert_int_equal(fv_metrics_class(m, K - 1).support, 0);
    assert_true(in_top > right && right > N / 4); /* the data asks for something */
    free(random);
}

static void nan_is_no_guess(void **state)
{
    (void)state;
    const float y[][3] = {{NAN, 0, 0}, {2, 1, NAN}, {-INFINITY, -INFINITY, -INFINITY}, {0, 1, 0}};
    const int64_t labels[] = {0, 0, 0, 1};
    assert_int_equal(fv_argmax(y[0], 3), -1);
    assert_int_equal(fv_argmax(y[1], 3), -1);
    assert_int_equal(fv_argmax(y[2], 3), 0);
    assert_int_equal(fv_argmax(y[0], 0), -1);
    assert_int_equal(fv_argmax((float[]){1, 3, 3, 2}, 4), 1);
    fv_metrics *m = fv_metrics_new(ctx, 3);
    fv_metrics_add(m, 4, y[0], labels);
    fv_scores s = fv_metrics_scores(m);
    assert_true(s.accuracy.value == 0.5 && s.top_k_accuracy.value == 0.5 && s.total == 4);
    assert_true(s.micro.precision.value == 1 && s.micro.recall.value == 0.5);
    assert_int_equal(fv_metrics_class(m, 0).support, 3);
    assert_int_equal(fv_metrics_confusion(m)[0], 1);
    assert_int_equal(fv_metrics_confusion(m)[1] + fv_metrics_confusion(m)[2], 0);
    fv_metrics_reset(m);
    s = fv_metrics_scores(m);
    assert_true(s.total == 0 && s.accuracy.value == 0 && s.micro.f1 == 0);
    assert_int_equal(fv_metrics_confusion(m)[0], 0);
    assert_fine(ctx);
}

/* ---- text and errors ------------------------------------------------------------------------ */

static void text(void **state)
{
    (void)state;
    const char *const names[] = {"cat", "dog", "unnameable"};
    fv_metrics *m = counted(3, 5, (int64_t[]){0, 1, 2, 2, 2}, (int[]){0, 0, 2, 2, 1});
    assert_string_equal(fv_metrics_text(m, names),
                        "class       precision     recall         F1    support\n"
                        "cat            0.5000     1.0000     0.6667          1\n"
                        "dog            0.0000     0.0000     0.0000          1\n"
                        "unnameable     1.0000     0.6667     0.8000          3\n"
                        "\n"
                        "macro          0.5000     0.5556     0.4889          5\n"
                        "micro          0.6000     0.6000     0.6000          5\n"
                        "accuracy       0.6000  (95 %: 0.2307 to 0.8824)\n"
                        "\n"
                        "label       guess, by number\n"
                        "                0      1      2\n"
                        "cat             1      0      0\n"
                        "dog             1      0      0\n"
                        "unnameable      0      1      2\n");
    m = counted(12, 1, (int64_t[]){11}, (int[]){11});
    const char *all = fv_metrics_text(m, NULL);
    assert_non_null(
        strstr(all, "\n11           1.0000     1.0000     1.0000          1\n\nmacro "));
    assert_non_null(strstr(all, "\ntop 5        1.0000  (95 %: 0.2065 to 1.0000)\n"));
    assert_null(strstr(all, "label"));
    m = fv_metrics_new(ctx, 10); /* the longest that has a matrix fits */
    float y[10] = {1};
    fv_metrics_add(m, 1, y, (int64_t[]){9});
    all = fv_metrics_text(m, NULL);
    assert_string_equal(all + strlen(all) - 8, "      0\n");
    assert_fine(ctx);
}

static void refused(void **state)
{
    (void)state;
    const float y[4] = {0};
    const int64_t labels[] = {0, 2};
    fv_metrics_new(ctx, 0);
    assert_error(ctx, FV_E_ARG, "fv_metrics_new: classes is 0, but must be 1 or more");
    fv_metrics_new(ctx, 3, .top_k = 4);
    assert_error(ctx, FV_E_ARG, "fv_metrics_new: top_k is 4, but must be 1 to 3, the classes");
    fv_metrics *m = fv_metrics_new(ctx, 2);
    fv_metrics_add(m, 2, y, labels);
    assert_error(ctx, FV_E_CLASS,
                 "fv_metrics_add: label 2 of sample 1: there are 2 classes, 0 to 1");
    fv_metrics_add(m, 1, NULL, labels);
    assert_error(ctx, FV_E_ARG,
                 "fv_metrics_add takes outputs [n][2] and labels [n]; n is 1, and one of them is "
                 "NULL");
    fv_metrics_add(m, -1, y, labels);
    assert_error(ctx, FV_E_ARG,
                 "fv_metrics_add takes outputs [n][2] and labels [n]; n is -1, and must be 0 or "
                 "more");
    assert_int_equal(fv_metrics_scores(m).total, 0);
    assert_int_equal(fv_metrics_class(m, 2).support + fv_metrics_class(NULL, 0).support, 0);
    assert_true(fv_metrics_add(NULL, 1, y, labels) && !fv_metrics_text(NULL, NULL));
    fv_metrics_free(m);
}

/* Whichever allocation fails, it is said, and nothing leaks. */
static void no_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (long fail_at = 1; failed; fail_at++) {
        counting count = {.fail_at = fail_at};
        fv_ctx *tight = fv_open(&(fv_options){.user = &count, .allocate = counting_allocate});
        fv_metrics *m = fv_metrics_new(tight, 3);
        const char *shown = fv_metrics_text(m, NULL);
        failed = shown == NULL;
        assert_int_equal(fv_error(tight), failed ? FV_E_MEMORY : FV_OK);
        assert_true(failed == (count.calls >= fail_at));
        fv_close(tight);
        assert_int_equal(count.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson),   cmocka_unit_test(scikit_learn),    cmocka_unit_test(top_k),
        cmocka_unit_test(by_loops), cmocka_unit_test(nan_is_no_guess), cmocka_unit_test(text),
        cmocka_unit_test(refused),  cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
