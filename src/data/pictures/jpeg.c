/*
 * jpeg.c - JPEG by libjpeg-turbo, with the settings of PIL: the slow integer DCT, smooth
 * upsampling. Errors come back by longjmp; libjpeg's own memory comes from malloc, for it asks
 * nobody. Layer 3, data. Calls libjpeg and the base.
 */
#include "data/pictures/decode.h"

#if defined(FV_HAVE_JPEG)

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

typedef struct jpeg {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    fv_decoding *d;
} jpeg;

static void on_error(j_common_ptr info)
{
    jpeg *j = info->client_data;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    if (info->err->msg_code == JERR_OUT_OF_MEMORY)
        fv_work_fail(j->d->work, FV_E_MEMORY, "\"%s\": no memory to decode it", j->d->name);
    else
        fv_decode_fail(j->d, "damaged JPEG: %s", text);
    longjmp(j->back, 1);
}

/* Of warnings only one is an error: libjpeg would make up what is missing. */
static void on_message(j_common_ptr info, int level)
{
    jpeg *j = info->client_data;
    if (level >= 0 || info->err->msg_code != JWRN_JPEG_EOF)
        return;
    fv_decode_fail(j->d, "cut off: the JPEG goes on after its last byte, %zu", j->d->size);
    longjmp(j->back, 1);
}

/* A small file may hold thousands of scans, each over the whole picture. */
static void on_progress(j_common_ptr info)
{
    enum { SCANS_MAX = 500 };
    jpeg *j = info->client_data;
    if (j->info.input_scan_number <= SCANS_MAX)
        return;
    fv_decode_fail(j->d, "a JPEG of more than %d scans", SCANS_MAX);
    longjmp(j->back, 1);
}

static int orientation(j_decompress_ptr info)
{
    for (jpeg_saved_marker_ptr m = info->marker_list; m; m = m->next)
        if (m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0)
            return fv_exif_orientation(m->data + 6, m->data_length - 6);
    return 1;
}

/* 8, 4, 2 or 1: the most that leaves what is wished for. */
static unsigned reduction(const fv_decoding *d, unsigned height, unsigned width)
{
    bool transposed = d->orientation >= 5;
    unsigned h = (unsigned)(transposed ? d->wish.width : d->wish.height);
    unsigned w = (unsigned)(transposed ? d->wish.height : d->wish.width), by = 8;
    while (by > 1 && (h == 0 || w == 0 || height / by < h || width / by < w))
        by /= 2;
    return by;
}

/* PIL's, on the inverted inks that Adobe writes; in place, for RGB is shorter. */
static void rgb_of_cmyk(uint8_t *row, int width)
{
    for (int x = 0; x < width; x++) {
        const uint8_t *cmyk = row + 4 * x;
        const int light = cmyk[3];
        uint8_t rgb[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[c]) * light + 128;
            rgb[c] = (uint8_t)(light - (((product >> 8) + product) >> 8));
        }
        memcpy(row + 3 * x, rgb, 3);
    }
}

static void read_header(jpeg *j)
{
    j_decompress_ptr info = &j->info;
    jpeg_create_decompress(info);
    info->progress = &j->progress;
    jpeg_mem_src(info, j->d->bytes, (unsigned long)j->d->size);
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(info, TRUE);
    j->d->orientation = orientation(info);
    info->out_color_space = info->num_components == 1   ? JCS_GRAYSCALE
                            : info->num_components == 4 ? JCS_CMYK
                                                        : JCS_RGB;
    info->scale_num = 1;
    info->scale_denom = reduction(j->d, info->image_height, info->image_width);
}

static bool decode(jpeg *j)
{
    fv_decoding *d = j->d;
    j_decompress_ptr info = &j->info;
    if (setjmp(j->back))
        return false;
    read_header(j);
    /* The size as coded is checked, for libjpeg works on that. */
    if (!fv_decode_check(d, info->image_height, info->image_width))
        return false;
    jpeg_calc_output_dimensions(info);
    size_t samples = (size_t)info->out_color_components;
    if (!fv_decode_start(d, info->output_height, info->output_width, samples == 1 ? 1 : 3,
                         samples * info->output_width))
        return false;
    jpeg_start_decompress(info);
    for (int y = 0; y < d->height; y++) {
        JSAMPROW row = d->spare;
        jpeg_read_scanlines(info, &row, 1);
        if (samples == 4)
            rgb_of_cmyk(row, d->width);
        fv_decode_row(d, y, row);
    }
    return true;
}

static bool decode_jpeg(fv_decoding *d)
{
    jpeg j = {.d = d, .progress = {.progress_monitor = on_progress}};
    j.info.err = jpeg_std_error(&j.errors);
    j.errors.error_exit = on_error;
    j.errors.emit_message = on_message;
    j.info.client_data = &j;
    bool ok = decode(&j);
    jpeg_destroy_decompress(&j.info);
    return ok;
}

#else
#define decode_jpeg NULL
#endif

static bool is_jpeg(const fv_decoding *d)
{
    return fv_decode_has(d, 0, "\xff\xd8\xff", 3);
}

const fv_picture_format fv_format_jpeg = {"JPEG", ".jpg .jpeg .jpe .jfif", "libjpeg-turbo", is_jpeg,
                                          decode_jpeg};
