/*
 * test_base.c - context and errors, memory, random numbers, digests.
 *
 * Uses internals of base/base.h; test_base_files.c and test_base_threads.c cover the rest of it.
 * Oracles are published vectors (the C++ standard, NIST, PyTorch) and independent arithmetic.
 */
#include <locale.h>

#include "testing.h"

#include "base/base.h"

/* New blocks hold rubbish, and more than 2^40 bytes are refused as malloc would. */
static void *dirty_allocate(void *user, void *ptr, size_t size)
{
    void *block = size >> 40 ? NULL : counting_allocate(user, ptr, size);
    if (block && !ptr)
        memset(block, 0xa5, size);
    return block;
}

static fv_ctx *open_with(counting *memory)
{
    return fv_open(&(fv_options){.threads = 1, .user = memory, .allocate = dirty_allocate});
}

/* ---- context ------------------------------------------------------------------------------ */

static void names_and_version(void **state)
{
    (void)state;
    static const char *const names[] = {"ok",      "E-ARGS",   "E-SHAPE", "E-NAME",
                                        "E-STATE", "E-PATH",   "E-IO",    "E-DATA",
                                        "E-CLASS", "E-MEMORY", "E-DEVICE"};
    assert_int_equal(sizeof names / sizeof *names, FV_E_STATUS_COUNT);
    for (int i = 0; i < FV_E_STATUS_COUNT; i++)
        assert_string_equal(fv_status_name((fv_status)i), names[i]);
    assert_string_equal(fv_status_name(FV_E_STATUS_COUNT), "E-?");
    assert_string_equal(fv_status_name((fv_status)-1), "E-?");
    assert_string_equal(fv_version(), "0.1.0");
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_string_equal(fv_error_text(ctx), "");
    assert_int_equal(fv_fail(ctx, FV_E_DATA, "byte %d of \"%s\"", 8, "x.idx"), FV_E_DATA);
    assert_int_equal(fv_fail(ctx, FV_E_IO, "later"), FV_E_IO);
    assert_int_equal(fv_manual_seed(ctx, 1), FV_E_DATA);
    assert_int_equal(ctx->rng.state[0], 0); /* still the seed it was opened with */
    assert_int_equal(fv_write_file(ctx, "/dev/null/x", "", 0), FV_E_DATA);
    assert_error(ctx, FV_E_DATA, "byte 8 of \"x.idx\"");
    assert_int_equal(fv_error(ctx), FV_OK);
    assert_string_equal(fv_error_text(ctx), "");

    char longer[4 * sizeof ctx->error_text];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fv_fail(ctx, FV_E_NAME, "%s", longer);
    assert_int_equal(strlen(fv_error_text(ctx)), sizeof ctx->error_text - 1);
    fv_close(ctx);
}

static void null_is_fine(void **state)
{
    (void)state;
    char hex[65] = "?";
    assert_int_equal(fv_error(NULL), FV_OK);
    assert_string_equal(fv_error_text(NULL), "");
    assert_int_equal(fv_manual_seed(NULL, 1), FV_E_ARG);
    assert_error(NULL, FV_E_ARG,
                 "fv_manual_seed was given NULL, or what a failed call returned\n"
                 "help: fv_error of the context says which call failed first");
    assert_int_equal(fv_fail(NULL, FV_E_DATA, "x"), FV_E_DATA);
    assert_int_equal(fv_write_file(NULL, "/dev/null/x", "", 0), FV_E_DATA);
    assert_int_equal(fv_sha256_file(NULL, "/dev/null", hex), FV_E_DATA);
    assert_error(NULL, FV_E_DATA, "x");
    assert_string_equal(hex, "");
    assert_null(fv_device_describe(NULL).kernels);
    fv_error_clear(NULL);
    fv_object_free(NULL);
    fv_close(NULL);

    fv_ctx *ctx = fv_open(NULL);
    const char *no_path = "a path must be given, but it is NULL";
    fv_write_file(ctx, NULL, "", 0);
    assert_error(ctx, FV_E_ARG, no_path);
    fv_sha256_file(ctx, NULL, hex);
    assert_error(ctx, FV_E_ARG, no_path);
    fv_close(ctx);
}

static void options_out_of_range(void **state)
{
    (void)state;
    static const int wrong[] = {-1, INT32_MIN, FV_THREADS_MAX + 1, INT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fv_ctx *ctx = fv_open(&(fv_options){.threads = wrong[i], .kernels = "sse9"});
        char text[128];
        snprintf(text, sizeof text,
                 "threads is %d, but must be 1 to 256, or 0 for one per processor", wrong[i]);
        assert_error(ctx, FV_E_ARG, text);
        assert_int_equal(fv_device_describe(ctx).threads, 1);
        fv_close(ctx);
    }
    fv_ctx *ctx = fv_open(&(fv_options){.threads = FV_THREADS_MAX});
    assert_fine(ctx);
    assert_int_equal(fv_device_describe(ctx).threads, FV_THREADS_MAX);
    fv_close(ctx);
    ctx = fv_open(NULL);
    assert_int_equal(fv_device_describe(ctx).threads, fv_processors());
    assert_in_range(fv_processors(), 1, FV_THREADS_MAX);
    fv_close(ctx);
}

static void kernels_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"ref", "avx2", "avx512", "neon", "", "AVX2"};
    for (int i = 0; i < 6; i++) {
        fv_ctx *ctx = fv_open(&(fv_options){.kernels = names[i]});
        fv_device d = fv_device_describe(ctx);
        bool known = i < 4, here = known && strstr(d.available, names[i]);
        if (here) {
            assert_fine(ctx);
            assert_string_equal(d.kernels, names[i]);
            assert_string_equal(d.why, "asked for");
        } else {
            char text[256];
            snprintf(text, sizeof text,
                     "kernels \"%s\" cannot be used: %s\nhelp: this machine has %s", names[i],
                     known ? "this CPU or build does not have it" : "no such set", d.available);
            assert_error(ctx, known ? FV_E_DEVICE : FV_E_ARG, text);
            assert_non_null(strstr(d.available, d.kernels)); /* it goes on with the best there is */
        }
        fv_close(ctx);
    }
}

typedef struct notes {
    fv_log_level level;
    int count;
    char text[600];
} notes;

static void keep_note(void *user, fv_log_level level, const char *text)
{
    notes *n = user;
    n->level = level;
    n->count++;
    snprintf(n->text, sizeof n->text, "%s", text);
}

static void notes_go_to_the_log(void **state)
{
    (void)state;
    notes n = {.count = 0};
    fv_ctx *ctx = fv_open(&(fv_options){.user = &n, .log = keep_note});
    fv_note(ctx, FV_LOG_WARNING, "%d of %s", 3, "x");
    assert_int_equal(n.count, 1);
    assert_int_equal(n.level, FV_LOG_WARNING);
    assert_string_equal(n.text, "3 of x");
    fv_close(ctx);
    ctx = fv_open(NULL);
    fv_note(ctx, FV_LOG_NOTE, "to nobody");
    assert_fine(ctx);
    fv_close(ctx);
}

/* An object that writes its letter down when it is destroyed. */
typedef struct lettered {
    fv_object object;
    char letter, *end;
} lettered;

static void destroy_lettered(void *self)
{
    lettered *l = self;
    size_t n = strlen(l->end);
    l->end[n] = l->letter;
    fv_object_end(self);
}

static void close_ends_what_is_left(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = open_with(&memory);
    char end[8] = "";
    lettered *all[5];
    for (int i = 0; i < 5; i++) {
        all[i] = fv_object_new(ctx, sizeof **all, destroy_lettered);
        assert_int_equal(all[i]->letter, 0);
        all[i]->letter = (char)('a' + i);
        all[i]->end = end;
    }
    fv_object_free(all[2]); /* from the middle, the newest, the oldest */
    fv_object_free(all[4]);
    fv_object_free(all[0]);
    assert_string_equal(end, "cea");
    fv_close(ctx);
    assert_string_equal(end, "ceadb");
    assert_int_equal(memory.live, 0);
}

/* ---- memory ------------------------------------------------------------------------------- */

static void assert_zeros(const void *ptr, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        assert_int_equal(((const uint8_t *)ptr)[i], 0);
}

static void blocks_are_aligned_zeros(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = open_with(&memory);
    enum { BLOCKS = 300 };
    uint8_t *block[BLOCKS];
    for (size_t n = 0; n < BLOCKS; n++) {
        block[n] = fv_alloc(ctx, n, n % 7 + 1);
        assert_non_null(block[n]);
        assert_int_equal((uintptr_t)block[n] % 64, 0);
        assert_zeros(block[n], 0, n * (n % 7 + 1));
        memset(block[n], 0xff, n * (n % 7 + 1));
    }
    assert_int_equal(memory.live, BLOCKS + 1);
    for (size_t n = 0; n < BLOCKS; n++)
        fv_release(ctx, block[n]);
    fv_release(ctx, NULL);
    assert_non_null(block[0] = fv_alloc(ctx, 0, 0));
    fv_release(ctx, block[0]);
    char *text = fv_copy_text(ctx, "가나다");
    assert_string_equal(text, "가나다");
    fv_release(ctx, text);
    assert_int_equal(memory.live, 1);
    assert_fine(ctx);
    fv_close(ctx);
}

static void grow_keeps_what_fits(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = open_with(&memory);
    uint32_t *p = fv_grow(ctx, NULL, 3, sizeof *p);
    assert_zeros(p, 0, 12);
    for (uint32_t i = 0; i < 3; i++)
        p[i] = i + 1;
    p = fv_grow(ctx, p, 1000, sizeof *p);
    assert_int_equal((uintptr_t)p % 64, 0);
    assert_memory_equal(p, ((uint32_t[]){1, 2, 3}), 12);
    assert_zeros(p, 12, 4000);
    p = fv_grow(ctx, p, 2, sizeof *p);
    p = fv_grow(ctx, p, 4, sizeof *p);
    assert_memory_equal(p, ((uint32_t[]){1, 2, 0, 0}), 16);

    memory.fail_at = memory.calls + 1;
    assert_null(fv_grow(ctx, p, 50, sizeof *p));
    assert_error(ctx, FV_E_MEMORY, "no memory for 50 x 4 bytes");
    assert_null(fv_grow(ctx, p, SIZE_MAX / 2, sizeof *p));
    assert_int_equal(fv_error(ctx), FV_E_MEMORY);
    assert_memory_equal(p, ((uint32_t[]){1, 2, 0, 0}), 16);
    fv_release(ctx, p);
    assert_int_equal(memory.live, 1);
    fv_close(ctx);
}

/* A product that does not fit size_t is never asked for: it would wrap to a small one. */
static void sizes_do_not_wrap(void **state)
{
    (void)state;
    counting memory = {0};
    fv_ctx *ctx = open_with(&memory);
    static const size_t pairs[][2] = {
        {SIZE_MAX, 2}, {2, SIZE_MAX},     {SIZE_MAX / 2 + 2, 2}, {SIZE_MAX / 16 + 2, 16},
        {SIZE_MAX, 1}, {1, SIZE_MAX - 8}, {SIZE_MAX, SIZE_MAX},  {SIZE_MAX / 4, 1}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_null(fv_alloc(ctx, pairs[i][0], pairs[i][1]));
        assert_int_equal(fv_error(ctx), FV_E_MEMORY);
        fv_error_clear(ctx);
    }
    assert_int_equal(memory.calls, 1); /* the context alone */
    fv_close(ctx);
}

static void without_memory(void **state)
{
    (void)state;
    counting memory = {.fail_at = 1};
    assert_null(open_with(&memory));
    assert_int_equal(memory.live, 0);
    memory = (counting){.fail_at = 2};
    fv_ctx *ctx = open_with(&memory);
    assert_null(fv_alloc(ctx, 3, 5));
    assert_error(ctx, FV_E_MEMORY, "no memory for 3 x 5 bytes");
    memory.fail_at = 3;
    assert_null(fv_copy_text(ctx, "text"));
    assert_error(ctx, FV_E_MEMORY, "no memory for 5 x 1 bytes");
    memory.fail_at = 4;
    assert_null(fv_object_new(ctx, sizeof(lettered), destroy_lettered));
    assert_int_equal(fv_error(ctx), FV_E_MEMORY);
    fv_close(ctx); /* a half-made object would be destroyed here */
    assert_int_equal(memory.live, 0);
}

static void byte_order(void **state)
{
    (void)state;
    uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t word;
    fv_order_bytes(bytes, 2, 4, true);
    memcpy(&word, bytes + 4, 4);
    assert_int_equal(word, 0x05060708);
    fv_order_bytes(bytes, 2, 4, true);
    fv_order_bytes(bytes, 2, 4, false);
    memcpy(&word, bytes + 4, 4);
    assert_int_equal(word, 0x08070605);
    fv_order_bytes(bytes, 8, 1, true);
    memcpy(&word, bytes, 4);
    assert_int_equal(word, 0x04030201);
}

/* ---- random numbers ----------------------------------------------------------------------- */

static void random_numbers_are_pytorchs(void **state)
{
    (void)state;
    fv_rng rng, same;
    fv_rng_seed(&rng, 5489); /* C++11 26.5.5 [rand.predef]: the 10000th number of mt19937 */
    for (int i = 1; i < 10000; i++)
        fv_rng_u32(&rng);
    assert_int_equal(fv_rng_u32(&rng), 4123659995u);

    fv_ctx *ctx = fv_open(NULL); /* torch.manual_seed(0); torch.rand(3) */
    static const float rand3[] = {0.4963f, 0.7682f, 0.0885f};
    for (int round = 0; round < 2; round++, fv_manual_seed(ctx, 0))
        for (int i = 0; i < 3; i++)
            assert_float_equal(fv_rng_uniform(&ctx->rng, 0, 1), rand3[i], 5e-5);
    fv_close(ctx);

    fv_rng_seed(&rng, 7);
    fv_rng_seed(&same, 7 | (uint64_t)9 << 32); /* the low half counts */
    for (int i = 0; i < 1000; i++) {
        uint64_t high = fv_rng_u32(&same), low = fv_rng_u32(&same);
        assert_true(fv_rng_u63(&rng) == (high << 32 | low) % ((uint64_t)1 << 63));
    }
}

/* In double, u * 2k - k is exact: a 24-bit number by a 24-bit one, less one of that size. So the
   cast is the only rounding, as it must be. */
static void uniform_rounds_once(void **state)
{
    (void)state;
    fv_rng rng, same;
    fv_rng_seed(&rng, 3);
    fv_rng_seed(&same, 3);
    int unlike_two_roundings = 0;
    for (int i = 1; i <= 4000; i++) {
        float k = 1.0f / (float)i;
        double u = (fv_rng_u32(&same) & 0xffffff) / 16777216.0;
        float once = (float)(u * (2.0 * k) - k), got = fv_rng_uniform(&rng, -k, k);
        assert_memory_equal(&got, &once, sizeof got);
        assert_true(got >= -k && got < k);
        volatile float product = (float)u * (2 * k);
        unlike_two_roundings += got != product - k;
    }
    assert_in_range(unlike_two_roundings, 400, 3600); /* so that the case is in there */
}

/* ---- digests ------------------------------------------------------------------------------ */

static void digests_are_nists(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    char hex[65];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        fv_sha256(vectors[i][0], strlen(vectors[i][0]), hex);
        assert_string_equal(hex, vectors[i][1]);
    }
    fv_sha256(NULL, 0, hex);
    assert_string_equal(hex, vectors[0][1]);
}

static void digest_of_a_million(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    char *a = malloc(MILLION), hex[65];
    memset(a, 'a', MILLION);
    fv_sha256(a, MILLION, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(a);
}

/* Every length around the edges of blocks, in one figure: the digest of the digests, a line each,
   of 0 to 130 letters a. As coreutils' sha256sum gives it. */
static void digests_of_every_length(void **state)
{
    (void)state;
    char a[131], lines[131 * 65], hex[65];
    memset(a, 'a', sizeof a);
    for (size_t n = 0; n <= 130; n++) {
        fv_sha256(a, n, lines + n * 65);
        lines[n * 65 + 64] = '\n';
    }
    fv_sha256(lines, sizeof lines, hex);
    assert_string_equal(hex, "e305d281b5e91e526de6d81d7e932de65476d923607ac69ac85275a676c49660");
}

/* ---- words and numbers -------------------------------------------------------------------- */

static void numbers_are_read_whole(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     " 1",    "1 ",  "x",    "1x", "0x10", "inf", "nan",
                                        "1e31", "-1e30", "1,5", "1..2", "-",  "1e",   "--1"};
    static const struct {
        const char *text;
        double value;
    } right[] = {{"0", 0},       {"-12", -12},    {"+3", 3},
                 {"0.1", 0.1},   {".5", 0.5},     {"5.", 5},
                 {"1e-8", 1e-8}, {"2.5E3", 2500}, {"123456789.123456789", 123456789.123456789}};
    double value, values[3];
    int number;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (fv_read_number(wrong[i], &value))
            fail_msg("\"%s\" is read as %g", wrong[i], value);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_true(fv_read_number(right[i].text, &value));
        assert_true(value == right[i].value);
    }
    assert_true(fv_read_int("-2147483648", &number) && number == -2147483647 - 1);
    assert_true(fv_read_int("1e3", &number) && number == 1000);
    assert_false(fv_read_int("2147483648", &number) || fv_read_int("1e29", &number));
    assert_false(fv_read_int("0.5", &number) || number != 0);
    assert_int_equal(fv_read_numbers("1,-2,0.5", ',', values, 3), 3);
    assert_true(values[0] == 1 && values[1] == -2 && values[2] == 0.5);
    assert_int_equal(fv_read_numbers("3x2", 'x', values, 3), 2);
    assert_int_equal(fv_read_numbers("1,2,3,4", ',', values, 3), -1);
    assert_int_equal(fv_read_numbers("1,,2", ',', values, 3), -1);
    assert_int_equal(fv_read_numbers("1,", ',', values, 3), -1);
    assert_int_equal(fv_read_numbers("", ',', values, 3), -1);
}

static void assert_number(double value, bool is_float, const char *text)
{
    char found[40];
    assert_string_equal(fv_number_text(value, is_float, found), text);
}

static void numbers_are_printed_short(void **state)
{
    (void)state;
    assert_number(0.1, false, "0.1");
    assert_number((double)0.1f, true, "0.1");
    assert_number((double)0.1f, false, "0.10000000149011612");
    assert_number(1.0 / 3, false, "0.3333333333333333");
    assert_number(1e-8, false, "1e-08");
    assert_number(1e6, false, "1000000");
    assert_number(123456789012345, false, "123456789012345");
    assert_number(1e15, false, "1e+15");
    assert_number(-0.0, false, "0");
}

/* 0,5 is how a German writes a half. A machine without that locale has nothing to test. */
static void numbers_in_any_locale(void **state)
{
    (void)state;
    char text[40];
    double value = 0;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE"))
        skip();
    snprintf(text, sizeof text, "%g", 0.5);
    assert_string_equal(text, "0,5");
    bool read = fv_read_number("0.5", &value);
    fv_number_text(0.25, false, text);
    setlocale(LC_ALL, "C");
    assert_true(read && value == 0.5);
    assert_string_equal(text, "0.25");
}

static void names_match_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"a*c", "abc", true},
        {"a*b", "abc", false},
        {"*b*", "abc", true},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc*", "abc", true},
        {"*.bias", "fc.bias", true},
        {"*.bias", "bias", false},
        {"*ab", "aab", true},
        {"*aab*b", "aaabab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fv_word_matches(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].name);
    char pattern[401] = "", name[301] = ""; /* the way back after each * would take for ever */
    for (int i = 0; i < 200; i++)
        strcat(pattern, "*a");
    memset(name, 'a', 300);
    assert_true(fv_word_matches(pattern, name));
    pattern[399] = 'b';
    assert_false(fv_word_matches(pattern, name));
}

static void the_nearest_word(void **state)
{
    (void)state;
    fv_nearest near = {.word = "relo"}, far = {.word = "xyz"}, same = {.word = "conv2d"};
    static const char *const names[] = {"conv2d", "relu6", "relu", "conv_transpose2d"};
    for (int i = 0; i < 4; i++) {
        fv_nearest_try(&near, names[i]);
        fv_nearest_try(&far, names[i]);
        fv_nearest_try(&same, names[i]);
    }
    assert_string_equal(near.name, "relu");
    assert_null(far.name);
    assert_string_equal(same.name, "conv2d");
    char text[40];
    assert_int_equal(fv_word_place("zeros reflect", "reflect"), 1);
    assert_int_equal(fv_word_place("zeros reflect", "zero"), -1);
    assert_int_equal(fv_word_place(NULL, "zero"), -1);
    assert_string_equal(fv_word_at("zeros reflect", 1, text), "reflect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_version),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(null_is_fine),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(kernels_by_name),
        cmocka_unit_test(notes_go_to_the_log),
        cmocka_unit_test(close_ends_what_is_left),
        cmocka_unit_test(blocks_are_aligned_zeros),
        cmocka_unit_test(grow_keeps_what_fits),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(byte_order),
        cmocka_unit_test(random_numbers_are_pytorchs),
        cmocka_unit_test(uniform_rounds_once),
        cmocka_unit_test(digests_are_nists),
        cmocka_unit_test(digest_of_a_million),
        cmocka_unit_test(digests_of_every_length),
        cmocka_unit_test(numbers_are_read_whole),
        cmocka_unit_test(numbers_are_printed_short),
        cmocka_unit_test(numbers_in_any_locale),
        cmocka_unit_test(names_match_patterns),
        cmocka_unit_test(the_nearest_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
