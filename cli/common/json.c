/*
 * json.c - results for programs: one JSON object a line.
 *
 * Layer 6. Calls cJSON and libc.
 */
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <string.h>

#include "common/cli.h"

cJSON *json_add(cJSON *to, const char *format, ...)
{
    char key[64];
    va_list args;
    va_start(args, format);
    while (*format) {
        size_t n = strcspn(format, " ");
        snprintf(key, sizeof key, "%.*s", (int)n, format);
        const char *type = format + n + 2; /* behind " %" */
        if (*type == 's') {
            const char *text = va_arg(args, const char *);
            cJSON_AddItemToObject(to, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
        } else {
            double number = *type == 'd'   ? va_arg(args, int)
                            : *type == 'l' ? (double)va_arg(args, long long)
                                           : va_arg(args, double);
            cJSON_AddNumberToObject(to, key, number);
        }
        format = type + strcspn(type, " ");
        format += *format == ' ';
    }
    va_end(args);
    return to;
}

int json_line(cJSON *root)
{
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (!text)
        return fail_memory("a line of JSON");
    puts(text);
    fflush(stdout);
    cJSON_free(text);
    return EXIT_DONE;
}

void json_result(cJSON *to, fv_result result)
{
    json_add(to, "test_loss %g test_acc %g right %lld total %lld", result.loss, accuracy_of(result),
             (long long)result.correct, (long long)result.total);
}
