/*
 * text.c - a network as text: "conv2d 6 5 padding=2 name=C1; relu; max_pool2d 2".
 *
 * One layer a statement; statements end with ; or the line, # begins a comment. A layer takes what
 * the one before it gives, or what from=NAME names. The kinds of layers say what arguments there
 * are, so this file knows none of them. What is printed here is read here as the same network.
 * Layer 3. Calls the ops and the base.
 */
#include "net/net.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATEMENT_MAX = 1000, WORDS_MAX = 64 };

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct reader {
    fv_ctx *ctx;
    fv_graph *graph; /* NULL until there is an input */
    fv_node x, outputs[FV_ENDS_MAX];
    int n_outputs;
    int classes; /* what the word "classes" stands for; 0: nothing */
    int number;  /* of the statement, from 1 */
    char statement[STATEMENT_MAX], cut[STATEMENT_MAX]; /* as it is; in words */
    char *words[WORDS_MAX];
    int count;
} reader;

static bool refuse(const reader *r, fv_status code, const char *format, ...) FV_PRINTF(3, 4);

/* The error says where: statement 3 "conv 6 x". */
static bool refuse(const reader *r, fv_status code, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fv_fail(r->ctx, code, "network text, statement %d \"%.100s\": %s", r->number, r->statement,
            text);
    return false;
}

/* The node of that name, "" for none: an error. */
static fv_node node_named(const reader *r, const char *name)
{
    for (int i = 0; r->graph && i < r->graph->count; i++)
        if (strcmp(r->graph->defs[i].name, name) == 0)
            return (fv_node){r->graph, i};
    refuse(r, FV_E_NAME, "there is no layer \"%.60s\" before it\nhelp: give that layer name=%.60s",
           name, name);
    return fv_node_failed;
}

static bool read_int(const reader *r, const char *text, int *value)
{
    if (strcmp(text, "classes") != 0 || r->classes <= 0)
        return fv_read_int(text, value);
    *value = r->classes;
    return true;
}

/* "3" or "3x2". */
static bool read_pair(const reader *r, const char *text, int *value)
{
    double sides[2];
    if (!strchr(text, 'x'))
        return read_int(r, text, value);
    if (fv_read_numbers(text, 'x', sides, 2) != 2)
        return false;
    for (int i = 0; i < 2; i++)
        if (sides[i] < 0 || sides[i] > 0x7fff || sides[i] != (double)(int)sides[i])
            return false;
    int h = (int)sides[0], w = (int)sides[1];
    *value = h == w ? h : FV_HW(h, w);
    return true;
}

static bool set_field(const reader *r, const fv_field *f, const char *text, char *args)
{
    int word = fv_word_place(f->words, text), number = 0;
    double real = 0;
    bool flag = true, good = true;
    switch (f->type) {
    case FV_INT_FIELD: good = read_int(r, text, &number); break;
    case FV_PAIR_FIELD:
        good = word >= 0 || read_pair(r, text, &number);
        number = word >= 0 ? -word : number;
        break;
    case FV_WORD_FIELD: good = word >= 0, number = word; break;
    case FV_NUMBER_FIELD: good = fv_read_number(text, &real); break;
    case FV_FLAG_FIELD:
        flag = strcmp(text, "false") != 0;
        good = !flag || strcmp(text, "true") == 0;
        break;
    }
    if (!good)
        return refuse(r, FV_E_ARG, "%s is \"%.40s\"; it takes %s%s%s", f->name, text,
                      f->type == FV_INT_FIELD      ? "a whole number"
                      : f->type == FV_PAIR_FIELD   ? "a whole number, or two as 3x2"
                      : f->type == FV_NUMBER_FIELD ? "a number"
                      : f->type == FV_FLAG_FIELD   ? "true or false"
                                                   : "one of: ",
                      f->words && f->type == FV_PAIR_FIELD ? ", or one of: " : "",
                      f->words ? f->words : "");
    if (f->type == FV_FLAG_FIELD)
        memcpy(args + f->offset, &flag, sizeof flag);
    else if (f->type == FV_NUMBER_FIELD)
        memcpy(args + f->offset, &real, sizeof real);
    else
        memcpy(args + f->offset, &number, sizeof number);
    return true;
}

static const fv_field *field_named(const fv_layer_type *kind, const char *name)
{
    for (const fv_field *f = kind->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static bool refuse_field(const reader *r, const fv_layer_type *kind, const char *name)
{
    char known[400] = "";
    fv_text to = {known, sizeof known};
    for (const fv_field *f = kind->fields; f->name; f++)
        fv_put(&to, "%s ", f->name);
    return refuse(r, FV_E_NAME, "%s has no argument \"%.40s\"\nhelp: it has %sname from",
                  kind->name, name, known);
}

/* The kind's own words: arguments by place, then by name; names of further inputs. */
static bool read_arguments(reader *r, const fv_layer_type *kind, char *args, fv_node *xs, int *n)
{
    int place = 0;
    for (int i = 1; i < r->count; i++) {
        char *word = r->words[i], *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        const fv_field *f = field_named(kind, word);
        if (value && strcmp(word, "name") == 0) {
            memcpy(args + kind->name_offset, &value, sizeof value);
        } else if (value && strcmp(word, "from") == 0) {
            xs[0] = node_named(r, value);
        } else if (f && (value || f->type == FV_FLAG_FIELD)) {
            if (!set_field(r, f, value ? value : "true", args))
                return false;
        } else if (value) {
            return refuse_field(r, kind, word);
        } else if (kind->inputs != 1) {
            if (*n == FV_INPUTS_MAX)
                return refuse(r, FV_E_ARG, "more than %d inputs", FV_INPUTS_MAX);
            xs[(*n)++] = node_named(r, word);
        } else if (place == kind->places) {
            return refuse(r, FV_E_ARG,
                          "\"%.40s\" is one word too many\n"
                          "help: arguments after the first %d go by name",
                          word, kind->places);
        } else if (!set_field(r, kind->fields + place++, word, args)) {
            return false;
        }
        if (fv_error(r->ctx))
            return false;
    }
    return true;
}

static bool read_layer(reader *r, const fv_layer_type *kind)
{
    union {
        max_align_t align;
        char bytes[256];
    } args = {.bytes = {0}};
    fv_node xs[FV_INPUTS_MAX] = {r->x};
    int n = 1;
    if (!read_arguments(r, kind, args.bytes, xs, &n))
        return false;
    if (kind->inputs == 2 && n != 2)
        return refuse(r, FV_E_ARG, "%s takes the layer before it and one more by name, not %d more",
                      kind->name, n - 1);
    if (!xs[0].graph)
        return refuse(r, FV_E_STATE,
                      "there is no input before it\n"
                      "help: begin with input CHANNELS HEIGHT WIDTH");
    r->x = fv_layer_add(kind, xs, n, args.bytes);
    return r->x.graph != NULL;
}

/* Up to FV_CHANNELS_MAX numbers "0.49,0.48,0.45". */
static bool read_list(const char *text, float *list)
{
    double values[FV_CHANNELS_MAX];
    int n = fv_read_numbers(text, ',', values, FV_CHANNELS_MAX);
    for (int i = 0; i < n; i++)
        list[i] = (float)values[i];
    return n > 0;
}

/* input CHANNELS HEIGHT WIDTH mean=... std=... name=... requires_grad */
static bool read_input(reader *r)
{
    fv_input_args a = {.ctx = r->ctx, .beside = {r->graph, r->graph ? 0 : -1}};
    int *sizes[] = {&a.channels, &a.height, &a.width}, place = 0;
    for (int i = 1; i < r->count; i++) {
        char *word = r->words[i], *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        bool good = value ? strcmp(word, "name") == 0 ||
                                (strcmp(word, "mean") == 0 && read_list(value, a.mean)) ||
                                (strcmp(word, "std") == 0 && read_list(value, a.std))
                    : place < 3 ? read_int(r, word, sizes[place++])
                                : strcmp(word, "requires_grad") == 0;
        if (!good)
            return refuse(r, FV_E_ARG,
                          "\"%.60s\" is not understood\n"
                          "help: input CHANNELS HEIGHT WIDTH mean=0.5,... std=0.2,... "
                          "requires_grad name=NAME",
                          word);
        a.name = value && strcmp(word, "name") == 0 ? value : a.name;
        a.requires_grad |= !value && strcmp(word, "requires_grad") == 0;
    }
    r->x = fv_input_opt(a);
    r->graph = r->x.graph;
    return r->graph != NULL;
}

/* again NAME: a layer like that one, with its parameters. output NAME...: what the net gives. */
static bool read_again(reader *r)
{
    if (r->count != 2)
        return refuse(r, FV_E_ARG, "again takes the name of a layer");
    fv_node layer = node_named(r, r->words[1]);
    r->x = layer.graph ? fv_again(layer, r->x) : layer;
    return r->x.graph != NULL;
}

static bool read_outputs(reader *r)
{
    for (int i = 1; i < r->count; i++) {
        if (r->n_outputs == FV_ENDS_MAX)
            return refuse(r, FV_E_ARG, "more than %d outputs", FV_ENDS_MAX);
        r->outputs[r->n_outputs++] = node_named(r, r->words[i]);
    }
    return !fv_error(r->ctx);
}

static const fv_layer_type *kind_named(const char *word)
{
    for (int i = 0; fv_layer_types[i]; i++)
        if (strcmp(fv_layer_types[i]->name, word) == 0 ||
            (fv_layer_types[i]->alias && strcmp(fv_layer_types[i]->alias, word) == 0))
            return fv_layer_types[i];
    return NULL;
}

static bool refuse_kind(const reader *r)
{
    fv_nearest near = {.word = r->words[0]};
    for (int i = 0; fv_layer_types[i]; i++)
        fv_nearest_try(&near, fv_layer_types[i]->name);
    return refuse(r, FV_E_NAME, "there is no layer \"%.40s\"%s%s", r->words[0],
                  near.best ? "\nhelp: did you mean " : "", near.best ? near.best : "");
}

static bool read_statement(reader *r)
{
    if (strcmp(r->words[0], "input") == 0)
        return read_input(r);
    if (strcmp(r->words[0], "again") == 0)
        return read_again(r);
    if (strcmp(r->words[0], "output") == 0)
        return read_outputs(r);
    const fv_layer_type *kind = kind_named(r->words[0]);
    return kind ? read_layer(r, kind) : refuse_kind(r);
}

/* The statement at text, cut into words; returns where the next begins. */
static const char *cut_statement(reader *r, const char *text)
{
    size_t length = strcspn(text, ";\n"), used = strcspn(text, ";\n#");
    const char *next = text + length + (text[length] != '\0');
    if (used < length) /* a comment goes to the end of the line */
        next = text + strcspn(text, "\n") + (text[strcspn(text, "\n")] != '\0');
    if (used >= STATEMENT_MAX) {
        refuse(r, FV_E_DATA, "a statement of %zu characters; %d are allowed", used,
               STATEMENT_MAX - 1);
        return NULL;
    }
    while (used > 0 && strchr(" \t\r", text[0]))
        text++, used--;
    while (used > 0 && strchr(" \t\r", text[used - 1]))
        used--;
    memcpy(r->statement, text, used);
    r->statement[used] = '\0';
    strcpy(r->cut, r->statement);
    r->count = 0;
    for (char *at = r->cut; *(at += strspn(at, " \t\r"));) {
        if (r->count == WORDS_MAX) {
            refuse(r, FV_E_DATA, "more than %d words", WORDS_MAX);
            return NULL;
        }
        r->words[r->count++] = at;
        at += strcspn(at, " \t\r");
        if (*at)
            *at++ = '\0';
    }
    return next;
}

static bool read_text(reader *r, const char *text)
{
    while (*text) {
        r->number++;
        text = cut_statement(r, text);
        if (!text || (r->count > 0 && !read_statement(r)))
            return false;
        r->number -= r->count == 0;
    }
    return true;
}

fv_node fv_layers(fv_node x, const char *text, int classes)
{
    if (fv_node_broken(x, "layers"))
        return fv_node_failed;
    if (!text)
        fv_fail(x.graph->object.ctx, FV_E_ARG, "fv_layers: text is NULL");
    reader r = {.ctx = x.graph->object.ctx, .graph = x.graph, .x = x, .classes = classes};
    return text && read_text(&r, text) ? r.x : fv_node_failed;
}

fv_net *fv_net_text(fv_ctx *ctx, const char *text)
{
    if (fv_stopped(ctx, __func__))
        return NULL;
    reader r = {.ctx = ctx, .x = fv_node_failed};
    if (!text)
        fv_fail(ctx, FV_E_ARG, "fv_net_text: text is NULL");
    if (!text || !read_text(&r, text))
        return NULL;
    if (!r.graph) {
        fv_fail(ctx, FV_E_DATA,
                "network text: there is no layer in it\n"
                "help: begin with input CHANNELS HEIGHT WIDTH");
        return NULL;
    }
    return r.n_outputs ? fv_net_new_outputs(r.outputs, r.n_outputs) : fv_net_new(r.x);
}

/* ---- printing ----------------------------------------------------------------------------- */

typedef struct writer {
    char *at; /* NULL: only counts */
    size_t used;
} writer;

static void put(writer *w, const char *format, ...) FV_PRINTF(2, 3);

static void put(writer *w, const char *format, ...)
{
    char text[2 * FV_SCOPE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : strlen(text);
    if (w->at)
        memcpy(w->at + w->used, text, length + 1);
    w->used += length;
}

/* The value of a field, "" if it is the default. */
static const char *field_text(const fv_field *f, const char *args, char text[40])
{
    int number = 0;
    double real = 0;
    bool flag = false;
    text[0] = '\0';
    if (f->type == FV_FLAG_FIELD)
        memcpy(&flag, args + f->offset, sizeof flag);
    else if (f->type == FV_NUMBER_FIELD)
        memcpy(&real, args + f->offset, sizeof real);
    else
        memcpy(&number, args + f->offset, sizeof number);
    if (flag)
        snprintf(text, 40, "true");
    if (real != 0)
        fv_number_text(real, false, text);
    if (number < 0 && f->type == FV_PAIR_FIELD && f->words)
        fv_word_at(f->words, -number, text);
    else if (number != 0 && f->type == FV_WORD_FIELD)
        fv_word_at(f->words, number, text);
    else if (number & 0x40000000 && number > 0 && f->type == FV_PAIR_FIELD)
        snprintf(text, 40, "%dx%d", number >> 15 & 0x7fff, number & 0x7fff);
    else if (number != 0)
        snprintf(text, 40, "%d", number);
    return text;
}

static void put_fields(writer *w, const fv_def *def)
{
    int place = 0;
    bool by_place = true;
    for (const fv_field *f = def->kind->fields; f->name; f++, place++) {
        char text[40];
        field_text(f, def->args, text);
        by_place = by_place && place < def->kind->places && text[0];
        if (by_place)
            put(w, " %s", text);
        else if (text[0] && f->type == FV_FLAG_FIELD)
            put(w, " %s", f->name);
        else if (text[0])
            put(w, " %s=%s", f->name, text);
    }
}

/* Whether layer i's name is what it would get without one. */
static bool named_by_itself(const fv_net *net, int i, const char *kind)
{
    char text[2 * FV_SCOPE_MAX];
    fv_name_free(net->defs, i, kind, text);
    return strcmp(net->defs[i].name, text) == 0;
}

static void put_list(writer *w, const char *name, const float *list, int n)
{
    char text[40];
    put(w, " %s=", name);
    for (int i = 0; i < n; i++)
        put(w, "%s%s", i ? "," : "", fv_number_text((double)list[i], true, text));
}

static void put_input(writer *w, const fv_net *net, int i)
{
    const fv_def *def = net->defs + i;
    put(w, "input %d %d %d", def->out.c, def->out.h, def->out.w);
    if (def->image.normalize) {
        put_list(w, "mean", def->image.mean, def->out.c);
        put_list(w, "std", def->image.std, def->out.c);
    }
    if (def->image.requires_grad)
        put(w, " requires_grad");
    if (i == 0 ? strcmp(def->name, "input") != 0 : !named_by_itself(net, i, "input"))
        put(w, " name=%s", def->name);
}

static void put_layer(writer *w, const fv_net *net, int i)
{
    const fv_def *def = net->defs + i;
    if (def->shares_weights_of >= 0)
        put(w, "again %s", net->defs[def->shares_weights_of].name);
    else
        put(w, "%s", def->kind->name);
    for (int k = 1; k < def->n_inputs; k++)
        put(w, " %s", net->defs[def->inputs[k]].name);
    if (def->shares_weights_of < 0)
        put_fields(w, def);
    if (def->inputs[0] != i - 1)
        put(w, " from=%s", net->defs[def->inputs[0]].name);
    if (!named_by_itself(net, i, def->kind->name))
        put(w, " name=%s", def->name);
}

static void put_net(writer *w, const fv_net *net)
{
    for (int i = 0; i < net->layers; i++) {
        if (i > 0)
            put(w, "; ");
        if (net->defs[i].n_inputs == 0)
            put_input(w, net, i);
        else
            put_layer(w, net, i);
    }
    if (net->n_outputs == 1 && net->outputs[0] == net->layers - 1)
        return;
    put(w, "; output");
    for (int i = 0; i < net->n_outputs; i++)
        put(w, " %s", net->defs[net->outputs[i]].name);
}

const char *fv_text_of(fv_net *net)
{
    if (FV_STOPPED(net))
        return NULL;
    for (int i = 0; i < net->layers; i++)
        if (net->defs[i].kind && !net->defs[i].kind->fields) {
            fv_fail(net->object.ctx, FV_E_STATE,
                    "layer \"%s\" is a function of yours, which has no text\n"
                    "help: write such a net down in C",
                    net->defs[i].name);
            return NULL;
        }
    writer w = {NULL, 0};
    put_net(&w, net);
    fv_release(net->object.ctx, net->text);
    net->text = w.at = fv_alloc(net->object.ctx, w.used + 1, 1);
    w.used = 0;
    if (w.at)
        put_net(&w, net);
    return net->text;
}
