/*
 * test_args.c - arguments as text: layers, optimizers, schedules, transforms and losses accept,
 * reject and print the same, since they share one table, parser and printer.
 */
#include "testing.h"

#include "args/args.h"

/* ---- the table itself ---------------------------------------------------------------------- */

typedef struct everything {
    int whole, size, padding;
    int64_t large;
    double number, pair[2];
    bool flag;
    int word;
    const char *name, *text;
    const int *list;
    int n_list;
} everything;

static const char *const names[] = {"min", "max", NULL};
static const fv_arg table[] = {
    FV_ARG(everything, whole, FV_ARG_INT, .range = FV_FROM_1, .initial = {1, {3}}),
    FV_ARG(everything, size, FV_ARG_SIZE, .range = {1, 32767, 0}),
    FV_ARG(everything, padding, FV_ARG_SIZE, .words = "valid same"),
    FV_ARG(everything, large, FV_ARG_LONG, .initial = {1, {-100}}),
    FV_ARG(everything, number, FV_ARG_NUMBER, .range = FV_BELOW_1, .initial = {1, {0.5}}),
    FV_ARG(everything, pair, FV_ARG_PAIR, .range = FV_BELOW_1, .initial = {2, {0.9, 0.99}}),
    FV_ARG(everything, flag, FV_ARG_FLAG),
    FV_ARG(everything, word, FV_ARG_WORD, .words = "zeros reflect circular"),
    FV_ARG(everything, name, FV_ARG_NAME, .names = names),
    FV_ARG(everything, text, FV_ARG_TEXT),
    FV_ARG(everything, list, FV_ARG_INTS),
    {0},
};

/* Reads a text and settles it; NULL or the message. */
static const char *reading(const char *text, everything *to, int list[FV_LIST_MAX])
{
    static fv_arg_error error;
    static char copy[2000];
    char *at = copy;
    fv_statement s = {.what = "text"};
    fv_args_reader r = {.name = "it", .args = table, .places = 2, .to = to, .list = list};
    snprintf(copy, sizeof copy, "%s", text);
    *to = (everything){0};
    return fv_statement_next(&s, &at, ";", &error) && fv_args_read(&r, s.words, s.count, &error) &&
                   fv_args_settle(table, to, &error)
               ? NULL
               : error.text;
}

static void forms(void **state)
{
    (void)state;
    static const char *const same[] = {
        " list=1",
        " 7 3x2 padding=same large=0 number=0 flag word=circular name=max text=a list=1,2",
        " 7 3x2 pair=0,0.25 list=1,2",
        " 2147483647 32767 padding=1x2 large=-9007199254740992 number=0.30000000000000004 list=5",
        " 3 2 list=-1",
    };
    int list[FV_LIST_MAX];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        everything read;
        char text[300] = "";
        fv_text to = {text, sizeof text}, counted = {NULL, 0};
        assert_null(reading(same[i], &read, list));
        fv_args_put(&to, table, 2, &read);
        fv_args_put(&counted, table, 2, &read);
        assert_int_equal(counted.left, strlen(text));
        assert_string_equal(text, same[i]);
    }
    everything a;
    assert_null(reading("pair=1/2,3/4 flag=false number=1/3 size=4x4", &a, NULL));
    assert_true(a.pair[0] == 0.5 && a.pair[1] == 0.75 && !a.flag && a.number == 1.0 / 3);
    assert_int_equal(a.size, 4);
    assert_int_equal(a.whole, 3);
    assert_true(a.large == -100);
    assert_ptr_equal(a.name, names[0]);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"whole=0", "whole is 0, but must be 1 or more"},
        {"whole=1.5", "whole is \"1.5\", but must be a whole number, 1 or more"},
        {"whole=2147483648", "whole is 2147483648, but must be 1 or more"},
        {"whole=1e30", "whole is \"1e30\", but must be a whole number, 1 or more"},
        {"whole=nan", "whole is \"nan\", but must be a whole number, 1 or more"},
        {"whole=0x10", "whole is \"0x10\", but must be a whole number, 1 or more"},
        {"whole", "whole is \"\", but must be a whole number, 1 or more"},
        {"large=0.5", "large is \"0.5\", but must be a whole number"},
        {"large=1e30", "large is \"1e30\", but must be a whole number"},
        {"size=0", "size is 0, but must be 1 to 32767"},
        {"size=1073774593", "size is 1073774593, but must be 1 to 32767"},
        {"size=2147483647", "size is 2147483647, but must be 1 to 32767"},
        {"padding=3x40000", "padding is 40000, but must be 0 to 32767"},
        {"number=1", "number is 1, but must be in [0,1)"},
        {"number=inf", "number is \"inf\", but must be a number, in [0,1)"},
        {"pair=0.5",
         "pair is \"0.5\", but must be 2 numbers with commas between them, each in [0,1)"},
        {"pair=0.5,1", "pair is 1, but must be in [0,1)"},
        {"flag=1", "flag is \"1\", but must be true or false"},
        {"word=none", "word is \"none\", but must be zeros, reflect or circular"},
        {"name=best", "name is \"best\", but must be min or max"},
        {"text=", "text is \"\", but must be a text that is not empty"},
        {"list=1,x", "list is \"1,x\", but must be whole numbers with commas between them"},
        {"flag flag", "flag is given twice"},
        {"1 whole=1", "whole is given twice"},
        {"wohle=1", "it has no argument \"wohle\"\nhelp: did you mean whole?"},
        {"1 2 3", "\"3\" is one value too many\nhelp: arguments after the first 2 go by name"},
    };
    everything a;
    int list[FV_LIST_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *error = reading(cases[i].text, &a, list);
        assert_non_null(error);
        assert_string_equal(error, cases[i].error);
    }
}

/* ---- every user of it ----------------------------------------------------------------------- */

static fv_net *net_of(fv_ctx *ctx)
{
    return fv_net_text(ctx, "input 1 4 4; flatten; linear 3; log_softmax");
}

/* Makes what text says, of a kind; false after an error. */
static bool make(fv_ctx *ctx, int kind, const char *text)
{
    fv_net *net = net_of(ctx);
    if (kind == 0)
        return fv_layers(fv_input(ctx, 4, 8, 8), text, 0).graph != NULL;
    if (kind == 1)
        return fv_optim_text(net, text) != NULL;
    if (kind == 2)
        return fv_schedule_text(fv_optim_text(net, "sgd"), text) != NULL;
    return fv_transform_new(ctx, text) != NULL;
}

/* One mistake has one message, for layers, optimizers, schedules and transforms. */
static void alike(void **state)
{
    (void)state;
    static const struct {
        const char *text[4], *error;
    } cases[] = {
        {{"dropuot", "sdg", "setp 3", "flpi"}, "help: did you mean "},
        {{"dropout q=1", "sgd learn=1", "step 3 x=1", "resize 4 antialias=1"},
         "has no argument \""},
        {{"dropout 0.1 p=0.1", "sgd lr=1 lr=1", "step 3 step_size=3", "flip 1 p=1"},
         " is given twice"},
        {{"dropout 1", "sgd momentum=1", "step 0", "flip 2"}, ", but must be "},
        {{"dropout nan", "sgd momentum=nan", "step nan", "flip nan"}, "\"nan\", but must be a "},
        {{"dropout inf", "sgd momentum=inf", "step inf", "flip inf"}, "\"inf\", but must be a "},
        {{"slice 1.5", "sgd lr=x", "step 1.5", "resize 1.5"}, ", but must be a "},
        {{"slice 1e30", "sgd lr=1e30", "step 1e30", "resize 1e30"}, ", but must be a "},
        {{"conv2d 4 3 1", NULL, "step 3 4", "flip 1 1"}, "is one value too many"},
        {{"conv2d 4 3 padding=1073774593", NULL, NULL, "pad 1073774593"},
         ", but must be 0 to 32767"},
        {{"conv2d 4 3 stride=2147483647", NULL, NULL, "resize 2147483647"},
         ", but must be 1 to 32767"},
        {{"conv2d 4 3 stride=0", NULL, NULL, "resize 0"}, " is 0, but must be 1 to 32767"},
    };
    fv_ctx *ctx = fv_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = 0; kind < 4; kind++) {
            if (!cases[i].text[kind])
                continue;
            assert_false(make(ctx, kind, cases[i].text[kind]));
            if (!strstr(fv_error_text(ctx), cases[i].error))
                fail_msg("%s: %s", cases[i].text[kind], fv_error_text(ctx));
            fv_error_clear(ctx);
        }
    fv_close(ctx);
}

/* A 0 that is typed is 0, even where leaving the argument out means another number. */
static void zeros(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_net_text(ctx, "input 1 4 4; dropout 0; dropout2d p=0; dropout");
    assert_non_null(net);
    assert_string_equal(fv_text_of(net), "input 1 4 4; dropout 0; dropout2d 0; dropout");
    assert_false(make(ctx, 0, "elu 0"));
    assert_string_equal(fv_error_text(ctx), "network text, statement 1 \"elu 0\": alpha is 0, but "
                                            "must be more than 0");
    fv_close(ctx);
}

/* The lists of what can be named have every name with its arguments, and each is read. */
static void lists(void **state)
{
    (void)state;
    static const struct {
        int (*list)(int index, char *text, size_t size);
        int count;
        const char *first, *some;
    } all[] = {
        {fv_transform_list, 36, "pad padding=N fill=0 padding_mode=constant", "flip p=0.5"},
        {fv_optim_list, 9, "sgd lr=0.001 momentum=0 dampening=0 weight_decay=0 nesterov maximize",
         "lion lr=0.0001 betas=0.9,0.99 weight_decay=0 maximize"},
        {fv_schedule_list, 9, "step step_size=N gamma=0.1", "multi_step milestones=N,N gamma=0.1"},
        {fv_loss_list, 9, "nll reduction=mean ignore_index=-100   (target: labels)",
         "focal reduction=mean alpha=0.25 gamma=2   (target: floats)"},
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        char text[600], part[8];
        bool found = false;
        int n = 0;
        for (; all[k].list(n, text, sizeof text); n++) {
            assert_int_equal(all[k].list(n, part, sizeof part), strlen(text));
            assert_int_equal(strncmp(part, text, sizeof part - 1), 0);
            found = found || strcmp(text, all[k].some) == 0;
            if (n == 0)
                assert_string_equal(text, all[k].first);
        }
        assert_true(found);
        assert_int_equal(n, all[k].count);
        assert_int_equal(all[k].list(-1, text, sizeof text), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(refusals), cmocka_unit_test(alike),
        cmocka_unit_test(zeros), cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
