/*
 * test_split.c - subsets and concatenated sets, hold-out, folds with and without groups, their
 * file, and duplicates.
 *
 * Uses only fovea.h. The properties of a split are verified by plain loops.
 */
#include "data_files.h"

/* ---- a set of given labels ------------------------------------------------------------------ */

/* Sample i has label labels[i] and the 4 bytes of picture number pictures[i], or i itself. */
typedef struct listed {
    int64_t len, fail_at; /* at 0: nowhere */
    const int64_t *labels, *pictures;
} listed;

static int64_t listed_len(void *user)
{
    return ((listed *)user)->len;
}

static int listed_get(void *user, int64_t index, void *pixels, int64_t *label)
{
    const listed *my = user;
    uint32_t value = (uint32_t)(my->pictures ? my->pictures[index] : index);
    memcpy(pixels, &value, 4);
    *label = my->labels[index];
    return my->fail_at && index == my->fail_at ? 9 : 0;
}

static fv_dataset *listed_new(listed *my, int classes)
{
    return fv_dataset_new(fv, &(fv_dataset_desc){.name = "listed",
                                                 .channels = 1,
                                                 .height = 2,
                                                 .width = 2,
                                                 .classes = classes,
                                                 .user = my,
                                                 .len = listed_len,
                                                 .get = listed_get});
}

enum { MANY = 1003, CLASSES = 7 };
static int64_t many_labels[MANY], many_groups[MANY];

/* Classes of uneven sizes, the rarest of 13 samples; groups of 1 to 20 that cross classes. */
static listed many(void)
{
    for (int i = 0; i < MANY; i++) {
        many_labels[i] = i % 77 == 3 ? 6 : i * i % 11 % 6;
        many_groups[i] = i * 37 % 1003 / 10 * (i % 5 ? 1 : 1000);
    }
    return (listed){.len = MANY, .labels = many_labels};
}

/* ---- views ---------------------------------------------------------------------------------- */

static void subset_is_a_view(void **state)
{
    static const int64_t picked[] = {7, 0, 7, 19};
    (void)state;
    numbers my = {.len = 20};
    fv_dataset *set = numbers_new(&my), *subset = fv_subset(set, picked, 4);
    fv_dataset_info info = fv_dataset_describe(subset);
    assert_int_equal(info.len, 4);
    assert_int_equal(info.channels * 100 + info.height * 10 + info.width, 213);
    assert_int_equal(info.type, FV_F32);
    assert_int_equal(info.classes, 10);
    assert_string_equal(info.name, "numbers");
    for (int i = 0; i < 4; i++) {
        float pixels[6];
        int64_t label;
        assert_int_equal(fv_dataset_get(subset, i, pixels, &label), FV_OK);
        assert_true(pixels[0] == (float)picked[i] && pixels[5] == pixels[0] + 5.0f / 8);
        assert_int_equal(label, picked[i] % 10);
    }
    fv_loader *load = fv_loader_new(subset, .batch_size = 3, .num_workers = 2);
    fv_batch b;
    assert_true(fv_loader_next(load, &b));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(b.indices[i], i);
        assert_true(((const float *)b.pixels)[6 * i] == (float)picked[i]);
    }
    int64_t histogram[10];
    assert_int_equal(fv_dataset_check(subset, 0, histogram), FV_OK);
    assert_int_equal(histogram[7], 2);
    my.fail_at = 19;
    assert_int_equal(fv_dataset_get(subset, 3, (float[6]){0}, NULL), FV_E_DATA);
    assert_error(fv, FV_E_DATA, "\"numbers\": get failed for sample 19 with code 7");
}

/* Subsets of subsets, of images in memory too, and all of it in loaders with workers. */
static void views_of_views(void **state)
{
    (void)state;
    write_idx("images", DIMS(10, 1, 2), 256);
    write_idx("labels", DIMS(10), 5);
    fv_dataset *file = fv_dataset_idx(fv, "images", "labels", 0);
    assert_fine(fv);
    fv_dataset *odd = fv_subset(file, (int64_t[]){1, 3, 5, 7, 9}, 5);
    fv_dataset *two = fv_subset(odd, (int64_t[]){4, 1}, 2); /* samples 9 and 3 */
    fv_dataset *all = fv_dataset_concat((fv_dataset *[]){two, file, odd}, 3);
    static const int expected[] = {9, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 3, 5, 7, 9};
    assert_int_equal(fv_dataset_describe(all).len, 17);
    for (int workers = 0; workers < 3; workers++) {
        int n = 0;
        fv_loader *load = fv_loader_new(all, .batch_size = 4, .num_workers = workers);
        for (fv_batch b; fv_loader_next(load, &b); n += b.n)
            for (int i = 0; i < b.n; i++) {
                assert_int_equal(((const uint8_t *)b.pixels)[2 * i], 2 * expected[n + i]);
                assert_int_equal(((const uint8_t *)b.pixels)[2 * i + 1], 2 * expected[n + i] + 1);
                assert_int_equal(b.labels[i], expected[n + i] % 5);
            }
        assert_int_equal(n, 17);
    }
    assert_fine(fv);
}

static void wrong_views(void **state)
{
    (void)state;
    numbers my = {.len = 20}, bytes = {.len = 3, .bytes = true};
    fv_dataset *set = numbers_new(&my), *other = numbers_new(&bytes);
    assert_null(fv_subset(set, (int64_t[]){3, 20}, 2));
    assert_error(fv, FV_E_ARG,
                 "fv_subset: index 1 is 20, but \"numbers\" has 20 samples, counted from 0");
    assert_null(fv_subset(set, (int64_t[]){-1}, 1));
    assert_error(fv, FV_E_ARG,
                 "fv_subset: index 0 is -1, but \"numbers\" has 20 samples, counted from 0");
    assert_null(fv_subset(set, NULL, 1));
    assert_error(fv, FV_E_ARG, "fv_subset: indices of n = 1 samples are needed");
    assert_null(fv_dataset_concat((fv_dataset *[]){set, other}, 2));
    assert_error(fv, FV_E_SHAPE,
                 "fv_dataset_concat: images of \"numbers\" are 2 x 1 x 3 float32, but those of "
                 "\"numbers\" are 2 x 1 x 3 uint8");
    assert_int_equal(fv_dataset_describe(fv_subset(set, NULL, 0)).len, 0);
    assert_null(fv_subset(NULL, NULL, 0));
    assert_null(fv_dataset_concat((fv_dataset *[]){set, NULL}, 2));
    assert_fine(fv);
}

/* ---- hold-out and folds --------------------------------------------------------------------- */

/* Each class, and all, within one sample of its share in every part. */
static void assert_even(const listed *my, const int *folds, int part, double share)
{
    int64_t all = 0, in = 0, of[CLASSES] = {0}, there[CLASSES] = {0};
    for (int64_t i = 0; i < my->len; i++) {
        of[my->labels[i]]++, all++;
        if (folds[i] == part)
            there[my->labels[i]]++, in++;
    }
    assert_true((double)in > share * (double)all - 1 && (double)in < share * (double)all + 1);
    for (int c = 0; c < CLASSES; c++)
        assert_true((double)there[c] > share * (double)of[c] - 1 &&
                    (double)there[c] < share * (double)of[c] + 1);
}

static void holdout_is_stratified(void **state)
{
    static const double fractions[] = {0.1, 0.2, 0.5, 1.0 / 3, 0.97};
    (void)state;
    listed my = many();
    fv_dataset *set = listed_new(&my, CLASSES);
    int folds[MANY], again[MANY], other[MANY];
    for (int f = 0; f < 5; f++) {
        assert_int_equal(fv_split_holdout(set, fractions[f], folds, .seed = 5), FV_OK);
        int held = 0;
        for (int i = 0; i < MANY; i++) {
            assert_in_range(folds[i], 0, 1);
            held += folds[i];
        }
        assert_int_equal(held, (int)(fractions[f] * MANY + 0.5));
        assert_even(&my, folds, 1, fractions[f]);
        fv_split_holdout(set, fractions[f], again, .seed = 5);
        assert_memory_equal(again, folds, sizeof folds);
        fv_split_holdout(set, fractions[f], other, .seed = 6);
        assert_memory_not_equal(other, folds, sizeof folds);
    }
    assert_fine(fv);
}

/* Every sample is held out about as often as any other, whatever the seed. */
static void holdout_is_fair(void **state)
{
    static int64_t labels[12] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    (void)state;
    listed my = {.len = 12, .labels = labels};
    fv_dataset *set = listed_new(&my, 2);
    for (int plain = 0; plain < 2; plain++) {
        int held[12] = {0}, folds[12];
        for (uint64_t seed = 0; seed < 3000; seed++) {
            fv_split_holdout(set, 1.0 / 3, folds, .seed = seed, .no_stratify = plain);
            for (int i = 0; i < 12; i++)
                held[i] += folds[i];
        }
        for (int i = 0; i < 12; i++)
            assert_in_range(held[i], 1000 - 4 * 26, 1000 + 4 * 26); /* 4 standard deviations */
    }
}

/* Disjoint and covering by their kind, even, and the same for a seed. */
static void folds_are_stratified(void **state)
{
    (void)state;
    listed my = many();
    fv_dataset *set = listed_new(&my, CLASSES);
    int folds[MANY], again[MANY];
    for (int k = 2; k <= 13; k++) {
        assert_int_equal(fv_split_folds(set, k, folds, .seed = 1), FV_OK);
        for (int i = 0; i < MANY; i++)
            assert_in_range(folds[i], 0, k - 1);
        for (int p = 0; p < k; p++)
            assert_even(&my, folds, p, 1.0 / k);
        fv_split_folds(set, k, again, .seed = 1);
        assert_memory_equal(again, folds, sizeof folds);
        fv_split_folds(set, k, again, .seed = 2);
        assert_memory_not_equal(again, folds, sizeof folds);
    }
    int64_t in[20] = {0};
    assert_int_equal(fv_split_folds(set, 20, folds, .no_stratify = true), FV_OK);
    for (int i = 0; i < MANY; i++)
        in[folds[i]]++;
    for (int p = 0; p < 20; p++)
        assert_in_range(in[p], MANY / 20, MANY / 20 + 1);
    assert_fine(fv);
}

static void folds_as_sets(void **state)
{
    (void)state;
    listed my = many();
    fv_dataset *set = listed_new(&my, CLASSES);
    int folds[MANY], seen[MANY] = {0};
    fv_split_folds(set, 4, folds);
    fv_dataset *valid = fv_subset_fold(set, folds, 2), *train = fv_subset_rest(set, folds, 2);
    assert_fine(fv);
    fv_dataset *both[] = {valid, train};
    for (int b = 0; b < 2; b++)
        for (int64_t i = 0; i < fv_dataset_describe(both[b]).len; i++) {
            uint32_t index;
            int64_t label;
            fv_dataset_get(both[b], i, &index, &label);
            assert_int_equal(folds[index] == 2, b == 0);
            assert_int_equal(label, many_labels[index]);
            seen[index]++;
        }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(seen[i], 1);
    assert_fine(fv);
}

/* ---- groups --------------------------------------------------------------------------------- */

static void assert_together(const int *folds, const int64_t *groups)
{
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < i; j++)
            assert_true(groups[i] != groups[j] || folds[i] == folds[j]);
}

static void groups_stay_together(void **state)
{
    (void)state;
    listed my = many();
    fv_dataset *set = listed_new(&my, CLASSES);
    int folds[MANY], again[MANY];
    for (int k = 2; k <= 5; k++)
        for (int plain = 0; plain < 2; plain++) {
            int in[5] = {0};
            assert_int_equal(fv_split_folds(set, k, folds, .seed = 3, .groups = many_groups,
                                            .no_stratify = plain),
                             FV_OK);
            assert_together(folds, many_groups);
            for (int i = 0; i < MANY; i++) {
                assert_in_range(folds[i], 0, k - 1);
                in[folds[i]]++;
            }
            for (int p = 0; p < k; p++) /* the largest group has 20 samples */
                assert_in_range(in[p], MANY / k - 20, MANY / k + 20);
            fv_split_folds(set, k, again, .seed = 3, .groups = many_groups, .no_stratify = plain);
            assert_memory_equal(again, folds, sizeof folds);
        }
    int held = 0;
    assert_int_equal(fv_split_holdout(set, 0.2, folds, .groups = many_groups), FV_OK);
    assert_together(folds, many_groups);
    for (int i = 0; i < MANY; i++)
        held += folds[i];
    assert_in_range(held, MANY / 5 - 20, MANY / 5 + 20);
    assert_fine(fv);
}

/* Groups of one class each, which a plain deal would put together: all folds get all classes. */
static void groups_are_stratified(void **state)
{
    static int64_t labels[64], groups[64];
    (void)state;
    for (int i = 0; i < 64; i++) {
        groups[i] = i / 4;
        labels[i] = i / 16; /* 4 classes of 4 groups of 4 */
    }
    listed my = {.len = 64, .labels = labels};
    int folds[64];
    for (uint64_t seed = 0; seed < 20; seed++) {
        int there[4][4] = {{0}};
        fv_split_folds(listed_new(&my, 4), 4, folds, .seed = seed, .groups = groups);
        assert_fine(fv);
        for (int i = 0; i < 64; i++)
            there[folds[i]][labels[i]]++;
        for (int i = 0; i < 16; i++)
            assert_int_equal(there[i / 4][i % 4], 4);
    }
}

/* ---- what cannot be split ------------------------------------------------------------------- */

static char note[600];

static void take_note(void *user, fv_log_level level, const char *text)
{
    (void)user, (void)level;
    snprintf(note, sizeof note, "%s", text);
}

static void wrong_splits(void **state)
{
    static int64_t labels[] = {0, 0, 0, 0, 1, 1, 0, 0, 0, 3};
    static int64_t groups[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    (void)state;
    fv_close(fv);
    fv = fv_open(&(fv_options){.user = &mem, .allocate = counting_allocate, .log = take_note});
    listed my = {.len = 10, .labels = labels};
    fv_dataset *set = listed_new(&my, 4);
    int folds[10];
    assert_int_equal(fv_split_folds(set, 1, folds), FV_E_ARG);
    assert_error(fv, FV_E_ARG, "fv_split_folds: k is 1, but must be 2 or more");
    fv_split_folds(set, 11, folds);
    assert_error(fv, FV_E_DATA, "fv_split_folds: \"listed\" has 10 samples, too few for 11 folds");
    fv_split_folds(set, 3, folds);
    assert_error(fv, FV_E_DATA,
                 "fv_split_folds: class 1 of \"listed\" has 2 samples, too few for 3 folds\n"
                 "help: take fewer folds, or .no_stratify = true");
    fv_split_folds(set, 3, folds, .no_stratify = true, .groups = groups);
    assert_error(fv, FV_E_DATA, "fv_split_folds: 2 groups are too few for 3 parts");
    fv_split_folds(set, 3, NULL);
    assert_error(fv, FV_E_ARG, "fv_split_folds: folds is NULL, but must have room for 10 numbers");
    fv_split_holdout(set, 1.0, folds);
    assert_error(fv, FV_E_ARG, "fv_split_holdout: fraction is 1, but must be between 0 and 1");
    fv_split_holdout(set, 0.01, folds);
    assert_error(fv, FV_E_DATA,
                 "fv_split_holdout: 0.01 of the 10 samples of \"listed\" are 0, but both parts "
                 "need some");
    fv_split_holdout(set, 0.1, folds, .no_stratify = true, .groups = (int64_t[10]){0});
    assert_error(fv, FV_E_DATA, "fv_split_holdout: 1 groups are too few for 2 parts");
    fv_split_holdout(set, 0.1, folds, .no_stratify = true, .groups = groups);
    assert_fine(fv);
    assert_int_equal(folds[9], 1);
    note[0] = '\0';
    fv_split_holdout(set, 0.2, folds);
    assert_string_equal(note, folds[9] ? "class 3 of \"listed\": 1 of its 1 samples are held out"
                                       : "class 3 of \"listed\": 0 of its 1 samples are held out");
    labels[5] = 4;
    fv_split_holdout(set, 0.2, folds);
    labels[5] = 1;
    assert_error(fv, FV_E_CLASS,
                 "label 4 of sample 5 in \"listed\": the classes are 0 to 3\n"
                 "help: correct the label, or make a net of more classes");
    my.fail_at = 3;
    fv_split_holdout(set, 0.2, folds);
    assert_error(fv, FV_E_DATA, "\"listed\": get failed for sample 3 with code 9");
    assert_int_equal(fv_split_holdout(NULL, 0.2, folds), FV_E_ARG);
    assert_int_equal(fv_split_folds(NULL, 2, folds), FV_E_ARG);
}

/* ---- folds.csv ------------------------------------------------------------------------------ */

static int64_t three_labels[] = {4, 0, 2};

static void folds_file(void **state)
{
    (void)state;
    listed my = {.len = 3, .labels = three_labels};
    fv_dataset *set = listed_new(&my, 5);
    int folds[] = {1, 0, 12}, got[3];
    static const char text[] = "index,label,fold\n0,4,1\n1,0,0\n2,2,12\n";
    char written[100] = "";
    assert_int_equal(fv_folds_write(set, folds, "folds.csv"), FV_OK);
    FILE *file = fopen("folds.csv", "rb");
    assert_int_equal(fread(written, 1, sizeof written, file), sizeof text - 1);
    fclose(file);
    assert_string_equal(written, text);
    assert_int_equal(fv_folds_read(set, "folds.csv", got), FV_OK);
    assert_memory_equal(got, folds, sizeof folds);
    write_file("other.csv", BYTES("index,label,fold\r\n2,2,7\r\n0,4,0\r\n1,0,2147483647"));
    assert_int_equal(fv_folds_read(set, "other.csv", got), FV_OK);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 2147483647);
    assert_int_equal(got[2], 7);
    assert_int_equal(fv_folds_write(NULL, folds, "x"), FV_E_ARG);
    assert_int_equal(fv_folds_write(set, folds, "no/such/folder"), FV_E_PATH);
}

static void damaged_folds_file(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "\"f.csv\", line 1: expected \"index,label,fold\"; found \"\""},
        {"0,4,1\n", "\"f.csv\", line 1: expected \"index,label,fold\"; found \"0,4,1\""},
        {"index,label,fold\n0,4,1\n1,0\n",
         "\"f.csv\", line 3: expected three numbers index,label,fold; found \"1,0\""},
        {"index,label,fold\n0,4,-1\n",
         "\"f.csv\", line 2: expected three numbers index,label,fold; found \"0,4,-1\""},
        {"index,label,fold\n0,4,2147483648\n",
         "\"f.csv\", line 2: expected three numbers index,label,fold; found \"0,4,2147483648\""},
        {"index,label,fold\n0,4,1x\n",
         "\"f.csv\", line 2: expected three numbers index,label,fold; found \"0,4,1x\""},
        {"index,label,fold\n9223372036854775808,4,1\n",
         "\"f.csv\", line 2: expected three numbers index,label,fold; found "
         "\"9223372036854775808,4,1\""},
        {"index,label,fold\n0,4,1\n\n",
         "\"f.csv\", line 3: expected three numbers index,label,fold; found \"\""},
        {"index,label,fold\n3,4,1\n", "\"f.csv\", line 2: \"listed\" has no sample 3, only 3"},
        {"index,label,fold\n0,2,1\n",
         "\"f.csv\", line 2: sample 0 has label 2, but in \"listed\" 4\n"
         "help: take the folds that were made of this data set"},
        {"index,label,fold\n0,4,1\n0,4,1\n", "\"f.csv\", line 3: sample 0 a second time"},
        {"index,label,fold\n0,4,1\n2,2,1\n", "\"f.csv\" has no line for sample 1 of \"listed\""},
    };
    (void)state;
    listed my = {.len = 3, .labels = three_labels};
    fv_dataset *set = listed_new(&my, 5);
    int folds[] = {7, 8, 9};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("f.csv", (const uint8_t *)cases[i].text, strlen(cases[i].text));
        assert_int_equal(fv_folds_read(set, "f.csv", folds), FV_E_DATA);
        assert_error(fv, FV_E_DATA, cases[i].error);
        assert_int_equal(folds[0] * 100 + folds[1] * 10 + folds[2], 789);
    }
    assert_int_equal(fv_folds_read(set, "nowhere.csv", folds), FV_E_PATH);
}

/* ---- duplicates ----------------------------------------------------------------------------- */

static void duplicates_are_found(void **state)
{
    static int64_t labels[2000], pictures[2000], first[2000];
    (void)state;
    for (int i = 0; i < 2000; i++)
        pictures[i] = (int64_t)i * i % 1499;
    listed my = {.len = 2000, .labels = labels, .pictures = pictures};
    fv_dataset *set = listed_new(&my, 1);
    int64_t count, expected = 0;
    assert_int_equal(fv_find_duplicates(set, first, &count), FV_OK);
    for (int i = 0; i < 2000; i++) {
        int j = 0;
        while (pictures[j] != pictures[i])
            j++;
        assert_int_equal(first[i], j);
        expected += j < i;
    }
    assert_int_equal(count, expected);
    assert_true(expected > 1000);

    int folds[2000];
    assert_int_equal(fv_split_folds(set, 3, folds, .groups = first), FV_OK);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(folds[i], folds[first[i]]);

    my.fail_at = 1234;
    assert_int_equal(fv_find_duplicates(set, first, &count), FV_E_DATA);
    assert_int_equal(count, 0);
    assert_error(fv, FV_E_DATA, "\"listed\": get failed for sample 1234 with code 9");
    assert_int_equal(fv_find_duplicates(NULL, first, NULL), FV_E_ARG);
}

/* ---- by content ----------------------------------------------------------------------------- */

/* The part that the header's rule gives the 4 bytes of a picture, without regard to classes. */
static int part_by_rule(uint32_t value, uint64_t seed, double test, double val)
{
    char hash[65], text[100], digits[17] = "";
    fv_sha256(&value, 4, hash);
    snprintf(text, sizeof text, "%s:%llu", hash, (unsigned long long)seed);
    fv_sha256(text, strlen(text), hash);
    memcpy(digits, hash, 16);
    if ((double)strtoull(digits, NULL, 16) / 18446744073709551616.0 < test)
        return 1;
    memcpy(digits, hash + 16, 16);
    return (double)strtoull(digits, NULL, 16) / 18446744073709551616.0 < val / (1 - test) ? 2 : 0;
}

static void content_decides(void **state)
{
    (void)state;
    static int64_t pictures[MANY];
    static int folds[MANY], fewer[MANY];
    listed my = many();
    for (int i = 0; i < MANY; i++)
        pictures[i] = i % 300; /* copies, of other classes too */
    for (int i = 0; i < MANY; i++)
        many_labels[i] %= 6; /* the rarest has too few to be left to the rule */
    my.pictures = pictures;
    fv_dataset *set = listed_new(&my, CLASSES);
    assert_int_equal(fv_dataset_label(set, 0), -1); /* only its function knows */
    for (uint64_t seed = 0; seed < 3; seed++) {
        assert_int_equal(fv_split_content(set, (double[]){0.1, 0.2}, 2, folds, seed), FV_OK);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(folds[i], part_by_rule((uint32_t)pictures[i], seed, 0.1, 0.2));
        assert_int_equal(fv_split_content(set, (double[]){0.1}, 1, fewer, seed), FV_OK);
        for (int i = 0; i < MANY; i++) /* the test is the same, whatever is held out after it */
            assert_int_equal(fewer[i] == 1, folds[i] == 1);
    }
}

/* Three pictures of a class are in all three parts, and a picture stays when others come. */
static void content_of_few(void **state)
{
    (void)state;
    static int64_t labels[300], pictures[300];
    int folds[300], kept[300], moved = 0, small = 0;
    for (int i = 0; i < 300; i++)
        labels[i] = i / 3, pictures[i] = 1000 + i;
    listed my = {.len = 300, .labels = labels, .pictures = pictures};
    assert_int_equal(fv_split_content(listed_new(&my, 100), (double[]){0.1, 0.1}, 2, folds), FV_OK);
    for (int k = 0; k < 100; k++) {
        int of[3] = {0};
        for (int i = 3 * k; i < 3 * k + 3; i++)
            of[folds[i]]++;
        assert_true(of[1] >= 1 && of[0] >= 1);
        small += of[1] == 1; /* else chance had two for the test, and one is left */
        assert_int_equal(of[2], of[1] == 1);
    }
    assert_true(small > 90);
    my.len = 150;
    assert_int_equal(fv_split_content(listed_new(&my, 100), (double[]){0.1, 0.1}, 2, kept), FV_OK);
    for (int i = 0; i < 150; i++)
        moved += kept[i] != folds[i];
    assert_int_equal(moved, 0);
}

static void wrong_content(void **state)
{
    (void)state;
    static const int64_t labels[] = {0, 1, 0}, same[] = {5, 5, 5};
    int folds[3];
    listed my = {.len = 3, .labels = labels, .pictures = same};
    fv_dataset *set = listed_new(&my, 2);
    fv_split_content(set, (double[]){0.1}, 1, folds);
    assert_error(
        fv, FV_E_DATA,
        "fv_split_content: \"listed\" has too few different pictures: a part would be empty\n"
        "help: add pictures, or ask for fewer parts");
    fv_split_content(set, (double[]){0.5, 0.5}, 2, folds);
    assert_error(
        fv, FV_E_ARG,
        "fv_split_content: share 1 is 0.5, but all must be above 0, and their sum below 1");
    fv_split_content(set, (double[]){0.5}, 5, folds);
    assert_error(fv, FV_E_ARG,
                 "fv_split_content: folds or shares is NULL, or n_shares, 5, not 1 to 4");
    my.fail_at = 2;
    fv_split_content(set, (double[]){0.1}, 1, folds);
    assert_error(fv, FV_E_DATA, "\"listed\": get failed for sample 2 with code 9");
    assert_int_equal(fv_split_content(NULL, (double[]){0.1}, 1, folds), FV_E_ARG);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Everything that allocates, once. */
static void use_all(fv_dataset *set)
{
    int folds[10];
    int64_t first[10];
    static const int64_t groups[] = {0, 1, 2, 3, 4, 5, 6, 7, 7, 7};
    fv_split_holdout(set, 0.2, folds, .groups = groups);
    fv_split_folds(set, 2, folds);
    fv_split_folds(set, 2, folds, .groups = groups, .no_stratify = true);
    fv_split_content(set, (double[]){0.2, 0.3}, 2, folds);
    fv_folds_write(set, folds, "memory.csv");
    fv_folds_read(set, "memory.csv", folds);
    fv_find_duplicates(set, first, NULL);
    fv_dataset *rest = fv_subset_rest(set, folds, 1);
    fv_dataset *both = fv_dataset_concat((fv_dataset *[]){rest, set}, 2);
    fv_find_duplicates(both, (int64_t[20]){0}, NULL);
    fv_dataset_free(both);
    fv_dataset_free(rest);
}

static void out_of_memory(void **state)
{
    static const int64_t labels[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    (void)state;
    listed my = {.len = 10, .labels = labels};
    fv_dataset *set = listed_new(&my, 2);
    long live = mem.live, tried = 0;
    for (bool failed = true; failed; tried++) {
        mem.fail_at = mem.calls + tried + 1;
        use_all(set);
        failed = mem.calls >= mem.fail_at;
        mem.fail_at = 0;
        assert_int_equal(fv_error(fv), failed ? FV_E_MEMORY : FV_OK);
        fv_error_clear(fv);
        assert_int_equal(mem.live, live);
    }
    assert_true(tried > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(subset_is_a_view),      TEST(views_of_views),       TEST(wrong_views),
        TEST(holdout_is_stratified), TEST(holdout_is_fair),      TEST(folds_are_stratified),
        TEST(folds_as_sets),         TEST(groups_stay_together), TEST(groups_are_stratified),
        TEST(content_decides),       TEST(content_of_few),       TEST(wrong_content),
        TEST(wrong_splits),          TEST(folds_file),           TEST(damaged_folds_file),
        TEST(duplicates_are_found),  TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
