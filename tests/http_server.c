/*
 * http_server.c - a small HTTP server that misbehaves on request, for test_get.sh and test_get.c.
 *
 *   http_server FOLDER PORT_FILE LOG
 *
 * Listens on 127.0.0.1, writes its port to PORT_FILE, and answers GET /HOW/NAME with FOLDER/NAME in
 * the manner HOW, one process per request. Logs a line per request: "HOW NAME RANGE". It ends by
 * itself after two minutes.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct request {
    int to;
    char how[16], name[80];
    long from; /* of Range: bytes=FROM-; -1: all is asked for */
    char *bytes;
    long size;
} request;

static void rest(long milliseconds)
{
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static void put(const request *r, const char *bytes, long n)
{
    while (n > 0) {
        ssize_t sent = send(r->to, bytes, (size_t)n, MSG_NOSIGNAL);
        if (sent <= 0)
            exit(0); /* the client is gone */
        bytes += sent;
        n -= sent;
    }
}

static void put_text(const request *r, const char *text)
{
    put(r, text, (long)strlen(text));
}

/* The head of an answer; size -1: it does not say how long it is. */
static void put_head(const request *r, const char *status, long size, const char *more)
{
    char head[400];
    put_text(r,
             (snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n%s", status, more),
              head));
    if (size >= 0)
        put_text(r, (snprintf(head, sizeof head, "Content-Length: %ld\r\n", size), head));
    put_text(r, "\r\n");
}

static void put_page(const request *r, const char *status)
{
    const char *page = "<!DOCTYPE html><p>Not what you are looking for</p>";
    put_head(r, status, (long)strlen(page), "Content-Type: text/html\r\n");
    put_text(r, page);
}

static void redirect(const request *r, const char *how)
{
    char where[140];
    snprintf(where, sizeof where, "Location: /%s/%s\r\n", how, r->name);
    put_head(r, "302 Found", 0, where);
}

/* The file from byte `from` on, of which `sent` bytes are sent. */
static void put_file(const request *r, long from, long shift, long sent)
{
    char range[100];
    snprintf(range, sizeof range, "Content-Range: bytes %ld-%ld/%ld\r\n", from + shift, r->size - 1,
             r->size);
    put_head(r, from > 0 ? "206 Partial Content" : "200 OK", r->size - from, from > 0 ? range : "");
    put(r, r->bytes + from, sent);
}

/* Pieces of n bytes, one after each pause. */
static void put_slowly(const request *r, long from, long n, long milliseconds)
{
    put_file(r, from, 0, 0);
    for (long at = from; at < r->size; at += n) {
        put(r, r->bytes + at, n < r->size - at ? n : r->size - at);
        rest(milliseconds);
    }
}

static void put_endlessly(const request *r)
{
    static char zeros[65536];
    put_head(r, "200 OK", -1, "");
    for (put(r, r->bytes, 2);;)
        put(r, zeros, sizeof zeros);
}

static void answer(const request *r)
{
    long from = r->from > 0 ? r->from : 0, left = r->size - from;
#define HOW(name) strcmp(r->how, name) == 0
    if (HOW("403") || HOW("404") || HOW("503"))
        put_page(r, r->how);
    else if (HOW("html"))
        put_page(r, "200 OK");
    else if (HOW("empty"))
        put_head(r, "200 OK", 0, "");
    else if (HOW("hang"))
        recv(r->to, (char[1]){0}, 1, 0); /* until the client goes */
    else if (HOW("drip"))
        put_slowly(r, from, 1, 100);
    else if (HOW("slow"))
        put_slowly(r, from, 32768, 20);
    else if (HOW("cut"))
        put_file(r, from, 0, left / 2);
    else if (HOW("endless"))
        put_endlessly(r);
    else if (HOW("loop"))
        redirect(r, "loop");
    else if (HOW("redirect"))
        redirect(r, "ok");
    else if (HOW("norange"))
        put_file(r, 0, 0, r->size);
    else if (HOW("shift"))
        put_file(r, from, from > 0, left);
    else if (left <= 0)
        put_page(r, "416 Range Not Satisfiable");
    else
        put_file(r, from, 0, left);
}

static void read_file(request *r, const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, r->name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        put_page(r, "404");
        exit(0);
    }
    fseek(f, 0, SEEK_END);
    r->size = ftell(f);
    rewind(f);
    r->bytes = malloc((size_t)r->size);
    if (fread(r->bytes, 1, (size_t)r->size, f) != (size_t)r->size)
        exit(1);
    fclose(f);
    if (strcmp(r->how, "wrong") == 0)
        r->bytes[r->size - 1] = 'x';
}

static void serve(int to, const char *folder, const char *log)
{
    char text[4096] = "";
    for (size_t n = 0; !strstr(text, "\r\n\r\n");) {
        ssize_t got = recv(to, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            return;
        text[n += (size_t)got] = '\0';
    }
    request r = {.to = to, .from = -1};
    const char *range = strstr(text, "Range: bytes=");
    if (sscanf(text, "GET /%15[a-z0-9]/%79[a-z0-9.-] ", r.how, r.name) != 2)
        return;
    if (range)
        sscanf(range, "Range: bytes=%ld-", &r.from);
    FILE *f = fopen(log, "a");
    if (f) {
        fprintf(f, "%s %s %ld\n", r.how, r.name, r.from);
        fclose(f);
    }
    read_file(&r, folder);
    answer(&r);
    shutdown(to, SHUT_WR);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 4 || listener < 0 || bind(listener, (struct sockaddr *)&address, size) ||
        listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &size))
        return 1;
    signal(SIGCHLD, SIG_IGN);
    alarm(120);
    FILE *f = fopen(argv[2], "w");
    if (!f)
        return 1;
    fprintf(f, "%d\n", ntohs(address.sin_port));
    fclose(f);
    for (;;) {
        int to = accept(listener, NULL, NULL);
        if (to >= 0 && fork() == 0) {
            close(listener);
            alarm(90);
            serve(to, argv[1], argv[3]);
            _exit(0);
        }
        if (to >= 0)
            close(to);
    }
}
