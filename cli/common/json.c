/*
 * json.c - results for machines: one object a line.
 *
 * Layer 6. Calls cJSON and libc.
 */
#include <cjson/cJSON.h>

#include "common/cli.h"

int json_line(cJSON *root)
{
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (!text)
        return fail(EXIT_FAILED, "E-MEMORY",
                    "no memory for a line of JSON\n"
                    "help: close other programs and try again");
    puts(text);
    fflush(stdout);
    cJSON_free(text);
    return EXIT_DONE;
}

void json_result(cJSON *to, fv_result result)
{
    cJSON_AddNumberToObject(to, "test_loss", result.loss);
    cJSON_AddNumberToObject(to, "test_acc", accuracy_of(result));
    cJSON_AddNumberToObject(to, "right", (double)result.correct);
    cJSON_AddNumberToObject(to, "total", (double)result.total);
}
