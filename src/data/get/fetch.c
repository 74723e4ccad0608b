/*
 * fetch.c - downloads one file over HTTP or HTTPS with libcurl, resuming an earlier .part file.
 *
 * A server may not answer, send a page instead of the file, stop halfway, or never stop. Each case
 * ends with a reason, in bounded time, and the .part file only holds bytes that may belong to the
 * file; the caller verifies its checksum.
 *
 * Layer 3, data. Calls libcurl, POSIX and the base. RFC 9110.
 */
#include "data/get/get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(FV_HAVE_CURL)

#define CURL_DISABLE_TYPECHECK /* its macros accept only curl's own functions */
#include <curl/curl.h>
#include <dlfcn.h>

/* libcurl is loaded on demand: with its dependencies it takes longer to load than the rest of the
   command takes to start. */
typedef struct library {
    void *handle;
    CURLcode (*global_init)(long flags);
    void (*global_cleanup)(void);
    CURL *(*init)(void);
    void (*cleanup)(CURL *curl);
    CURLcode (*setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*getinfo)(CURL *curl, CURLINFO info, ...);
    CURLcode (*perform)(CURL *curl);
    const char *(*strerror)(CURLcode code);
} library;

enum { SLOW = 1000, MOST_REDIRECTS = 5 };

typedef struct transfer {
    fv_fetch *fetch;
    const library *lib;
    CURL *curl;
    int fd;         /* of the .part file; -1 until the first byte arrives */
    int64_t at;     /* bytes in it */
    int64_t offset; /* start in Content-Range; -1: none */
    char message[CURL_ERROR_SIZE];
} transfer;

/* Stores the reason and returns 0, which ends the transfer from inside a callback. */
static size_t refuse(transfer *t, const char *format, ...) FV_PRINTF(2, 3);
static size_t refuse(transfer *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->fetch->why, sizeof t->fetch->why, format, args);
    va_end(args);
    return 0;
}

/* Opens and locks the .part file; its size must not have changed. */
static bool open_part(transfer *t)
{
    fv_fetch *f = t->fetch;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat st;
    t->fd = open(f->part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (t->fd < 0 || fstat(t->fd, &st) != 0) {
        fv_fail_errno(f->ctx, "write", f->part, errno);
        return false;
    }
    bool taken = fcntl(t->fd, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN);
    if (taken || st.st_size != f->had) {
        fv_fail(f->ctx, FV_E_IO,
                "\"%s\" is being written by another process\n"
                "help: wait until that is done",
                f->part);
        return false;
    }
    if ((t->at == 0 && ftruncate(t->fd, 0) != 0) || lseek(t->fd, (off_t)t->at, SEEK_SET) < 0) {
        fv_fail_errno(f->ctx, "write", f->part, errno);
        return false;
    }
    return true;
}

/* Checks on the first bytes that the response is the requested part of the file. */
static bool begin(transfer *t)
{
    fv_fetch *f = t->fetch;
    long status = 0;
    t->lib->getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206)
        return refuse(t, "it answered with HTTP status %ld", status);
    t->at = status == 206 ? f->had : 0; /* 200: the whole file, even if a range was requested */
    if (status == 206 && t->offset != f->had)
        return refuse(t, "it sent another part of the file than it was asked for");
    return open_part(t);
}

/* Rejects a response that is not the file before any byte is kept. */
static bool begins_right(transfer *t, const char *bytes, size_t n)
{
    char shown[24] = "";
    for (size_t i = 0; i < n && i < sizeof shown - 1; i++)
        shown[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?';
    for (size_t i = 0; i < n && t->at + (int64_t)i < 2; i++)
        if (bytes[i] != t->fetch->begin[t->at + (int64_t)i])
            return refuse(t, "it sent something else, which begins with \"%s\"", shown);
    return true;
}

static size_t take(char *bytes, size_t one, size_t n, void *user)
{
    transfer *t = user;
    fv_fetch *f = t->fetch;
    if (n == 0 || (t->fd < 0 && !begin(t)) || !begins_right(t, bytes, n))
        return 0;
    f->spoiled = t->at + (int64_t)n > f->most;
    if (f->spoiled)
        return refuse(t, "it sent more than the file can have: %lld bytes", (long long)f->most);
    for (size_t done = 0; done < n;) {
        ssize_t written = write(t->fd, bytes + done, n - done);
        if (written < 0 && errno != EINTR) {
            fv_fail_errno(f->ctx, "write", f->part, errno);
            return 0;
        }
        done += written < 0 ? 0 : (size_t)written;
    }
    t->at += (int64_t)n;
    return n * one; /* one is 1 */
}

static size_t take_header(char *line, size_t one, size_t n, void *user)
{
    static const char name[] = "content-range: bytes ";
    transfer *t = user;
    char text[64];
    long long offset;
    snprintf(text, sizeof text, "%.*s", n < sizeof text ? (int)n : (int)sizeof text - 1, line);
    if (strncasecmp(text, "HTTP/", 5) == 0)
        t->offset = -1; /* a new response, after a redirect */
    else if (strncasecmp(text, name, sizeof name - 1) == 0 &&
             sscanf(text + sizeof name - 1, "%lld-", &offset) == 1)
        t->offset = offset;
    return n * one;
}

static int look(void *user, curl_off_t total, curl_off_t done, curl_off_t a, curl_off_t b)
{
    transfer *t = user;
    fv_fetch *f = t->fetch;
    (void)a, (void)b;
    return !f->go_on(f->user, t->at, total > 0 ? t->at - (int64_t)done + (int64_t)total : 0);
}

static void set_options(transfer *t)
{
    fv_fetch *f = t->fetch;
    CURL *c = t->curl;
    CURLcode (*set)(CURL * curl, CURLoption option, ...) = t->lib->setopt;
    char range[32];
    /* HTTPS is never redirected to HTTP. */
    const char *next = strncasecmp(f->url, "https:", 6) == 0 ? "https" : "http,https";
    set(c, CURLOPT_URL, f->url);
    set(c, CURLOPT_USERAGENT, "fovea");
#if LIBCURL_VERSION_NUM >= 0x075500
    set(c, CURLOPT_PROTOCOLS_STR, "http,https");
    set(c, CURLOPT_REDIR_PROTOCOLS_STR, next);
#else
    set(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    set(c, CURLOPT_REDIR_PROTOCOLS,
        (long)(next[4] == 's' ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    set(c, CURLOPT_FOLLOWLOCATION, 1L);
    set(c, CURLOPT_MAXREDIRS, (long)MOST_REDIRECTS);
    set(c, CURLOPT_FAILONERROR, 1L);
    set(c, CURLOPT_NOSIGNAL, 1L);
    set(c, CURLOPT_CONNECTTIMEOUT, (long)f->timeout);
    set(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW);
    set(c, CURLOPT_LOW_SPEED_TIME, (long)f->timeout);
    set(c, CURLOPT_ERRORBUFFER, t->message);
    set(c, CURLOPT_WRITEFUNCTION, take);
    set(c, CURLOPT_WRITEDATA, t);
    set(c, CURLOPT_HEADERFUNCTION, take_header);
    set(c, CURLOPT_HEADERDATA, t);
    set(c, CURLOPT_XFERINFOFUNCTION, look);
    set(c, CURLOPT_XFERINFODATA, t);
    set(c, CURLOPT_NOPROGRESS, 0L);
    snprintf(range, sizeof range, "%lld-", (long long)f->had);
    if (f->had > 0)
        set(c, CURLOPT_RANGE, range);
}

/* Explains libcurl's error code in words. */
static void explain(transfer *t, CURLcode code)
{
    fv_fetch *f = t->fetch;
    long status = 0;
    curl_off_t total = -1, came = 0;
    t->lib->getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    t->lib->getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
    t->lib->getinfo(t->curl, CURLINFO_SIZE_DOWNLOAD_T, &came);
    f->spoiled = f->spoiled || (code == CURLE_HTTP_RETURNED_ERROR && status == 416);
    if (f->ctx->error || *f->why)
        return;
    if (code == CURLE_HTTP_RETURNED_ERROR)
        refuse(t, "it answered with HTTP status %ld", status);
    else if (code == CURLE_OPERATION_TIMEDOUT && came == 0)
        refuse(t, "no answer within %d s", f->timeout);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        refuse(t, "too slow: less than %d bytes a second for %d s", SLOW, f->timeout);
    else if (code == CURLE_PARTIAL_FILE && total > 0)
        refuse(t, "it broke off: %lld of %lld bytes came", (long long)came, (long long)total);
    else if (code == CURLE_TOO_MANY_REDIRECTS)
        refuse(t, "it redirects more than %d times", MOST_REDIRECTS);
    else
        refuse(t, "%.200s", *t->message ? t->message : t->lib->strerror(code));
}

static bool run(transfer *t)
{
    fv_fetch *f = t->fetch;
    set_options(t);
    CURLcode code = t->lib->perform(t->curl);
    if (t->fd >= 0 && (fsync(t->fd) != 0) + (close(t->fd) != 0) > 0 && !f->ctx->error)
        fv_fail_errno(f->ctx, "write", f->part, errno);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        fv_fail(f->ctx, FV_E_IO, "stopped while \"%s\" was on its way", f->url);
    else if (code != CURLE_OK)
        explain(t, code);
    else if (t->fd < 0)
        refuse(t, "it sent nothing");
    return code == CURLE_OK && t->fd >= 0 && !f->ctx->error;
}

/* Looks up a function of the library; POSIX specifies this copy of the pointer. */
static bool find(const library *lib, const char *name, void *function)
{
    void *at = dlsym(lib->handle, name);
    memcpy(function, &at, sizeof at);
    return at != NULL;
}

static bool open_library(library *lib)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl.so", "libcurl.4.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !lib->handle; i++)
        lib->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    return lib->handle && find(lib, "curl_global_init", &lib->global_init) &&
           find(lib, "curl_global_cleanup", &lib->global_cleanup) &&
           find(lib, "curl_easy_init", &lib->init) &&
           find(lib, "curl_easy_cleanup", &lib->cleanup) &&
           find(lib, "curl_easy_setopt", &lib->setopt) &&
           find(lib, "curl_easy_getinfo", &lib->getinfo) &&
           find(lib, "curl_easy_perform", &lib->perform) &&
           find(lib, "curl_easy_strerror", &lib->strerror);
}

/* Runs one transfer with a loaded library. */
static bool fetch_with(const library *lib, fv_fetch *fetch)
{
    transfer t = {.fetch = fetch, .lib = lib, .fd = -1, .at = fetch->had, .offset = -1};
    /* libcurl counts these calls: the first one initialises it, the last cleanup ends it. */
    bool started = lib->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    t.curl = started ? lib->init() : NULL;
    bool whole = false;
    if (t.curl)
        whole = run(&t);
    else
        fv_fail(fetch->ctx, FV_E_MEMORY, "libcurl does not start");
    lib->cleanup(t.curl);
    if (started)
        lib->global_cleanup();
    return whole;
}

/* The library stays loaded: some of its dependencies cannot be unloaded safely. */
bool fv_fetch_run(fv_fetch *fetch)
{
    library lib = {0};
    fetch->why[0] = '\0';
    fetch->spoiled = false;
    if (open_library(&lib))
        return fetch_with(&lib, fetch);
    fv_fail(fetch->ctx, FV_E_DEVICE,
            "libcurl, which fetches from the network, is not on this machine\n"
            "help: sudo apt-get install libcurl4, or give a folder that has the files (fovea get "
            "NAME --from DIR)");
    return false;
}

#else

bool fv_fetch_run(fv_fetch *fetch)
{
    fv_fail(fetch->ctx, FV_E_DEVICE,
            "this build fetches nothing from the network: libcurl was not there\n"
            "help: give a folder that has the files (fovea get NAME --from DIR), or build with "
            "libcurl");
    return false;
}

#endif
