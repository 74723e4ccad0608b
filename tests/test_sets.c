/*
 * test_sets.c - data sets of picture files in folders and CSVs, of arrays, and their errors. Uses
 * only fovea.h.
 */
#include "data_files.h"

/* ---- notes, and trees of files ------------------------------------------------------------ */

static char notes[2048];

static void keep_note(void *user, fv_log_level level, const char *text)
{
    (void)user, (void)level;
    size_t used = strlen(notes);
    snprintf(notes + used, sizeof notes - used, "%s\n", text);
}

static int setup_notes(void **state)
{
    (void)state;
    mem = (counting){0};
    notes[0] = '\0';
    fv = fv_open(
        &(fv_options){.threads = 1, .user = &mem, .allocate = counting_allocate, .log = keep_note});
    return fv ? 0 : -1;
}

/* A file, and the folders it is in. */
static void make(const char *path, const uint8_t *bytes, size_t n)
{
    char part[512];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0777);
    }
    if (path[strlen(path) - 1] != '/')
        write_file(path, bytes, n);
}

/* A gray picture of one row whose pixels are these letters. */
static void picture(const char *path, const char *letters)
{
    char text[256];
    int n = snprintf(text, sizeof text, "P5 %zu 1 255\n%s", strlen(letters), letters);
    make(path, (const uint8_t *)text, (size_t)n);
}

static void wipe(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        chmod(path, 0777);
        DIR *dir = opendir(path);
        char name[512];
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                wipe(name);
        }
        closedir(dir);
    }
    remove(path);
}

static int teardown_wipe(void **state)
{
    wipe("photos");
    wipe("other");
    wipe("parts");
    return teardown(state);
}

#define FILES_TEST(f) cmocka_unit_test_setup_teardown(f, setup_notes, teardown_wipe)

/* The first pixel of a sample. */
static int first_pixel(fv_dataset *set, int64_t index)
{
    fv_array *a = fv_dataset_picture(set, index, NULL);
    assert_fine(fv);
    int pixel = *(uint8_t *)a->data;
    fv_array_free(a);
    return pixel;
}

/* ---- folders ------------------------------------------------------------------------------ */

/* The order is torchvision's, which was asked: folders by their whole path, then names. */
static void folder_order(void **state)
{
    (void)state;
    static const char *const order[] = {"Zebra/b.pgm", "cat/A.PGM",     "cat/a.pgm",
                                        "cat/x/1.pgm", "cat/x-y/a.pgm", "cat/x/y/1.pgm",
                                        "dog/10.pgm",  "dog/2.pgm"};
    static const int labels[] = {0, 1, 1, 1, 1, 1, 2, 2};
    const int n = sizeof labels / sizeof *labels;
    char path[64], letters[3] = "..";
    for (int i = n; i-- > 0;) {
        snprintf(path, sizeof path, "photos/%s", order[i]);
        letters[0] = (char)('a' + i);
        picture(path, letters);
    }
    make("photos/cat/notes.txt", BYTES("no picture"));
    fv_dataset *set = fv_dataset_folder(fv, "photos");
    assert_fine(fv);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_string_equal(info.name, "photos");
    assert_int_equal(info.len, n);
    assert_int_equal(info.classes, 3);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height + info.width, 0);
    assert_string_equal(fv_dataset_class_name(set, 0), "Zebra");
    assert_string_equal(fv_dataset_class_name(set, 2), "dog");
    assert_null(fv_dataset_class_name(set, 3));
    for (int i = 0; i < n; i++) {
        int64_t label;
        fv_array *a = fv_dataset_picture(set, i, &label);
        assert_fine(fv);
        assert_string_equal(fv_dataset_file(set, i) + strlen("photos/"), order[i]);
        assert_int_equal(label, labels[i]);
        assert_int_equal(a->dims[0], 3);
        assert_int_equal(a->dims[1], 1);
        assert_int_equal(a->dims[2], 2);
        assert_int_equal(((uint8_t *)a->data)[4], 'a' + i);
    }
    int64_t histogram[3];
    assert_int_equal(fv_dataset_check(set, 0, histogram), FV_OK);
    assert_memory_equal(histogram, ((int64_t[]){1, 5, 2}), sizeof histogram);
    assert_string_equal(notes, "");
}

static void folder_hidden_and_linked(void **state)
{
    (void)state;
    picture("photos/cat/a.pgm", "a");
    picture("photos/cat/._a.pgm", "b");
    picture("photos/cat/.cache/b.pgm", "c");
    picture("photos/.git/c.pgm", "d");
    picture("photos/loose.pgm", "e");
    picture("photos/cat/IMG_1.HEIC", "g");
    picture("other/dog/z.pgm", "f");
    assert_int_equal(symlink("../other/dog", "photos/dog"), 0);
    fv_dataset *set = fv_dataset_folder(fv, "photos", .channels = 1);
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).len, 2);
    assert_int_equal(fv_dataset_describe(set).channels, 1);
    assert_string_equal(fv_dataset_file(set, 1), "photos/dog/z.pgm");
    assert_int_equal(first_pixel(set, 1), 'f');
    assert_int_equal(fv_dataset_label(set, 1), 1);
    assert_int_equal(fv_dataset_label(set, 2), -1); /* there is no such sample */
    assert_non_null(strstr(notes, "\"photos/cat\": 1 HEIC photos are left out, for they are not "
                                  "read; convert them to JPEG: \"photos/cat/IMG_1.HEIC\"\n"));
    assert_non_null(strstr(notes, "\"photos\": hidden folders are no classes: \".git\"\n"
                                  "\"photos\": 1 pictures are in no class folder, and left out\n"
                                  "\"photos/cat\": 2 hidden pictures and folders are left out: "));
    assert_non_null(strstr(notes, "\"photos/cat/.cache\""));
}

static void folder_mistakes(void **state)
{
    (void)state;
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(fv, FV_E_PATH, "cannot open the folder \"photos\": No such file or directory");
    assert_null(fv_dataset_folder(fv, NULL));
    assert_error(fv, FV_E_ARG, "fv_dataset_folder: root is NULL");
    picture("photos/a.pgm", "a");
    assert_null(fv_dataset_folder(fv, "photos/a.pgm"));
    assert_error(fv, FV_E_PATH, "cannot open the folder \"photos/a.pgm\": Not a directory");
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(fv, FV_E_PATH,
                 "\"photos\" has no class folders, and 1 pictures of no class\n"
                 "help: put the pictures of each class into a folder of its name: "
                 "photos/cat/1.jpg");
    picture("photos/cat/a.pgm", "a");
    make("photos/dog/notes.txt", BYTES("?"));
    make("photos/bird/", NULL, 0);
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(
        fv, FV_E_DATA,
        "\"photos\" has 2 class folders without pictures: \"bird\", \"dog\"\n"
        "help: add pictures (.jpg .jpeg .jpe .jfif .png .webp .bmp .gif .ppm .pgm), or remove the "
        "folders");
    assert_null(fv_dataset_folder(fv, "photos", .channels = 4));
    assert_error(fv, FV_E_ARG, "fv_dataset_folder: channels is 4, but must be 1 (gray) or 3 (RGB)");
}

static void folder_links_in_a_circle(void **state)
{
    (void)state;
    picture("photos/cat/deep/a.pgm", "a");
    assert_int_equal(symlink("..", "photos/cat/deep/up"), 0);
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(fv, FV_E_PATH,
                 "\"photos/cat/deep/up\" is a link back to \"photos/cat\", which it "
                 "is in: its pictures have no end\nhelp: remove the link");
    remove("photos/cat/deep/up");
    assert_int_equal(symlink("self", "photos/cat/self"), 0);
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(fv, FV_E_IO,
                 "cannot follow the link \"photos/cat/self\": Too many levels of "
                 "symbolic links");
    remove("photos/cat/self");
    picture("photos/dog/a.pgm", "a");
    assert_int_equal(symlink("../dog", "photos/cat/twice"), 0); /* twice there, but no circle */
    assert_int_equal(fv_dataset_describe(fv_dataset_folder(fv, "photos")).len, 3);
}

static void folder_that_is_locked(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* root reads everything */
    picture("photos/cat/locked/a.pgm", "a");
    chmod("photos/cat/locked", 0);
    assert_null(fv_dataset_folder(fv, "photos"));
    assert_error(fv, FV_E_IO, "cannot open the folder \"photos/cat/locked\": Permission denied");
    chmod("photos/cat/locked", 0777);
}

static void folder_like_another(void **state)
{
    (void)state;
    picture("photos/cat/a.pgm", "a");
    picture("photos/dog/a.pgm", "b");
    picture("other/dog/a.pgm", "c");
    fv_dataset *train = fv_dataset_folder(fv, "photos");
    fv_dataset *test = fv_dataset_folder(fv, "other", .like = train);
    int64_t label;
    assert_non_null(fv_dataset_picture(test, 0, &label));
    assert_int_equal(label, 1);
    assert_int_equal(fv_dataset_describe(test).classes, 2);
    picture("other/dogs/a.pgm", "c");
    assert_null(fv_dataset_folder(fv, "other", .like = train));
    assert_error(fv, FV_E_CLASS,
                 "\"other\" has 1 classes that \"photos\" has not: \"dogs\"\n"
                 "help: rename the folders to those of \"photos\", or add the classes there");
}

static void pictures_of_own_sizes(void **state)
{
    (void)state;
    uint8_t pixels[16];
    picture("photos/cat/a.pgm", "ab");
    make("photos/cat/b.jpg", BYTES("not really"));
    fv_dataset *set = fv_dataset_folder(fv, "photos");
    fv_batch batch;
    assert_int_equal(fv_dataset_get(set, 0, pixels, NULL), FV_E_STATE);
    const char *text = "\"photos\": its pictures have sizes of their own, but here all must have "
                       "one\nhelp: give the loader a transform to a fixed size, or ask for one "
                       "picture by fv_dataset_picture";
    assert_error(fv, FV_E_STATE, text);
    fv_loader *loader = fv_loader_new(set);
    assert_true(fv_loader_next(loader, &batch)); /* one after the other they may come */
    assert_int_equal(batch.height * batch.width, 2);
    assert_false(fv_loader_next(loader, &batch));
    fv_error_clear(fv);
    assert_null(fv_dataset_picture(set, 1, NULL));
    assert_error(fv, FV_E_DATA,
                 "\"photos/cat/b.jpg\": not a picture: expected JPEG, PNG, WebP, "
                 "BMP, GIF, PPM or PGM, found 6e 6f 74 20 72 65 61 6c");
    assert_null(fv_dataset_picture(set, 2, NULL));
    assert_error(fv, FV_E_ARG, "\"photos\" has no sample 2: it has 2 samples, counted from 0");
}

static void folder_without_memory(void **state)
{
    (void)state;
    picture("photos/cat/deep/a.pgm", "ab");
    picture("photos/dog/b.pgm", "ab");
    long live = mem.live;
    int failed = 0;
    for (long at = 1;; at++) {
        mem.fail_at = mem.calls + at;
        fv_dataset *set = fv_dataset_folder(fv, "photos");
        mem.fail_at = 0;
        fv_dataset_free(set);
        assert_int_equal(mem.live, live);
        if (set)
            break;
        assert_int_equal(fv_error(fv), FV_E_MEMORY);
        fv_error_clear(fv);
        failed++;
    }
    assert_true(failed > 10);
}

/* ---- CSV ---------------------------------------------------------------------------------- */

#define csv_file(name, text) make(name, BYTES(text))

static int64_t label_of(fv_dataset *set, int64_t index)
{
    int64_t label = -2;
    fv_array_free(fv_dataset_picture(set, index, &label));
    assert_fine(fv);
    return label;
}

/* A mark of UTF-8, CRLF, quotes, a comma and a line end in them, a blank line, no end of line. */
static void csv_of_names(void **state)
{
    (void)state;
    picture("photos/a, b.pgm", "ab");
    picture("photos/\"c\"\n.pgm", "cd");
    picture("photos/sub/d.pgm", "ef");
    csv_file("photos/list.csv", "\xef\xbb\xbfpath,note,label\r\n\"a, b.pgm\",,dog\r\n\r\n"
                                "\"\"\"c\"\"\n.pgm\",\"x,y\",cat\r\nsub/d.pgm,,\"dog\"");
    fv_dataset *set = fv_dataset_csv(fv, "photos/list.csv", .channels = 1);
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).len, 3);
    assert_int_equal(fv_dataset_describe(set).classes, 2);
    assert_string_equal(fv_dataset_class_name(set, 0), "cat");
    assert_string_equal(fv_dataset_file(set, 0), "photos/a, b.pgm");
    assert_int_equal(label_of(set, 0), 1);
    assert_int_equal(label_of(set, 1), 0);
    assert_int_equal(label_of(set, 2), 1);
    assert_int_equal(first_pixel(set, 1), 'c');
    assert_string_equal(notes, "");
}

static void csv_of_boxes(void **state)
{
    (void)state;
    char text[64] = "P5 5 4 255\nabcdefghijklmnopqrst";
    make("photos/a.pgm", (uint8_t *)text, 31);
    picture("photos/extra.pgm", "z");
    csv_file("other/class.csv", "id,name\r\n1,\"car, red\"\r\n2,bus\r\n3,van\r\n");
    csv_file("other/train.csv", "img_file,bbox_x1,bbox_y1,bbox_x2,bbox_y2,class\r\n"
                                "a.pgm,1,1,3,3,3\r\na.pgm,-7,2.6,2,99,1\r\n"
                                "a.pgm,70,80,90,100,1\r\n");
    fv_dataset *set = fv_dataset_csv(fv, "other/train.csv", .images = "photos", .channels = 1,
                                     .classes = "other/class.csv");
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).classes, 3);
    assert_string_equal(fv_dataset_class_name(set, 0), "car, red");
    assert_string_equal(notes, "1 pictures are not in \"other/train.csv\": \"photos/extra.pgm\"\n");
    int64_t label;
    fv_array *a = fv_dataset_picture(set, 0, &label);
    assert_int_equal(label, 2);
    assert_int_equal(a->dims[1] * 10 + a->dims[2], 22);
    assert_memory_equal(a->data, "ghlm", 4);
    a = fv_dataset_picture(set, 1, &label);
    assert_int_equal(label, 0);
    assert_memory_equal(a->data, "pq", 2); /* from row 3, clamped */
    assert_int_equal(a->count, 2);
    assert_null(fv_dataset_picture(set, 2, NULL));
    assert_error(fv, FV_E_DATA,
                 "\"other/train.csv\" line 4: the box 70,80,90,100 lies outside of "
                 "\"photos/a.pgm\", which has 5 x 4 pixels");

    fv_dataset *wide = fv_dataset_csv(fv, "other/train.csv", .images = "photos", .channels = 1,
                                      .like = set, .margin = 1);
    a = fv_dataset_picture(wide, 0, &label);
    assert_int_equal(label, 2);
    assert_memory_equal(a->data, "abcdfghiklmnpqrs", 16);
    set = fv_dataset_csv(fv, "other/train.csv", .images = "photos", .whole = true, .like = set);
    assert_int_equal(fv_dataset_picture(set, 2, NULL)->count, 60);
    set = fv_dataset_csv(fv, "other/train.csv", .images = "photos", .unlabelled = true);
    assert_int_equal(label_of(set, 0), -1);
}

static void csv_of_ids(void **state)
{
    (void)state;
    picture("photos/a.pgm", "ab");
    csv_file("photos/x.csv", "path,label\na.pgm,2\na.pgm,1\na.pgm,3\n");
    fv_dataset *set = fv_dataset_csv(fv, "photos/x.csv");
    assert_int_equal(label_of(set, 0), 1);
    assert_int_equal(fv_dataset_describe(set).classes, 3);
    assert_string_equal(fv_dataset_class_name(set, 2), "3");
    csv_file("photos/x.csv", "path,label\na.pgm,0\na.pgm,1\n");
    assert_int_equal(label_of(fv_dataset_csv(fv, "photos/x.csv"), 1), 1);
    csv_file("photos/x.csv", "path,label\na.pgm,3\na.pgm,2\n"); /* 3 is the third of the set's */
    assert_int_equal(label_of(fv_dataset_csv(fv, "photos/x.csv", .like = set), 0), 2);
}

static void csv_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        fv_status code;
        const char *message;
    } cases[] = {
        {"", FV_E_DATA, " is empty: it has no header"},
        {"path,class\n", FV_E_DATA, " has no rows below its header"},
        {"file,class\na,b\n", FV_E_DATA,
         " line 1: no column \"img_file\" or \"path\" among: \"file\", \"class\""},
        {"path,type\na,b\n", FV_E_DATA,
         " line 1: no column \"class\" or \"label\" among: \"path\", \"type\""},
        {"path,class,bbox_x1\na,b,1\n", FV_E_DATA,
         " line 1: a box needs all of bbox_x1, bbox_y1, bbox_x2 and bbox_y2, or none"},
        {"path,class\na.pgm,cat\na.pgm\n", FV_E_DATA,
         " line 3: expected 2 fields, as the header has, found 1"},
        {"path,class\n\"a.pgm,cat\n", FV_E_DATA, " line 2: quotes are opened and not closed"},
        {"path,class\n\"a.pgm\"x,cat\n", FV_E_DATA,
         " line 2: text follows the closing quotes of \"a.pgm\""},
        {"path,class\n\n,cat\n", FV_E_DATA, " line 3: path is empty"},
        {"path,class\na.pgm,\n", FV_E_DATA, " line 2: class is empty"},
        {"path,class,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.pgm,cat,1,1,nan,4\n", FV_E_DATA,
         " line 2: bbox_x2 is \"nan\", but must be a number"},
        {"path,class,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.pgm,cat,1,1,,4\n", FV_E_DATA,
         " line 2: bbox_x2 is \"\", but must be a number"},
        {"path,class,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.pgm,cat,1,1,1e300,4\n", FV_E_DATA,
         " line 2: bbox_x2 is \"1e300\", but must be a number"},
        {"path,class,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.pgm,cat,5,1,2,4\n", FV_E_DATA,
         " line 2: the box 5,1,2,4 is empty or reversed: expected x1 < x2 and y1 < y2"},
        {"path,class\na.pgm,1\na.pgm,3\na.pgm,3\n", FV_E_CLASS,
         ": no row is of class 2, but others are of classes up to 3\n"
         "help: give a table of id,name as .classes, or number the classes without gaps"},
        {"path,class\na.pgm,1\na.pgm,300\n", FV_E_CLASS,
         ": classes are numbered from 1 to 300 in 2 rows; expected from 0 or 1 on, all of them\n"
         "help: give a table of id,name as .classes"},
        {"path,class\na.pgm,cat\nb.pgm,cat\nc.pgm,cat\n", FV_E_PATH,
         ": 2 of 3 files are missing: \"photos/b.pgm\", \"photos/c.pgm\"\n"
         "help: give the folder that the names are relative to as .images"},
    };
    char text[512];
    picture("photos/a.pgm", "ab");
    long live = mem.live;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make("photos/x.csv", (const uint8_t *)cases[i].text, strlen(cases[i].text));
        snprintf(text, sizeof text, "\"photos/x.csv\"%s", cases[i].message);
        assert_null(fv_dataset_csv(fv, "photos/x.csv"));
        assert_error(fv, cases[i].code, text);
        assert_int_equal(mem.live, live);
    }
    csv_file("photos/x.csv", "p\0a\0");
    assert_null(fv_dataset_csv(fv, "photos/x.csv"));
    assert_error(fv, FV_E_DATA, "\"photos/x.csv\" is no CSV in UTF-8: it has bytes that are 0");
    assert_null(fv_dataset_csv(fv, "photos/y.csv"));
    assert_error(fv, FV_E_PATH, "cannot open \"photos/y.csv\": No such file or directory");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .margin = -1));
    assert_error(fv, FV_E_ARG, "fv_dataset_csv: margin is -1, but must be 0 to 1000000");
}

static void csv_tables_of_classes(void **state)
{
    (void)state;
    picture("photos/a.pgm", "ab");
    csv_file("photos/x.csv", "path,class\na.pgm,5\n");
    csv_file("photos/c.csv", "id,name\n1,cat\n2,dog\n");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .classes = "photos/c.csv"));
    assert_error(fv, FV_E_CLASS, "\"photos/x.csv\" line 2: \"5\" is none of the 2 classes");
    csv_file("photos/c.csv", "id,name\n1,cat\n3,dog\n");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .classes = "photos/c.csv"));
    assert_error(fv, FV_E_DATA,
                 "\"photos/c.csv\" line 3: id 3 where 2 is expected: ids must "
                 "follow one another");
    csv_file("photos/c.csv", "id,name\none,cat\n");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .classes = "photos/c.csv"));
    assert_error(fv, FV_E_DATA, "\"photos/c.csv\" line 2: id is \"one\", but must be an integer");
    csv_file("photos/c.csv", "name\ncat\n");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .classes = "photos/c.csv"));
    assert_error(fv, FV_E_DATA,
                 "\"photos/c.csv\" line 1: a table of classes needs the columns id "
                 "and name");
    csv_file("photos/c.csv", "id,name\n");
    assert_null(fv_dataset_csv(fv, "photos/x.csv", .classes = "photos/c.csv"));
    assert_error(fv, FV_E_DATA, "\"photos/c.csv\" line 1: a table without classes");
}

static void csv_without_memory(void **state)
{
    (void)state;
    picture("photos/a.pgm", "ab");
    csv_file("photos/x.csv", "path,class\na.pgm,dog\na.pgm,cat\n");
    long live = mem.live;
    int failed = 0;
    for (long at = 1;; at++) {
        mem.fail_at = mem.calls + at;
        fv_dataset *set = fv_dataset_csv(fv, "photos/x.csv", .images = "photos");
        mem.fail_at = 0;
        fv_dataset_free(set);
        assert_int_equal(mem.live, live);
        if (set)
            break;
        assert_int_equal(fv_error(fv), FV_E_MEMORY);
        fv_error_clear(fv);
        failed++;
    }
    assert_true(failed > 12);
}

/* ---- what is wrong with a set ------------------------------------------------------------- */

typedef struct report {
    char text[4096];
    int stop_after;
} report;

static bool keep_flaw(void *user, const fv_flaw *flaw)
{
    static const char *const kinds[] = {"broken", "empty", "label", "duplicate"};
    report *r = user;
    size_t used = strlen(r->text);
    snprintf(r->text + used, sizeof r->text - used, "%s %d of %d as %d, %s: %s\n",
             kinds[flaw->kind], (int)flaw->index, (int)flaw->label, (int)flaw->same_as,
             flaw->file ? flaw->file : "no file", flaw->text);
    return --r->stop_after != 0;
}

static void flaws_of_files(void **state)
{
    (void)state;
    picture("photos/cat/1.pgm", "ab");
    picture("photos/cat/2.pgm", "abc");
    make("photos/cat/3.pgm", BYTES("P5 2 1 255 \nab")); /* its pixels: a line end and a */
    make("photos/cat/4.pgm", BYTES("P2 2 1 255 97 98"));
    make("photos/cat/5.jpg", BYTES(""));
    make("photos/cat/6.jpg", BYTES("some text"));
    picture("photos/dog/1.pgm", "abc");
    fv_dataset *set = fv_dataset_folder(fv, "photos", .channels = 1);
    report r = {.stop_after = 100};
    int64_t flaws;
    assert_int_equal(fv_dataset_inspect(set, keep_flaw, &r, &flaws), FV_OK);
    assert_string_equal(
        r.text,
        "duplicate 3 of 0 as 0, photos/cat/4.pgm: the same picture as \"photos/cat/1.pgm\"\n"
        "empty 4 of 0 as -1, photos/cat/5.jpg: \"photos/cat/5.jpg\": empty: 0 bytes\n"
        "broken 5 of 0 as -1, photos/cat/6.jpg: \"photos/cat/6.jpg\": not a picture: expected "
        "JPEG, PNG, WebP, BMP, GIF, PPM or PGM, found 73 6f 6d 65 20 74 65 78\n"
        "label 6 of 1 as 1, photos/dog/1.pgm: the same picture as \"photos/cat/2.pgm\", but of "
        "class dog, not cat\n");
    assert_int_equal(flaws, 4);
    r = (report){.stop_after = 2};
    assert_int_equal(fv_dataset_inspect(set, keep_flaw, &r, &flaws), FV_OK);
    assert_int_equal(flaws, 2);
    assert_int_equal(fv_dataset_inspect(set, NULL, NULL, &flaws), FV_OK);
    assert_int_equal(flaws, 4);
    assert_int_equal(fv_dataset_inspect(NULL, NULL, NULL, NULL), FV_E_ARG);
}

static void flaws_of_functions(void **state)
{
    (void)state;
    numbers my = {.len = 300, .fail_at = 20, .wrong_at = 13, .wrong_label = 10, .bytes = true};
    report r = {.stop_after = 3};
    assert_int_equal(fv_dataset_inspect(numbers_new(&my), keep_flaw, &r, NULL), FV_OK);
    assert_string_equal(r.text,
                        "label 13 of 10 as -1, no file: its label is 10, but the classes are 0 to "
                        "9\n"
                        "broken 20 of 0 as -1, no file: \"numbers\": get failed for sample 20 with "
                        "code 7\n"
                        "label 256 of 6 as 0, no file: the same picture as sample 0, but of class "
                        "6, not 0\n");
    mem.fail_at = mem.calls + 3;
    assert_int_equal(fv_dataset_inspect(numbers_new(&my), NULL, NULL, NULL), FV_E_MEMORY);
    mem.fail_at = 0;
}

/* ---- known by name ------------------------------------------------------------------------ */

/* 28 x 28 images and labels in torchvision's folders. */
static void named_sets(void **state)
{
    (void)state;
    make("photos/FashionMNIST/raw/", NULL, 0);
    write_idx("photos/FashionMNIST/raw/train-images-idx3-ubyte", DIMS(4, 28, 28), 250);
    write_idx("photos/FashionMNIST/raw/train-labels-idx1-ubyte", DIMS(4), 3);
    fv_dataset *set = fv_dataset_named(fv, "fashion-mnist", "photos", FV_TRAIN);
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).classes, 10);
    assert_string_equal(fv_dataset_class_name(set, 9), "Ankle boot");
    assert_null(fv_dataset_named(fv, "fashion-mnist", "photos", FV_TEST));
    assert_error(fv, FV_E_PATH,
                 "Fashion-MNIST is not in \"photos/FashionMNIST/raw\"; missing there:\n"
                 "  t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz\n"
                 "  t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz\n"
                 "help: fovea get fashion-mnist --root photos, or give the folder that has "
                 "FashionMNIST/raw in it");

    make("photos/EMNIST/raw/", NULL, 0);
    write_idx("photos/EMNIST/raw/emnist-letters-test-images-idx3-ubyte", DIMS(4, 28, 28), 250);
    write_idx("photos/EMNIST/raw/emnist-letters-test-labels-idx1-ubyte", DIMS(4), 3);
    set = fv_dataset_named(fv, "emnist-letters", "photos", FV_TEST);
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).classes, 27);
    assert_string_equal(fv_dataset_class_name(set, 26), "z");

    make("photos/QMNIST/raw/", NULL, 0);
    write_idx("photos/QMNIST/raw/qmnist-test-images-idx3-ubyte", DIMS(2, 28, 28), 250);
    make("photos/QMNIST/raw/qmnist-test-labels-idx2-int", BYTES("\0\0\x0c\2\0\0\0\2\0\0\0\3"
                                                                "\0\0\0\7\0\0\1\1\0\1\0\0"
                                                                "\0\0\0\4\0\0\0\1\0\0\0\1"));
    set = fv_dataset_named(fv, "qmnist", "photos", FV_TEST);
    assert_fine(fv);
    assert_int_equal(label_of(set, 0), 7);
    assert_int_equal(label_of(set, 1), 4);

    assert_null(fv_dataset_named(fv, "minst", "photos", FV_TEST));
    assert_error(fv, FV_E_NAME,
                 "there is no data set \"minst\"\nhelp: the known ones are mnist, fashion-mnist, "
                 "kmnist, qmnist, emnist-byclass, emnist-bymerge, emnist-balanced, emnist-letters, "
                 "emnist-digits, emnist-mnist, cifar10, cifar100");
    assert_null(fv_dataset_named(fv, "mnist", NULL, FV_TEST));
    assert_error(fv, FV_E_ARG, "fv_dataset_named: root is NULL");
}

/* Records whose label is their number and whose pixels count up from it. */
static void write_cifar(const char *path, int labels, int first, int n)
{
    static uint8_t bytes[8 * 3074], *p;
    p = bytes;
    for (int i = first; i < first + n; i++) {
        for (int l = 1; l < labels; l++)
            *p++ = 99;
        *p++ = (uint8_t)i;
        for (int k = 0; k < 3072; k++)
            *p++ = (uint8_t)(i + k / 1024);
    }
    make(path, bytes, (size_t)(p - bytes));
}

static void cifar_sets(void **state)
{
    (void)state;
    char path[64];
    uint8_t pixels[3072];
    int64_t label;
    for (int i = 1; i <= 5; i++) {
        snprintf(path, sizeof path, "photos/cifar-10-batches-bin/data_batch_%d.bin", i);
        write_cifar(path, 1, i, 2);
    }
    fv_dataset *set = fv_dataset_named(fv, "cifar10", "photos", FV_TRAIN);
    assert_fine(fv);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_int_equal(info.len, 10);
    assert_int_equal(info.classes, 10);
    assert_int_equal(info.channels * 10000 + info.height * 100 + info.width, 33232);
    assert_int_equal(fv_dataset_get(set, 9, pixels, &label), FV_OK);
    assert_int_equal(label, 6);
    assert_string_equal(fv_dataset_class_name(set, label), "frog");
    assert_int_equal(pixels[0] * 10000 + pixels[1024] * 100 + pixels[3071], 60708);
    assert_null(fv_dataset_named(fv, "cifar10", "photos", FV_TEST));
    assert_error(fv, FV_E_PATH,
                 "CIFAR-10 is not in \"photos/cifar-10-batches-bin\"; missing there:\n"
                 "  test_batch.bin\n"
                 "help: give the folder that has cifar-10-batches-bin in it, the binary version");

    write_cifar("photos/cifar-100-binary/test.bin", 2, 60, 3);
    set = fv_dataset_named(fv, "cifar100", "photos", FV_TEST);
    assert_fine(fv);
    assert_int_equal(fv_dataset_describe(set).classes, 100);
    assert_int_equal(label_of(set, 2), 62);
    assert_string_equal(fv_dataset_class_name(set, 62), "poppy");
    for (int i = 1; i < 100; i++) /* as the authors have them */
        assert_true(strcmp(fv_dataset_class_name(set, i - 1), fv_dataset_class_name(set, i)) < 0);

    write_cifar("photos/cifar-10-batches-bin/test_batch.bin", 1, 8, 3);
    assert_null(fv_dataset_named(fv, "cifar10", "photos", FV_TEST));
    assert_error(fv, FV_E_DATA,
                 "\"photos/cifar-10-batches-bin/test_batch.bin\": label 10 of "
                 "record 2; CIFAR-10 has the classes 0 to 9");
    make("photos/cifar-10-batches-bin/test_batch.bin", BYTES("short"));
    assert_null(fv_dataset_named(fv, "cifar10", "photos", FV_TEST));
    assert_error(fv, FV_E_DATA,
                 "\"photos/cifar-10-batches-bin/test_batch.bin\" is not CIFAR-10: "
                 "expected records of 3073 bytes, found 5 bytes in all");
}

/* ---- digits ------------------------------------------------------------------------------- */

static void hash_of(fv_dataset *set, int64_t index, char hex[65])
{
    uint8_t pixels[784];
    assert_int_equal(fv_dataset_get(set, index, pixels, NULL), FV_OK);
    fv_sha256(pixels, sizeof pixels, hex);
}

static void digits(void **state)
{
    (void)state;
    fv_dataset *set = fv_dataset_digits(fv, 300, 1);
    fv_dataset_info info = fv_dataset_describe(set);
    assert_string_equal(info.name, "digits");
    assert_null(info.files[0]);
    assert_int_equal(info.classes * 1000 + info.height * info.width, 10784);
    int64_t histogram[10], flaws;
    fv_dataset_check(set, 0, histogram);
    assert_int_equal(histogram[7], 30);
    assert_int_equal(fv_dataset_inspect(set, NULL, NULL, &flaws), FV_OK);
    assert_int_equal(flaws, 0);
    char a[65], b[65];
    hash_of(set, 123, a); /* the same on every machine */
    assert_string_equal(a, "34de3ace03c30fa9a0d07d4e61a0193d07ddfcc5ade82aa42347fb94622b98cc");
    fv_ctx *three = fv_open(&(fv_options){.threads = 3});
    hash_of(fv_dataset_digits(three, 124, 1), 123, b); /* of any count, by any threads */
    assert_string_equal(a, b);
    hash_of(fv_dataset_digits(three, 124, 2), 123, b);
    assert_string_not_equal(a, b);
    fv_close(three);
    assert_null(fv_dataset_digits(fv, 0, 1));
    assert_error(fv, FV_E_ARG, "fv_dataset_digits: count is 0, but must be 1 to 2147483647");
}

static void count_batch(void *user, const fv_batch *batch, const float *outputs)
{
    fv_result *counted = user;
    for (int i = 0; i < batch->n; i++)
        counted->correct += fv_argmax(outputs + 10 * (size_t)i, 10) == batch->labels[i];
    counted->total += batch->n;
}

/* They can be learnt, and what was learnt holds for others. */
static void digits_are_learnt(void **state)
{
    (void)state;
#if defined(FV_QUICK)
    skip();
#endif
    fv_dataset *train = fv_dataset_digits(fv, 3000, 1), *test = fv_dataset_digits(fv, 500, 2);
    fv_net *net = fv_model(fv, "lenet5", 1, 28, 28, 10, (float[]){0.15f}, (float[]){0.3f});
    fv_optim *optim = fv_sgd(net, .lr = 0.02, .momentum = 0.9);
    fv_loader *loader = fv_loader_new(train, .batch_size = 50, .shuffle = true);
    for (int epoch = 0; epoch < 2; epoch++)
        for (fv_batch b; fv_loader_next(loader, &b);) {
            run_step(net, &b);
            fv_step(optim);
        }
    fv_result result, counted = {0};
    fv_loader *measured = fv_loader_new(test, .batch_size = 48);
    assert_int_equal(fv_evaluate(net, measured, &result, .each = count_batch, .user = &counted),
                     FV_OK);
    assert_true(result.correct >= 475);
    assert_int_equal(counted.correct, result.correct); /* in ten batches and a short one */
    assert_int_equal(counted.total, 500);
}

/* ---- arrays ------------------------------------------------------------------------------- */

static void arrays(void **state)
{
    (void)state;
    uint8_t pixels[2 * 2 * 2 * 3];
    for (int i = 0; i < 24; i++)
        pixels[i] = (uint8_t)i;
    int64_t labels[2] = {4, 1};
    fv_array images = {FV_U8, 4, {2, 2, 2, 3}, 24, pixels};
    fv_array ids = {FV_I64, 1, {2, 1, 1, 1}, 2, labels};
    fv_dataset *set = fv_dataset_arrays(fv, &images, &ids, .channels_last = true);
    assert_fine(fv);
    memset(pixels, 0, sizeof pixels); /* they were copied */
    fv_dataset_info info = fv_dataset_describe(set);
    assert_string_equal(info.name, "arrays");
    assert_null(info.files[0]);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.classes, 5);
    uint8_t sample[12];
    int64_t label;
    assert_int_equal(fv_dataset_get(set, 1, sample, &label), FV_OK);
    assert_int_equal(label, 1);
    assert_memory_equal(sample, ((uint8_t[]){12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23}), 12);

    set = fv_dataset_arrays(fv, &images, &ids, .classes = 7, .name = "mine");
    info = fv_dataset_describe(set);
    assert_string_equal(info.name, "mine");
    assert_int_equal(info.channels * 100 + info.height * 10 + info.width, 223);
    assert_int_equal(info.classes, 7);

    float values[4] = {0, 0.5f, 1, 2};
    fv_array floats = {FV_F32, 3, {2, 1, 2, 1}, 4, values};
    info = fv_dataset_describe(fv_dataset_arrays(fv, &floats, &ids));
    assert_int_equal(info.type, FV_F32);
    assert_int_equal(info.width, 2);

    floats.count = 5;
    assert_null(fv_dataset_arrays(fv, &floats, &ids));
    assert_error(fv, FV_E_ARG,
                 "fv_dataset_arrays: an array must have 1 to 4 dimensions of 1 or "
                 "more, their product as count, and data");
    labels[1] = (int64_t)1 << 40;
    assert_null(fv_dataset_arrays(fv, &images, &ids));
    assert_error(fv, FV_E_CLASS,
                 "\"arrays\": the largest label is 1099511627776, too large for a "
                 "number of a class\nhelp: say how many classes there are");
}

/* A data set by its name or path: names, folders, parts, files, and what is none of these. */
static void opened(void **state)
{
    (void)state;
    picture("photos/cat/a.pgm", "a");
    picture("photos/dog/a.pgm", "b");
    picture("parts/training/cat/a.pgm", "a");
    picture("parts/training/dog/a.pgm", "b");
    picture("parts/test/dog/b.pgm", "c");
    FILE *f = fopen("LIST.CSV", "w");
    assert_non_null(f);
    fputs("path,label\nphotos/cat/a.pgm,cat\nphotos/dog/a.pgm,dog\n", f);
    fclose(f);
    const struct {
        const char *path;
        int len[3]; /* of FV_TRAIN, FV_TEST, FV_VAL; 0: it has no such part */
    } cases[] = {{"digits", {10000, 2000, 0}}, {"photos", {2, 0, 0}},   {"photos/", {2, 0, 0}},
                 {"parts", {2, 1, 0}},         {"LIST.CSV", {2, 0, 0}}, {"./LIST.CSV", {2, 0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(fv_dataset_is(cases[i].path));
        for (int split = FV_TRAIN; split <= FV_VAL; split++) {
            fv_dataset *set = fv_dataset_open(fv, cases[i].path, (fv_split)split, .optional = true);
            assert_int_equal(fv_error(fv), FV_OK);
            assert_int_equal(fv_dataset_describe(set).len, cases[i].len[split]);
            fv_error_clear(NULL);
            if (set)
                continue;
            assert_null(fv_dataset_open(fv, cases[i].path, (fv_split)split));
            assert_int_equal(fv_error(fv), FV_E_NAME);
            fv_error_clear(fv);
        }
    }
    fv_dataset *train = fv_dataset_open(fv, "parts");
    fv_dataset *test = fv_dataset_open(fv, "parts", FV_TEST, .like = train);
    assert_int_equal(fv_dataset_describe(test).classes, 2);
    int64_t label = -1;
    fv_array_free(fv_dataset_picture(test, 0, &label));
    assert_int_equal(label, 1); /* dog, of the training classes */
    assert_null(fv_dataset_open(fv, "photos", FV_TEST));
    assert_error(fv, FV_E_NAME,
                 "\"photos\" has no test samples of its own\n"
                 "help: fv_split_holdout of the training set");
    assert_null(fv_dataset_open(fv, "mnsit"));
    assert_error(fv, FV_E_NAME,
                 "there is no data set, folder, .csv or .npz \"mnsit\"; known names are mnist, "
                 "fashion-mnist, kmnist, qmnist, emnist-byclass, emnist-bymerge, emnist-balanced, "
                 "emnist-letters, emnist-digits, emnist-mnist, cifar10, cifar100, digits\n"
                 "help: did you mean mnist");
    assert_false(fv_dataset_is("mnsit"));
    for (int i = 0; fv_dataset_known(i); i++)
        assert_true(fv_dataset_is(fv_dataset_known(i)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES_TEST(folder_order),
        FILES_TEST(opened),
        FILES_TEST(folder_hidden_and_linked),
        FILES_TEST(folder_mistakes),
        FILES_TEST(folder_links_in_a_circle),
        FILES_TEST(folder_that_is_locked),
        FILES_TEST(folder_like_another),
        FILES_TEST(pictures_of_own_sizes),
        FILES_TEST(folder_without_memory),
        FILES_TEST(csv_of_names),
        FILES_TEST(csv_of_boxes),
        FILES_TEST(csv_of_ids),
        FILES_TEST(csv_mistakes),
        FILES_TEST(csv_tables_of_classes),
        FILES_TEST(csv_without_memory),
        FILES_TEST(flaws_of_files),
        FILES_TEST(flaws_of_functions),
        FILES_TEST(named_sets),
        FILES_TEST(cifar_sets),
        FILES_TEST(digits),
        FILES_TEST(digits_are_learnt),
        FILES_TEST(arrays),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
