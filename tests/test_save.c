/*
 * test_save.c - model files: values are restored bit for bit, the format is safetensors, and no
 * damaged file crashes the program or changes part of a net.
 */
#include "testing.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_to_the_bit),     cmocka_unit_test(is_safetensors),
        cmocka_unit_test(says_what_is_wrong),        cmocka_unit_test(damage_never_crashes),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
