/*
 * test_save.c - model files: values are restored bit for bit, the format is safetensors, and no
 * damaged file crashes the program or changes part of a net.
 */
#include "testing.h"

#include <math.h>
#include <unistd.h>

static char folder[] = "/tmp/fovea-save-XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/model.safetensors", mkdtemp(folder) ? folder : "");
    return folder[0] == '\0';
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if a temporary file was left */
}

static size_t read_whole(uint8_t *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static void write_whole(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    fwrite(bytes, 1, size, f);
    fclose(f);
}

static void comes_back_to_the_bit(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(&(fv_options){.seed = 1}), *other = fv_open(&(fv_options){.seed = 2});
    fv_net *a = small_net(ctx), *b = small_net(other);
    fv_meta meta[] = {{"model", "small"}, {"classes", "\"ten\", 한글\n"}};
    assert_int_equal(fv_save(a, path, meta, 2), FV_OK);
    assert_int_equal(fv_load(b, path), FV_OK);
    for (int i = 0; i < fv_param_count(a); i++) {
        fv_param p = fv_param_at(a, i), q = fv_param_at(b, i);
        assert_memory_equal(p.value, q.value, p.count * sizeof(float));
    }
    char text[64];
    fv_load_meta(ctx, path, "classes", text, sizeof text);
    assert_string_equal(text, "\"ten\", 한글\n");
    fv_load_meta(ctx, path, "nothing", text, sizeof text);
    assert_string_equal(text, "");
    fv_load_meta(ctx, path, "model", text, 4);
    assert_string_equal(text, "sma");
    assert_fine(ctx);
    fv_close(ctx);
    fv_close(other);
}

/* The bytes by the book: length, header, numbers in order. */
static void is_safetensors(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_node x = fv_flatten(fv_input(ctx, 2, 1, 1));
    fv_net *net = fv_net_new(fv_linear(x, 1, .name = "fc"));
    fv_param_put(net, 0, (float[]){1.0f, -2.0f}, NULL);
    fv_param_put(net, 1, (float[]){0.5f}, NULL);
    assert_int_equal(fv_param_put(net, 2, (float[]){0.5f}, NULL), FV_E_ARG);
    assert_string_equal(fv_error_text(ctx),
                        "fv_param_put: index is 2, but the net has 2 parameters");
    fv_error_clear(ctx);
    fv_save(net, path, NULL, 0);
    assert_fine(ctx);
    const char header[] =
        "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
        "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    const uint8_t numbers[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f};
    uint8_t bytes[512];
    size_t size = read_whole(bytes, sizeof bytes), length = (strlen(header) + 7) / 8 * 8;
    assert_int_equal(size, 8 + length + 12);
    assert_int_equal(bytes[0] | bytes[1] << 8, length);
    assert_memory_equal(bytes + 8, header, strlen(header));
    assert_memory_equal(bytes + 8 + length, numbers, 12);
    fv_close(ctx);
}

/* Writes a file with this header and data_size bytes, and tries to load it into [1,2] + [1]. */
static void load_header(fv_ctx *ctx, const char *header, size_t data_size)
{
    uint8_t bytes[1024] = {0};
    size_t n = strlen(header);
    bytes[0] = (uint8_t)n, bytes[1] = (uint8_t)(n >> 8);
    memcpy(bytes + 8, header, n);
    write_whole(bytes, 8 + n + data_size);
    fv_node x = fv_flatten(fv_input(ctx, 2, 1, 1));
    fv_net *net = fv_net_new(fv_linear(x, 1, .name = "fc"));
    float before = fv_param_at(net, 0).value[0];
    fv_load(net, path);
    if (fv_error(ctx))
        assert_true(fv_param_at(net, 0).value[0] == before);
    fv_net_free(net);
}

#define W "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}"
#define B "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}"

static void says_what_is_wrong(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    char text[512];
#define EXPECT(format)                                                                             \
    do {                                                                                           \
        snprintf(text, sizeof text, format, path);                                                 \
        assert_error(ctx, FV_E_DATA, text);                                                        \
    } while (0)
    load_header(ctx, "{" W "," B "}", 12);
    assert_fine(ctx);
    load_header(
        ctx, "{" W ",\"fc.scale\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12);
    EXPECT("\"%s\" is not of this net:\n  missing        fc.bias\n  unexpected     fc.scale\n"
           "help: load it into a net of the same layers, names and sizes");
    load_header(ctx,
                "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}," B "}",
                12);
    EXPECT("\"%s\" is not of this net:\n  another shape  fc.weight: [2,1], the net's is [1,2]\n"
           "help: load it into a net of the same layers, names and sizes");
    load_header(ctx, "{" W "," W "," B "}", 12);
    EXPECT("\"%s\" is not of this net:\n  given twice    a tensor\n"
           "help: load it into a net of the same layers, names and sizes");
    load_header(ctx,
                "{\"fc.weight\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,8]}," B "}",
                12);
    EXPECT("\"%s\": tensor \"fc.weight\" has dtype F16, but must have F32");
    load_header(
        ctx, "{" W ",\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 12);
    EXPECT(
        "\"%s\": tensor \"fc.bias\" has data_offsets that are not 4 bytes inside the 12 bytes of "
        "data");
    load_header(ctx, "{" W ",\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                12);
    EXPECT("\"%s\": tensors \"fc.weight\" and \"fc.bias\" overlap");
    load_header(ctx, "{" W "," B "}", 13);
    EXPECT("\"%s\": expected 12 bytes of numbers after the header, found 13");
    load_header(ctx, "[1,2]", 12);
    EXPECT("\"%s\": the header of 5 bytes is not JSON of an object");
    write_whole("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
    fv_node x = fv_flatten(fv_input(ctx, 2, 1, 1));
    fv_load(fv_net_new(fv_linear(x, 1, .name = "fc")), path);
    EXPECT("\"%s\" is no safetensors file: its first 8 bytes give a header of 9223372036854775807 "
           "bytes, but it has 10 bytes in all");
    fv_close(ctx);
}

/* A flipped bit or a cut anywhere in the header: an error or the same names, never a crash. */
static void damage_never_crashes(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = small_net(ctx);
    uint8_t bytes[8192], copy[8192];
    fv_save(net, path, (fv_meta[]){{"a", "b"}}, 1);
    size_t size = read_whole(bytes, sizeof bytes), header = bytes[0] | (size_t)bytes[1] << 8;
    int refused = 0;
    for (size_t at = 0; at < 8 + header; at++) {
        memcpy(copy, bytes, size);
        copy[at] ^= (uint8_t)(1 << at % 8);
        write_whole(copy, size);
        refused += fv_load(net, path) != FV_OK;
        fv_error_clear(ctx);
    }
    for (size_t cut = 0; cut < size; cut += 7) {
        write_whole(bytes, cut);
        assert_int_equal(fv_load(net, path), FV_E_DATA);
        fv_error_clear(ctx);
    }
    assert_true(refused > (int)header * 9 / 10);
    fv_close(ctx);
}

/* Saving and loading with every allocation of the context failing in turn. */
static bool save_and_load(counting *memory)
{
    fv_ctx *ctx = fv_open(
        &(fv_options){.threads = 1, .allocate = counting_allocate, .user = memory});
    fv_net *net = small_net(ctx);
    fv_save(net, path, NULL, 0);
    fv_load(net, path);
    fv_status status = fv_error(ctx);
    assert_true(status == FV_OK || status == FV_E_MEMORY);
    fv_close(ctx);
    assert_int_equal(memory->live, 0);
    return status == FV_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    counting memory = {0};
    assert_true(save_and_load(&memory));
    long calls = memory.calls;
    for (long n = 1; n <= calls; n++) {
        memory = (counting){.fail_at = n};
        assert_false(save_and_load(&memory));
    }
}

/* What fovea train writes: any names come back, also long ones and many, and one picture is
   classified as a batch with its transform is. */
static void trained(void **state)
{
    (void)state;
    enum { CLASSES = 300 };
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_model(ctx, "conv2d 4 3; relu; adaptive_avg_pool2d 1; flatten; linear classes",
                           1, 8, 8, CLASSES, (float[]){0.5f}, (float[]){0.25f});
    assert_fine(ctx);
    char *names = malloc(CLASSES * 80), *at = names;
    for (int i = 0; i < CLASSES; i++)
        at += sprintf(at, "%s\"a\\tname\\nof 가나다 and forty letters more, number %d\"",
                      i ? "," : "[", i);
    strcpy(at, "]");
    const fv_meta meta[] = {
        {"model", "conv2d 4 3; relu; adaptive_avg_pool2d 1; flatten; linear classes"},
        {"input", "1x8x8"},
        {"classes", "300"},
        {"mean", "0.5"},
        {"std", "0.25"},
        {"class_names", names},
        {"transform", "center_crop 8"},
        {"mine", "my own"}};
    fv_save(net, path, meta, 8);
    assert_fine(ctx);
    const fv_trained *t = fv_trained_open(ctx, path);
    assert_fine(ctx);
    assert_int_equal(t->classes, CLASSES);
    assert_int_equal(t->channels * 10000 + t->height * 100 + t->width, 10808);
    assert_string_equal(t->class_names[299],
                        "a\tname\nof 가나다 and forty letters more, number 299");
    assert_string_equal(fv_trained_meta(t, "mine"), "my own");
    assert_string_equal(fv_trained_meta(t, "nothing"), "");
    uint8_t pixels[12 * 12], middle[8 * 8];
    for (int i = 0; i < 144; i++)
        pixels[i] = (uint8_t)(i * 37);
    for (int i = 0; i < 64; i++)
        middle[i] = pixels[(i / 8 + 2) * 12 + i % 8 + 2];
    fv_array picture = {
        .type = FV_U8, .ndim = 3, .dims = {1, 12, 12}, .count = 144, .data = pixels};
    float p[CLASSES], sum = 0;
    int class = fv_classify(t, .picture = &picture, .probabilities = p);
    assert_fine(ctx);
    fv_batch b = {.n = 1, .channels = 1, .height = 8, .width = 8, .pixels = middle};
    fv_eval_mode(net);
    fv_forward(net, &b);
    assert_int_equal(class, fv_argmax(fv_output(net), CLASSES));
    for (int i = 0; i < CLASSES; i++)
        sum += p[i];
    assert_float_equal(sum, 1, 1e-4);
    assert_int_equal(fv_classify(t, "nowhere.png"), -1);
    assert_int_equal(fv_error(ctx), FV_E_PATH);
    fv_error_clear(ctx);
    fv_trained_free(t);
    for (int i = 0; i < CLASSES; i++)
        p[i] = nanf("");
    fv_param_put(net, 3, p, NULL); /* the last bias: no output is a number */
    fv_save(net, path, meta, 5);
    t = fv_trained_open(ctx, path);
    assert_fine(ctx);
    assert_null(t->class_names);
    picture = (fv_array){.type = FV_U8, .ndim = 3, .dims = {1, 8, 8}, .count = 64, .data = middle};
    assert_int_equal(fv_classify(t, .picture = &picture), -1);
    assert_error(ctx, FV_E_DATA, "fv_classify: the outputs of the network are not numbers");
    fv_close(ctx);
    free(names);
}

static void trained_errors(void **state)
{
    (void)state;
    fv_ctx *ctx = fv_open(NULL);
    fv_net *net = fv_model(ctx, "mlp", 1, 8, 8, 3, NULL, NULL);
    const struct {
        const char *key, *value, *says;
    } cases[] = {
        {"class_names", "[\"a\",\"b\"]", "its class_names are not those of 3 classes"},
        {"class_names", "a\tb", "its class_names are not those of 3 classes"},
        {"class_names", "[\"a\",", "its class_names are not those of 3 classes"},
        {"input", "1x8", "has an invalid description of its network"},
        {"input", "1x8x1e9", "has an invalid description of its network"},
        {"input", "1x8x8.5", "has an invalid description of its network"},
        {"classes", "0", "has an invalid description of its network"},
        {"mean", "0.5,0.5", "has an invalid description of its network"},
        {"model", "mlpp", "mlpp"},
        {"transform", "flipp", "flipp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fv_meta meta[] = {{"model", "mlp"}, {"input", "1x8x8"}, {"classes", "3"}, {"mine", ""}};
        for (int k = 0; k < 4; k++)
            if (strcmp(meta[k].key, cases[i].key) == 0 || k == 3) {
                meta[k] = (fv_meta){cases[i].key, cases[i].value};
                break;
            }
        fv_save(net, path, meta, 4);
        assert_fine(ctx);
        assert_null(fv_trained_open(ctx, path));
        if (!strstr(fv_error_text(ctx), cases[i].says))
            fail_msg("%s=%s: %s", cases[i].key, cases[i].value, fv_error_text(ctx));
        fv_error_clear(ctx);
    }
    assert_null(fv_trained_open(ctx, "nowhere"));
    assert_error(ctx, FV_E_PATH,
                 "\"nowhere\" is no trained network: there is no such file, and no "
                 "model.safetensors in a folder of that name\nhelp: a run folder, or a "
                 ".safetensors file");
    fv_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trained),
        cmocka_unit_test(trained_errors),
        cmocka_unit_test(comes_back_to_the_bit),
        cmocka_unit_test(is_safetensors),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(damage_never_crashes),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
