/*
 * test_base_files.c - reading whole files, and writing them atomically.
 *
 * Each test runs in a folder of its own that must be empty at its end: no temporary file, open file
 * or memory may be left.
 */
#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

static char folder[] = "/tmp/fovea-base-XXXXXX";
static fv_ctx *fv;
static counting mem;
static int next_fd; /* the system gives the lowest free one: a file left open moves it */

static int lowest_free_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);
    return fd >= 0 && close(fd) == 0 ? fd : -1;
}

static int open_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    mem = (counting){0};
    fv = fv_open(&(fv_options){.threads = 1, .user = &mem, .allocate = counting_allocate});
    next_fd = lowest_free_fd();
    return fv && mkdtemp(folder) && chdir(folder) == 0 && chmod(".", 0755) == 0 ? 0 : -1;
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = -2; /* . and .. */
    while (dir && readdir(dir))
        n++;
    return dir && closedir(dir) == 0 ? n : -1;
}

static int close_folder(void **state)
{
    (void)state;
    fv_close(fv);
    remove("a");
    bool gone = chdir("/") == 0 && rmdir(folder) == 0;
    return gone && mem.live == 0 && lowest_free_fd() == next_fd ? 0 : -1;
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, open_folder, close_folder)

/* The file must hold these bytes, and the folder nothing but entries_left files. */
static void assert_file(const char *path, const void *bytes, size_t size, int entries_left)
{
    size_t found = 0;
    void *content = fv_read_file(fv, path, &found);
    assert_fine(fv);
    assert_int_equal(found, size);
    if (size)
        assert_memory_equal(content, bytes, size);
    fv_release(fv, content);
    assert_int_equal(entries("."), entries_left);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t sizes[] = {100000, 4096, 1, 0, 4095, 8191, 300001};
    uint8_t *bytes = malloc(300001);
    for (size_t i = 0; i < 300001; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    assert_false(fv_file_exists("a"));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(fv_write_file(fv, "a", bytes, sizes[i]), FV_OK);
        assert_file("a", bytes, sizes[i], 1);
    }
    assert_true(fv_file_exists("a"));
    assert_false(fv_file_exists("."));
    char whole[sizeof folder + 2];
    snprintf(whole, sizeof whole, "%s/a", folder);
    assert_int_equal(fv_write_file(fv, whole, "whole path", 10), FV_OK);
    assert_file("a", "whole path", 10, 1);
    free(bytes);
}

enum { PIPED = 30000, PIECE = 3000 };

typedef struct piped {
    int to;
    char bytes[PIPED];
} piped;

static void *write_in_pieces(void *arg)
{
    piped *p = arg;
    for (size_t at = 0; at < PIPED; at += PIECE) {
        if (write(p->to, p->bytes + at, PIECE) != PIECE)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    close(p->to);
    return NULL;
}

/* A pipe has no size to ask for, and gives less than it was asked for. */
static void reads_a_pipe(void **state)
{
    (void)state;
    piped *p = malloc(sizeof *p);
    int ends[2];
    char path[32];
    pthread_t writer;
    for (int i = 0; i < PIPED; i++)
        p->bytes[i] = (char)(i * 11);
    assert_int_equal(pipe(ends), 0);
    p->to = ends[1];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(pthread_create(&writer, NULL, write_in_pieces, p), 0);
    assert_file(path, p->bytes, PIPED, 0);
    assert_int_equal(pthread_join(writer, NULL), 0);
    close(ends[0]);
    free(p);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    size_t size = 77;
    assert_null(fv_read_file(fv, "nothing", &size));
    assert_error(fv, FV_E_PATH, "cannot open \"nothing\": No such file or directory");
    assert_null(fv_read_file(fv, "/dev/null/x", &size));
    assert_error(fv, FV_E_PATH, "cannot open \"/dev/null/x\": Not a directory");
    assert_null(fv_read_file(fv, folder, &size));
    char text[128];
    snprintf(text, sizeof text, "\"%s\" is a folder, not a file", folder);
    assert_error(fv, FV_E_PATH, text);
    if (fv_file_exists("/proc/self/mem")) { /* nothing is mapped at 0 */
        assert_null(fv_read_file(fv, "/proc/self/mem", &size));
        assert_error(fv, FV_E_IO, "cannot read \"/proc/self/mem\": Input/output error");
    }
    assert_int_equal(size, 77);
}

static void where_nothing_can_be_written(void **state)
{
    (void)state;
    fv_write_file(fv, "no/a", "x", 1);
    assert_error(fv, FV_E_PATH, "cannot write \"no/a\": No such file or directory");
    fv_write_file(fv, "", "x", 1);
    assert_error(fv, FV_E_PATH, "cannot write \"\": No such file or directory");
    fv_write_file(fv, "..", "x", 1);
    assert_error(fv, FV_E_PATH, "cannot write \"..\": it is a folder, not a file");
    assert_int_equal(mkfifo("a", 0666), 0);
    fv_write_file(fv, "a", "x", 1);
    assert_error(fv, FV_E_PATH, "cannot write \"a\": it is a device or pipe, not a file");
    struct stat st;
    assert_true(stat("a", &st) == 0 && S_ISFIFO(st.st_mode));
    fv_write_file(fv, "a/b", "x", 1);
    assert_error(fv, FV_E_PATH, "cannot write \"a/b\": Not a directory");
    assert_int_equal(entries("."), 1);
}

static void folder_of_somebody_else(void **state)
{
    (void)state;
    assert_int_equal(fv_write_file(fv, "a", "old", 3), FV_OK);
    if (chmod("a", 0600) || chmod(".", 0555) || (geteuid() == 0 && seteuid(65534)))
        skip();
    fv_status written = fv_write_file(fv, "a", "new", 3);
    char text[64];
    snprintf(text, sizeof text, "%s", fv_error_text(fv));
    fv_error_clear(fv);
    size_t size;
    bool readable = getuid() != 0 || fv_read_file(fv, "a", &size) != NULL;
    fv_status read = fv_error(fv);
    fv_error_clear(fv);
    assert_int_equal(getuid() == 0 ? seteuid(0) : 0, 0);
    chmod(".", 0755);
    assert_int_equal(written, FV_E_IO);
    assert_string_equal(text, "cannot write \"a\": Permission denied");
    assert_true(getuid() != 0 || (!readable && read == FV_E_IO));
    assert_file("a", "old", 3, 1);
}

/* The disk is full half-way: the old file stays and the new one goes. */
static void no_half_written_file(void **state)
{
    (void)state;
    enum { SIZE = 20000, LIMIT = 5000 };
    char *bytes = calloc(1, SIZE);
    struct rlimit before, small;
    assert_int_equal(fv_write_file(fv, "a", "old", 3), FV_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){LIMIT, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    fv_status written = fv_write_file(fv, "a", bytes, SIZE);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(written, FV_E_IO);
    assert_error(fv, FV_E_IO, "cannot write \"a\": File too large");
    assert_file("a", "old", 3, 1);
    free(bytes);
}

/* The temporary file is a new one: nobody else's is written over, or through a link. */
static void other_temporary_files_stay(void **state)
{
    (void)state;
    char other[64];
    snprintf(other, sizeof other, ".fovea-%ld-0.tmp", (long)getpid());
    assert_int_equal(fv_write_file(fv, other, "not yours", 9), FV_OK);
    assert_int_equal(fv_write_file(fv, "a", "mine", 4), FV_OK);
    assert_file(other, "not yours", 9, 2);
    assert_int_equal(remove(other), 0);
    assert_file("a", "mine", 4, 1);
}

static void names_and_rights_stay(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    assert_int_equal(fv_write_file(fv, longest, "x", 1), FV_OK);
    assert_fine(fv);
    assert_file(longest, "x", 1, 1);
    assert_int_equal(remove(longest), 0);

    struct stat st;
    mode_t mask = umask(022);
    assert_int_equal(fv_write_file(fv, "a", "x", 1), FV_OK);
    umask(mask);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(chmod("a", 0600), 0);
    assert_int_equal(fv_write_file(fv, "a", "secret", 6), FV_OK);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* The n-th allocation fails, for every n: the file is the old one and nothing is left behind. */
static void files_without_memory(void **state)
{
    (void)state;
    char hex[65];
    bool done = false;
    int failures = 0;
    assert_int_equal(fv_write_file(fv, "a", "old", 3), FV_OK);
    for (long n = 1; !done; n++) {
        long live = mem.live;
        mem.fail_at = mem.calls + n;
        done = fv_sha256_file(fv, "/proc/self/status", hex) == FV_OK &&
               fv_write_file(fv, "a", "new", 3) == FV_OK;
        mem.fail_at = 0;
        assert_int_equal(mem.live, live);
        if (!done) {
            failures++;
            assert_int_equal(fv_error(fv), FV_E_MEMORY);
            fv_error_clear(fv);
            assert_file("a", "old", 3, 1);
        }
    }
    assert_in_range(failures, 2, 20);
    assert_file("a", "new", 3, 1);
}

static void digest_of_a_file(void **state)
{
    (void)state;
    char hex[65];
    fv_write_file(fv, "a", "abc", 3);
    assert_int_equal(fv_sha256_file(fv, "a", hex), FV_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(fv_sha256_file(fv, "nothing", hex), FV_E_PATH);
    assert_string_equal(hex, "");
    assert_error(fv, FV_E_PATH, "cannot open \"nothing\": No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_written_is_read),    IN_FOLDER(reads_a_pipe),
        IN_FOLDER(what_cannot_be_read),        IN_FOLDER(where_nothing_can_be_written),
        IN_FOLDER(folder_of_somebody_else),    IN_FOLDER(no_half_written_file),
        IN_FOLDER(other_temporary_files_stay), IN_FOLDER(names_and_rights_stay),
        IN_FOLDER(files_without_memory),       IN_FOLDER(digest_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
