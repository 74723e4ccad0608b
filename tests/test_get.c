/*
 * test_get.c - fv_get with a misbehaving server (tests/http_server.c, the only address used) and
 * folders in any state.
 */
#include "data_files.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "data/get/get.h"

enum { SIZE = 200000, HALF = SIZE / 2 };

static uint8_t file[SIZE]; /* what all want to have; it only begins like a .gz */
static char sha256[65], md5[33];
static fv_get_set set = {
    .name = "tiny", .folder = "a/b", .files = {{.name = "tiny.gz", .size = SIZE}}};
static pid_t server;
static int port;
static bool have_curl;

#define PATH "root/a/b/tiny.gz"
#define PART PATH ".part"

/* ---- tools -------------------------------------------------------------------------------- */

static void start_server(void)
{
    server = fork();
    if (server == 0) {
        execl(HTTP_SERVER, "http_server", ".", "port", "log", (char *)NULL);
        _exit(127);
    }
    while (port == 0 && waitpid(server, NULL, WNOHANG) == 0) {
        FILE *f = fopen("port", "r");
        if (f && fscanf(f, "%d\n", &port) != 1)
            port = 0;
        if (f)
            fclose(f);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

/* What happened, in words, and where to stop. */
typedef struct story {
    char text[600];
    bool stop;
} story;

static int note(void *user, const fv_get_news *n)
{
    story *s = user;
    size_t used = strlen(s->text);
    char *to = s->text + used;
    size_t room = sizeof s->text - used;
    if (n->event == FV_GET_BYTES)
        return s->stop && n->done > 0;
    if (n->event == FV_GET_START)
        snprintf(to, room, "start %lld, ", (long long)n->done);
    else if (n->event == FV_GET_FAILED)
        snprintf(to, room, "%s, ", n->why);
    else if (n->event == FV_GET_DONE)
        snprintf(to, room, "done %lld", (long long)n->done);
    else
        snprintf(to, room, n->event == FV_GET_THERE ? "there" : "unpack, ");
    return 0;
}

/* Gets the tiny set from these manners of the server in turn: "404 ok". */
static fv_status get_from(const char *manners, story *s)
{
    char words[200], mirrors[500] = "";
    snprintf(words, sizeof words, "%s", manners);
    for (char *how = strtok(words, " "); how; how = strtok(NULL, " ")) {
        size_t used = strlen(mirrors);
        snprintf(mirrors + used, sizeof mirrors - used, "http://127.0.0.1:%d/%s ", port, how);
    }
    return fv_get_files(&set, &(fv_get_args){.ctx = fv,
                                             .name = "tiny",
                                             .root = "root",
                                             .mirrors = mirrors,
                                             .only_mirrors = true,
                                             .timeout = strstr(manners, "hang") ? 1 : 600,
                                             .progress = note,
                                             .user = s});
}

static void forget(void)
{
    empty("root/a/b");
    rmdir("root/a/b");
    rmdir("root/a");
    rmdir("root");
    remove("log");
}

static void put_part(const uint8_t *bytes, size_t n)
{
    forget();
    assert_false(mkdir("root", 0777) || mkdir("root/a", 0777) || mkdir("root/a/b", 0777));
    write_file(PART, bytes, n);
}

/* What path holds is the first bytes of the file: so many of them. -1: there is nothing. */
static long beginning(const char *path)
{
    static uint8_t found[SIZE + 1];
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    size_t n = fread(found, 1, sizeof found, f);
    fclose(f);
    assert_true(n <= SIZE);
    assert_memory_equal(found, file, n);
    return (long)n;
}

static void assert_whole(void)
{
    assert_fine(fv);
    assert_int_equal(beginning(PATH), SIZE);
    assert_int_equal(beginning(PART), -1);
}

static void assert_log(const char *text)
{
    char found[500] = "";
    FILE *f = fopen("log", "r");
    size_t n = f ? fread(found, 1, sizeof found - 1, f) : 0;
    found[n] = '\0';
    assert_string_equal(found, text);
    if (f)
        fclose(f);
}

static void skip_without_curl(void)
{
    forget();
    if (!have_curl)
        skip();
}

/* ---- what a server can do ----------------------------------------------------------------- */

/* Alone, the manner gives this reason and leaves so many bytes (-1: no .part); before another
   address, that one has the file. */
static void fails(const char *how, const char *why, long left)
{
    char expected[700], both[40];
    forget();
    story s = {0};
    get_from(how, &s);
    snprintf(expected, sizeof expected,
             "tiny.gz of tiny could not be fetched; each address failed:\n"
             "http://127.0.0.1:%d/%s/tiny.gz\n  %s\n"
             "help: fovea get tiny again later, or --mirror URL, or --from a folder that has it",
             port, how, why);
    assert_error(fv, FV_E_IO, expected);
    snprintf(expected, sizeof expected, "start 0, %s, ", why);
    assert_string_equal(s.text, expected);
    assert_int_equal(beginning(PATH), -1);
    long part = beginning(PART);
    if (left > 0)
        assert_in_range(part, 1, left);
    else
        assert_int_equal(part, -1);

    snprintf(both, sizeof both, "%s ok", how);
    forget();
    get_from(both, &(story){0});
    assert_whole();
}

static void bad_servers(void **state)
{
    (void)state;
    skip_without_curl();
    char why[200], wrong[65];
    fails("403", "it answered with HTTP status 403", -1);
    fails("404", "it answered with HTTP status 404", -1);
    fails("503", "it answered with HTTP status 503", -1);
    fails("html", "it sent something else, which begins with \"<!DOCTYPE html><p>Not w\"", -1);
    fails("empty", "it sent nothing", -1);
    fails("loop", "it redirects more than 5 times", -1);
    fails("endless", "it sent more than the file can have: 400000 bytes", -1);
    fails("cut", "it broke off: 100000 of 200000 bytes came", HALF);
    uint8_t last = file[SIZE - 1];
    file[SIZE - 1] = 'x'; /* as the server does */
    fv_sha256(file, SIZE, wrong);
    file[SIZE - 1] = last;
    snprintf(why, sizeof why, "it sent another file, of SHA-256 %s", wrong);
    fails("wrong", why, -1);
}

static void slow_servers(void **state)
{
    (void)state;
    skip_without_curl();
    story s = {0};
    get_from("hang drip ok", &s);
    assert_whole();
    assert_memory_equal(s.text,
                        "start 0, no answer within 1 s, start 0, too slow: less than 1000 "
                        "bytes a second for 1 s, start ",
                        93);
}

static void no_server(void **state)
{
    (void)state;
    skip_without_curl();
    int real = port;
    port = 1; /* nobody listens there */
    get_from("ok", &(story){0});
    port = real;
    assert_int_equal(fv_error(fv), FV_E_IO);
    assert_non_null(
        strstr(fv_error_text(fv), "\nhttp://127.0.0.1:1/ok/tiny.gz\n  Failed to connec"));
    fv_error_clear(fv);
}

static void good_servers(void **state)
{
    (void)state;
    skip_without_curl();
    story s = {0};
    get_from("redirect", &s);
    assert_whole();
    assert_string_equal(s.text, "start 0, done 200000");
    remove("log");
    s = (story){0};
    get_from("404", &s);
    assert_whole();
    assert_string_equal(s.text, "there");
    assert_log("");

    file[7] ^= 1;
    write_file(PATH, file, SIZE); /* a file that is there, but wrong */
    file[7] ^= 1;
    get_from("404", &(story){0});
    assert_int_equal(fv_error(fv), FV_E_IO);
    fv_error_clear(fv);
    assert_int_equal(access(PATH, F_OK), 0); /* stays until there is a better one */
    get_from("ok", &(story){0});
    assert_whole();

    forget();
    set.files[0].md5 = md5; /* the MD5 alone is enough, ... */
    set.files[0].sha256 = NULL;
    get_from("wrong ok", &(story){0});
    assert_whole();
    forget();
    set.files[0].sha256 = "0"; /* ... and so beside another SHA-256: the file was published anew */
    get_from("wrong ok", &(story){0});
    assert_whole();
    forget();
    set.files[0].sha256 = sha256;
    set.files[0].md5 = "0";
    get_from("wrong ok", &(story){0});
    set.files[0].md5 = NULL;
    assert_whole();
}

/* ---- going on with what is there ---------------------------------------------------------- */

static void resumes(const uint8_t *part, size_t n, const char *how, const char *told,
                    const char *log)
{
    story s = {0};
    put_part(part, n);
    get_from(how, &s);
    assert_whole();
    assert_string_equal(s.text, told);
    assert_log(log);
}

static void resuming(void **state)
{
    (void)state;
    skip_without_curl();
    static uint8_t other[SIZE + 10] = "\x1f\x8b";
    resumes(file, 1000, "ok", "start 1000, done 200000", "ok tiny.gz 1000\n");
    resumes(file, 1000, "cut cut ok",
            "start 1000, it broke off: 99500 of 199000 bytes came, start 100500, it broke off: "
            "49750 of 99500 bytes came, start 150250, done 200000",
            "cut tiny.gz 1000\ncut tiny.gz 100500\nok tiny.gz 150250\n");
    resumes(file, 1000, "norange", "start 1000, done 200000", "norange tiny.gz 1000\n");
    resumes(file, 1000, "shift ok",
            "start 1000, it sent another part of the file than it was asked for, start 1000, "
            "done 200000",
            "shift tiny.gz 1000\nok tiny.gz 1000\n");
    resumes(file, 0, "ok", "start 0, done 200000", "ok tiny.gz -1\n");
    /* A .part of something else, of all, and of more than all. */
    resumes(other, 1000, "ok", "start 1000, start 0, done 200000",
            "ok tiny.gz 1000\nok tiny.gz -1\n");
    resumes(other, sizeof other, "ok", "start 200010, start 0, done 200000",
            "ok tiny.gz 200010\nok tiny.gz -1\n");
    resumes(file, SIZE, "404", "done 200000", "");
}

static void stopping(void **state)
{
    (void)state;
    skip_without_curl();
    story s = {.stop = true};
    char expected[200];
    get_from("slow ok", &s);
    snprintf(expected, sizeof expected, "stopped while \"" PATH "\" was on its way");
    assert_error(fv, FV_E_IO, expected);
    assert_string_equal(s.text, "start 0, "); /* and no other address */
    assert_in_range(beginning(PART), 1, SIZE - 1);
    get_from("ok", &(story){0});
    assert_whole();
}

/* ---- folders ------------------------------------------------------------------------------ */

static void copy(const char *from, const char *root)
{
    fv_get_files(&set, &(fv_get_args){.ctx = fv, .name = "tiny", .root = root, .from = from});
}

static void copying(void **state)
{
    (void)state;
    forget();
    copy(".", "root");
    assert_whole();
    copy("root", "root2/c/"); /* from where it lies below a root */
    assert_fine(fv);
    assert_int_equal(beginning("root2/c/a/b/tiny.gz"), SIZE);
    assert_false(remove("root2/c/a/b/tiny.gz") || rmdir("root2/c/a/b") || rmdir("root2/c/a") ||
                 rmdir("root2/c") || rmdir("root2"));

    forget();
    copy("nowhere", "root");
    assert_error(fv, FV_E_PATH,
                 "\"nowhere\" has no tiny.gz, neither there nor in a/b\n"
                 "help: give the folder in which the files of tiny are");
    char text[400];
    set.files[0].sha256 = NULL;
    set.files[0].md5 = "0";
    copy(".", "root");
    snprintf(text, sizeof text,
             "\"./tiny.gz\" is not that of tiny:\nMD5 expected 0\n    found    %s\n"
             "help: give another folder, or get it from the network",
             md5);
    set.files[0].sha256 = sha256;
    set.files[0].md5 = NULL;
    assert_error(fv, FV_E_DATA, text);
    assert_int_equal(beginning(PATH), -1);
    copy(".", "tiny.gz");
    assert_error(fv, FV_E_PATH, "cannot make the folder \"tiny.gz/a\": Not a directory");
}

/* Whatever allocation fails, it is said, nothing is left behind, and the next try works. */
static void failing_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (int i = 1; failed; i++) {
        forget();
        mem.fail_at = mem.calls + i;
        copy(".", "root");
        mem.fail_at = 0;
        failed = fv_error(fv) == FV_E_MEMORY;
        if (failed) {
            assert_int_equal(beginning(PATH), -1);
            fv_error_clear(fv);
        }
    }
    assert_whole();
}

static void arguments(void **state)
{
    (void)state;
    forget();
    fv_get(fv, "mnist2", "root");
    assert_error(fv, FV_E_NAME,
                 "there is no data set \"mnist2\" to get\nhelp: did you mean mnist?");
    fv_get(fv, "cifar", "root");
    assert_error(fv, FV_E_NAME,
                 "there is no data set \"cifar\" to get\nhelp: did you mean cifar10 or cifar100?");
    fv_get(fv, "imagenet", "root");
    assert_error(fv, FV_E_NAME,
                 "there is no data set \"imagenet\" to get\nhelp: there are mnist, "
                 "fashion-mnist, kmnist, qmnist, emnist, cifar10, cifar100");
    fv_get(fv, NULL, "root");
    assert_error(fv, FV_E_ARG, "fv_get: name is NULL");
    fv_get(fv, "mnist");
    assert_error(fv, FV_E_ARG, "fv_get: root is NULL");
    fv_get(fv, "mnist", "root", .timeout = -1);
    assert_error(fv, FV_E_ARG, "fv_get: timeout is -1, but must be 1 to 86400 seconds");
    fv_get(fv, "mnist", "root", .mirrors = " https://x  file:///etc/passwd");
    assert_error(fv, FV_E_ARG,
                 "the mirror \"file:///etc/passwd\" is no address of HTTP\n"
                 "help: it begins with http:// or https://");
    fv_get(fv, "mnist", "root", .mirrors = " ", .only_mirrors = true);
    assert_error(fv, FV_E_ARG, "fv_get: only_mirrors, but no mirrors are given");
    fv_get(fv, "mnist", "root", .mirrors = "http://x", .from = ".");
    assert_error(fv, FV_E_ARG,
                 "a folder to copy from and a mirror to fetch from contradict each "
                 "other\nhelp: leave out one of the two");
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fv_get(fv, "mnist", text);
    assert_int_equal(fv_error(fv), FV_E_ARG);
    fv_get(fv, "mnist", "root"); /* while an error stands, nothing happens */
    assert_int_equal(access("root", F_OK), -1);
    assert_int_equal(fv_get(NULL, "mnist", "root"), FV_E_ARG);
    fv_error_clear(NULL);
}

/* https://www.rfc-editor.org/rfc/rfc1321, A.5 */
static void md5_of_the_rfc(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hex[33];
        fv_md5(cases[i][0], strlen(cases[i][0]), hex);
        assert_string_equal(hex, cases[i][1]);
    }
}

static int prepare(void **state)
{
    uint32_t seed = 1;
    for (int i = 0; i < SIZE; i++)
        file[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    memcpy(file, "\x1f\x8b", 2);
    fv_sha256(file, SIZE, sha256);
    fv_md5(file, SIZE, md5);
    set.files[0].sha256 = sha256;
    if (enter_folder(state) || setup(state))
        return -1;
    write_file("tiny.gz", file, SIZE);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    start_server();
    get_from("404", &(story){0});
    have_curl = fv_error(fv) != FV_E_DEVICE;
    return port == 0 ? -1 : teardown(state);
}

static int finish(void **state)
{
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    forget();
    return leave_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_servers), TEST(slow_servers),   TEST(no_server), TEST(good_servers),
        TEST(resuming),    TEST(stopping),       TEST(copying),   TEST(failing_memory),
        TEST(arguments),   TEST(md5_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
