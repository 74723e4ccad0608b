/*
 * test_random_graphs.c - random networks with shared parameters, dead branches, several inputs and
 * outputs, some of them without a loss: outputs against a textbook interpreter in double, gradients
 * against its central differences, and the text form read back.
 *
 * Usage: test_random_graphs [number of graphs [first seed]]. A failure prints the seed and the
 * network. The interpreter calls nothing of the library.
 */
#include <math.h>

#include "testing.h"

#include "net/net.h"
#include "textbook.h"

static fv_ctx *ctx;
static int graphs = 400, first_seed = 1;

/* ---- random numbers ----------------------------------------------------------------------- */

static uint64_t rng;

static uint32_t bits(void)
{
    rng += 0x9e3779b97f4a7c15u;
    uint64_t z = (rng ^ rng >> 30) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)((z ^ z >> 27) * 0x94d049bb133111ebu >> 32);
}

static int below(int limit)
{
    return (int)(bits() % (uint32_t)limit);
}

static int between(int low, int high)
{
    return low + below(high - low + 1);
}

static float real(void)
{
    return (float)(bits() >> 8) / (1 << 23) - 1.0f;
}

static int outputs[OUTPUTS_MAX], n_outputs, inputs[INPUTS_MAX], n_inputs;

/* ---- random networks ---------------------------------------------------------------------- */

static layer *with_shape(layer *l, int c, int h, int w)
{
    l->c = c, l->h = h, l->w = w;
    return c < 1 || h < 1 || w < 1 || c * h * w > 400 ? NULL : l;
}

/* Another layer of x's shape, or of that but for dimension dim; -1: none. */
static int like(const layer *x, int dim)
{
    for (int tries = 0; tries < 8; tries++) {
        int k = below(count);
        const layer *o = net_layers + k;
        if ((dim == 1 || o->c == x->c) && (dim == 2 || o->h == x->h) && (dim == 3 || o->w == x->w))
            return k;
    }
    return -1;
}

static bool is_parametric(const layer *l)
{
    return l->kind >= CONV && l->kind <= LAYER_NORM;
}

/* The layer that l, with its kind, arguments and x, is; shapes, counts and the call of the library.
   NULL: these do not go together. */
static layer *shape_of(layer *l, const layer *x)
{
    l->weights = l->biases = 0;
    int k = l->k, s = l->s, p = l->p;
    switch (l->kind) {
    case CONV:
        if (x->c % l->groups || l->out % l->groups || x->h + 2 * p < k || x->w + 2 * p < k)
            return NULL;
        l->weights = l->out * (x->c / l->groups) * k * k;
        return with_shape(l, l->out, (x->h + 2 * p - k) / s + 1, (x->w + 2 * p - k) / s + 1);
    case TRANSPOSE:
        l->weights = x->c * l->out * k * k;
        return with_shape(l, l->out, (x->h - 1) * s - 2 * p + k, (x->w - 1) * s - 2 * p + k);
    case LINEAR:
        l->weights = l->out * x->c;
        return area(x) == 1 ? with_shape(l, l->out, 1, 1) : NULL;
    case BATCH_NORM:
        l->weights = x->c;
        return n * area(x) < 8 ? NULL : with_shape(l, x->c, x->h, x->w);
    case GROUP_NORM:
        l->weights = x->c;
        return x->c % l->groups || numbers(x) / l->groups < 4 ? NULL
                                                              : with_shape(l, x->c, x->h, x->w);
    case INSTANCE_NORM:
        l->weights = x->c;
        return area(x) < 4 ? NULL : with_shape(l, x->c, x->h, x->w);
    case LAYER_NORM:
        l->weights = l->dim == 1 ? x->w : l->dim == 2 ? area(x) : numbers(x);
        return l->weights < 4 ? NULL : with_shape(l, x->c, x->h, x->w);
    case MAX_POOL:
    case AVG_POOL:
        if (x->h + 2 * p < k || x->w + 2 * p < k || p > k / 2)
            return NULL;
        return with_shape(l, x->c, (x->h + 2 * p - k) / s + 1, (x->w + 2 * p - k) / s + 1);
    case ADAPTIVE: return with_shape(l, x->c, l->k, l->s);
    case UPSAMPLE: return with_shape(l, x->c, 2 * x->h, 2 * x->w);
    case PAD: return with_shape(l, x->c, x->h + p, x->w + k);
    case FLATTEN: return with_shape(l, numbers(x), 1, 1);
    case RESHAPE: return with_shape(l, x->w, x->c, x->h);
    case PERMUTE: {
        const int sizes[] = {x->c, x->h, x->w};
        return with_shape(l, sizes[k - 1], sizes[s - 1], sizes[p - 1]);
    }
    case SLICE: {
        int sizes[] = {x->c, x->h, x->w};
        sizes[l->dim - 1] -= p + l->k; /* left out before and after */
        return with_shape(l, sizes[0], sizes[1], sizes[2]);
    }
    default: return with_shape(l, x->c, x->h, x->w);
    }
}

static bool choose_arguments(layer *l, const layer *x)
{
    l->out = between(1, 5), l->dim = between(1, 3);
    l->groups = below(3) ? 1 : between(1, 2), l->k = between(1, 3), l->s = between(1, 2);
    l->p = below(l->k + 1) / 2;
    if (l->kind == CONV && !below(6)) /* a kernel of the picture's size, or with its own tiles */
        l->k = below(2) ? 5 : x->h, l->s = 1, l->p = l->k == 5 ? 2 : 0;
    if (l->kind == PERMUTE)
        l->k = between(1, 3), l->s = 1 + l->k % 3, l->p = 6 - l->k - l->s;
    if (l->kind == SLICE)
        l->p = below(2), l->k = below(2);
    if (l->kind == ADD || l->kind == MUL || l->kind == CONCAT) {
        int same = like(x, l->kind == CONCAT ? l->dim : 0);
        if (l->kind == MUL && below(2)) /* a factor for each channel, or for all of them */
            for (int k = 0; k < count; k++)
                same = (net_layers[k].c == x->c && area(net_layers + k) == 1) ||
                               (net_layers[k].c == 1 && net_layers[k].h == x->h &&
                                net_layers[k].w == x->w)
                           ? k
                           : same;
        if (same < 0)
            return false;
        l->in[l->inputs++] = same;
    }
    return true;
}

static bool joins(layer *l, const layer *x)
{
    if (l->kind != CONCAT)
        return true;
    const layer *o = net_layers + l->in[1];
    return with_shape(l, l->dim == 1 ? x->c + o->c : x->c, l->dim == 2 ? x->h + o->h : x->h,
                      l->dim == 3 ? x->w + o->w : x->w) != NULL;
}

static fv_node call_layer(const layer *l, fv_node x, const char *name)
{
    fv_node y = l->inputs > 1 ? net_layers[l->in[1]].node : x;
    switch (l->kind) {
    case CONV:
        return fv_conv2d(x, l->out, l->k, .stride = l->s, .padding = l->p, .groups = l->groups,
                         .no_bias = !l->biases, .name = name);
    case TRANSPOSE:
        return fv_conv_transpose2d(x, l->out, l->k, .stride = l->s, .padding = l->p,
                                   .no_bias = !l->biases, .name = name);
    case LINEAR: return fv_linear(x, l->out, .no_bias = !l->biases, .name = name);
    case BATCH_NORM: return fv_batch_norm2d(x, .eps = 0.1, .name = name);
    case GROUP_NORM: return fv_group_norm(x, l->groups, .eps = 0.1, .name = name);
    case INSTANCE_NORM:
        return fv_instance_norm2d(x, .eps = 0.1, .affine = true,
                                  .track_running_stats = l->groups > 1, .name = name);
    case LAYER_NORM: return fv_layer_norm(x, .dims = l->dim, .eps = 0.1, .name = name);
    case RELU: return fv_relu(x, .name = name);
    case TANH: return fv_tanh(x, .name = name);
    case SIGMOID: return fv_sigmoid(x, .name = name);
    case SILU: return fv_silu(x, .name = name);
    case GELU: return fv_gelu(x, .name = name);
    case ELU: return fv_elu(x, .name = name);
    case LEAKY: return fv_leaky_relu(x, .name = name);
    case SOFTPLUS: return fv_softplus(x, .beta = 2, .threshold = 60, .name = name);
    case MISH: return fv_mish(x, .name = name);
    case SOFTMAX: return fv_softmax(x, l->dim, .name = name);
    case LOG_SOFTMAX: return fv_log_softmax(x, l->dim, .name = name);
    case MAX_POOL: return fv_max_pool2d(x, l->k, .stride = l->s, .padding = l->p, .name = name);
    case AVG_POOL: return fv_avg_pool2d(x, l->k, .stride = l->s, .padding = l->p, .name = name);
    case ADAPTIVE: return fv_adaptive_avg_pool2d(x, FV_HW(l->k, l->s), .name = name);
    case UPSAMPLE: return fv_upsample(x, 2, .name = name);
    case PAD: return fv_pad2d(x, .left = l->k, .top = l->p, .name = name);
    case FLATTEN: return fv_flatten(x, .name = name);
    case RESHAPE: return fv_reshape(x, l->c, l->h, l->w, .name = name);
    case PERMUTE: return fv_permute(x, l->k, l->s, l->p, .name = name);
    case SLICE: {
        const int sizes[] = {l->c, l->h, l->w};
        return fv_slice(x, l->dim, l->p, l->p + sizes[l->dim - 1], .name = name);
    }
    case ADD: return fv_add(x, y, .name = name);
    case MUL: return fv_mul(x, y, .name = name);
    case CONCAT: return fv_concat(FV_NODES(x, y), .dim = l->dim, .name = name);
    default: return x;
    }
}

static void fill(double **values, int size, double centre, double spread)
{
    *values = malloc((size_t)(size + 1) * sizeof **values);
    for (int i = 0; i < size; i++)
        (*values)[i] = (double)(float)(centre + spread * (double)real());
}

static void add_values(layer *l, int fan_in)
{
    bool norm = l->kind >= BATCH_NORM && l->kind <= LAYER_NORM;
    l->y = calloc((size_t)n * numbers(l), sizeof *l->y);
    fill(&l->weight, l->weights, norm ? 1 : 0, norm ? 0.4 : 1.7 / sqrt(fan_in));
    fill(&l->bias, l->biases, 0, 0.5);
}

static void add_input(void)
{
    layer *l = net_layers + count;
    *l = (layer){.kind = INPUT, .owner = count};
    with_shape(l, between(1, 4), between(2, 7), between(2, 7));
    if (n_inputs && below(2)) /* of the first one's shape */
        with_shape(l, net_layers->c, net_layers->h, net_layers->w);
    l->node = fv_input(ctx, l->c, l->h, l->w, .requires_grad = below(4) > 0,
                       .beside = n_inputs ? net_layers->node : (fv_node){0});
    fill(&l->y, n * numbers(l), 0, 1);
    inputs[n_inputs++] = count++;
}

/* A layer with the parameters of an earlier one. */
static bool add_again(layer *l, int x)
{
    int k = below(count);
    const layer *old = net_layers + k;
    if (!is_parametric(old))
        return false;
    const layer *old_x = net_layers + old->in[0], *from = net_layers + x;
    bool by_channels = old->kind == CONV || old->kind == TRANSPOSE || old->kind == BATCH_NORM ||
                       old->kind == INSTANCE_NORM;
    if (from->c != old_x->c || (!by_channels && (from->h != old_x->h || from->w != old_x->w)))
        return false;
    int biases = old->biases;
    *l = *old;
    l->in[0] = x;
    l->y = l->weight = l->bias = NULL;
    if (!shape_of(l, from))
        return false;
    l->biases = biases;
    l->y = calloc((size_t)n * numbers(l), sizeof *l->y);
    l->node = fv_again(old->node, from->node);
    return true;
}

static void add_layer(void)
{
    int k = below(3) ? count - 1 - below(count < 3 ? count : 3) : below(count);
    layer l = {.kind = (layer_kind)(below(3)   ? between(CONV, KINDS - 1)
                                    : below(2) ? CONV
                                               : AGAIN),
               .in = {k},
               .inputs = 1,
               .owner = count};
    const layer *x = net_layers + k;
    char name[16];
    snprintf(name, sizeof name, "l%d", count);
    if (l.kind == AGAIN) {
        if (add_again(&l, k))
            net_layers[count++] = l;
        return;
    }
    if (!choose_arguments(&l, x) || !shape_of(&l, x) || !joins(&l, x))
        return;
    bool always = l.kind >= BATCH_NORM && l.kind <= LAYER_NORM;
    bool channels = l.kind <= LINEAR;
    l.biases = always ? l.weights : channels && below(4) ? l.out : 0;
    add_values(&l, l.kind == LINEAR ? x->c : x->c * l.k * l.k);
    l.node = call_layer(&l, x->node, is_parametric(&l) || below(2) ? name : NULL);
    net_layers[count++] = l;
}

static void choose_outputs(void)
{
    n_outputs = 0;
    for (int tries = between(1, OUTPUTS_MAX); tries > 0; tries--) {
        int k = n_outputs == 0 ? count - 1 - below(2) : below(count);
        bool twice = false;
        for (int i = 0; i < n_outputs; i++)
            twice |= outputs[i] == k;
        if (!twice)
            outputs[n_outputs++] = k;
    }
    for (int i = 0; i < n_outputs; i++)
        net_layers[outputs[i]].used = true;
    for (int i = count - 1; i >= 0; i--)
        for (int k = 0; net_layers[i].used && k < net_layers[i].inputs; k++)
            net_layers[net_layers[i].in[k]].used = true;
}

static fv_net *random_net(void)
{
    static const int batches[] = {1, 2, 3, 5, 16, 17, 19, 33};
    count = n_inputs = 0;
    n = batches[below(8)];
    add_input();
    for (int wanted = between(3, 14), tries = 0; count < wanted && tries < 200; tries++)
        if (n_inputs < INPUTS_MAX && !below(12))
            add_input();
        else
            add_layer();
    choose_outputs();
    fv_node nodes[OUTPUTS_MAX];
    for (int i = 0; i < n_outputs; i++)
        nodes[i] = net_layers[outputs[i]].node;
    fv_net *net = fv_net_new_outputs(nodes, n_outputs);
    if (net)
        net->layout = (fv_layout)below(FV_LAYOUTS + 1);
    return net;
}

static void free_layers(void)
{
    for (int i = 0; i < count; i++) {
        layer *l = net_layers + i;
        free(l->y);
        if (l->owner == i)
            free(l->weight), free(l->bias);
    }
}

/* ---- comparing ---------------------------------------------------------------------------- */

static int seed, without_gradients;
static float *pixels[INPUTS_MAX], *slopes[OUTPUTS_MAX];

static void put_values(fv_net *net)
{
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        int owner = atoi(p.name + 1);
        const double *from = strstr(p.name, ".weight") ? net_layers[owner].weight
                                                       : net_layers[owner].bias;
        float *values = malloc(p.count * sizeof *values);
        for (size_t k = 0; k < p.count; k++)
            values[k] = (float)from[k];
        fv_param_put(net, i, values, NULL);
        free(values);
    }
}

static void run_forward(fv_net *net)
{
    fv_batch batch[INPUTS_MAX];
    for (int i = 0; i < n_inputs; i++) {
        const layer *l = net_layers + inputs[i];
        for (int k = 0; k < n * numbers(l); k++)
            pixels[i][k] = (float)l->y[k];
        batch[i] = (fv_batch){.n = n,
                              .channels = l->c,
                              .height = l->h,
                              .width = l->w,
                              .type = FV_F32,
                              .pixels = pixels[i]};
    }
    put_values(net);
    fv_forward_inputs(net, batch, n_inputs);
    assert_fine(ctx);
}

static double largest(const float *x, size_t size)
{
    double most = 0;
    for (size_t i = 0; i < size; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

static void check_outputs(fv_net *net)
{
    for (int i = 0; i < n_outputs; i++) {
        const layer *l = net_layers + outputs[i];
        const float *y = fv_output_at(net, i);
        double scale = largest(y, (size_t)n * numbers(l)) + 0.1;
        for (int k = 0; k < n * numbers(l); k++)
            if (!(fabs((double)y[k] - l->y[k]) <= 1e-5 * scale))
                fail_msg("seed %d: output %d at %d of %d is %.9g, the textbook says %.9g\n%s", seed,
                         i, k, n * numbers(l), (double)y[k], l->y[k], fv_text_of(net));
    }
}

static double loss(void)
{
    double sum = 0;
    for (int i = 0; i < n_outputs; i++)
        for (int k = 0; slopes[i] && k < n * numbers(net_layers + outputs[i]); k++)
            sum += net_layers[outputs[i]].y[k] * (double)slopes[i][k];
    return sum;
}

/* How the loss changes along a direction that is 1 at one place (at >= 0), or +-1 everywhere. */
static double slope_along(double *values, size_t size, long where, const float *gradient,
                          double *expected)
{
    const double step = 1e-7;
    double *direction = calloc(size, sizeof *direction), sides[2];
    double *before = malloc(size * sizeof *before);
    memcpy(before, values, size * sizeof *before);
    *expected = 0;
    for (size_t i = 0; i < size; i++) {
        direction[i] = where < 0 ? (below(2) ? 1 : -1) / sqrt((double)size) : (long)i == where;
        *expected += direction[i] * (double)gradient[i];
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < size; i++)
            values[i] = before[i] + (side ? step : -step) * direction[i];
        interpret();
        sides[side] = loss();
    }
    memcpy(values, before, size * sizeof *before);
    free(before), free(direction);
    return (sides[1] - sides[0]) / (2 * step);
}

static void check_gradient(fv_net *net, const char *name, double *values, size_t size,
                           const float *gradient, double scale)
{
    scale = fmax(largest(gradient, size), 0.05 * scale) + 0.02; /* slopes are about 1 */
    for (int tries = 0; tries < 4; tries++) {
        long where = tries < 2 ? -1 : below((int)size);
        double got, want = slope_along(values, size, where, gradient, &got);
        double most = 1e-4 * scale * (where < 0 ? sqrt((double)size) : 1);
        if (!(fabs(got - want) <= most))
            fail_msg("seed %d: the gradient of %s at %ld of %zu is %.9g, central differences say "
                     "%.9g (scale %g)\n%s",
                     seed, name, where, size, got, want, scale, fv_text_of(net));
    }
}

static void check_gradients(fv_net *net)
{
    fv_zero_grad(net);
    for (int i = 0; i < n_outputs; i++)
        if (slopes[i])
            fv_output_gradient_at(net, i, slopes[i]);
    fv_backward(net);
    assert_fine(ctx);
    if (kink < 2e-5) { /* float and double may be on different sides */
        without_gradients++;
        return;
    }
    double scale = 0;
    for (int i = 0; i < fv_param_count(net); i++)
        scale = fmax(scale, largest(fv_param_at(net, i).grad, fv_param_at(net, i).count));
    for (int i = 0; i < fv_param_count(net); i++) {
        fv_param p = fv_param_at(net, i);
        layer *owner = net_layers + atoi(p.name + 1);
        check_gradient(net, p.name, strstr(p.name, ".weight") ? owner->weight : owner->bias,
                       p.count, p.grad, scale);
    }
    if (fv_input_gradient(net))
        check_gradient(net, "the first input", net_layers->y, (size_t)n * numbers(net_layers),
                       fv_input_gradient(net), scale);
}

/* Each layer that leads to an output has its parameters in the net, under its owner's name. */
static void check_parameters(const fv_net *net)
{
    for (int i = 0; i < count; i++) {
        const layer *l = net_layers + i;
        bool found = !is_parametric(l) || !l->used;
        for (int k = 0; k < fv_param_count(net); k++)
            found |= atoi(fv_param_at(net, k).name + 1) == l->owner;
        assert_true(found);
    }
}

static void check_text(fv_net *net)
{
    const char *text = fv_text_of(net);
    assert_fine(ctx);
    fv_net *read = fv_net_text(ctx, text);
    if (!read)
        fail_msg("seed %d: %s\n%s", seed, fv_error_text(ctx), text);
    read->layout = net->layout;
    assert_string_equal(fv_text_of(read), text);
    assert_int_equal(fv_param_count(read), fv_param_count(net));
    run_forward(read);
    for (int i = 0; i < n_outputs; i++)
        assert_memory_equal(fv_output_at(read, i), fv_output_at(net, i),
                            (size_t)n * numbers(net_layers + outputs[i]) * sizeof(float));
    fv_net_free(read);
}

static void check_graph(void)
{
    rng = (uint64_t)seed * 1000003u;
    fv_net *net = random_net();
    assert_fine(ctx);
    for (int i = 0; i < n_inputs; i++)
        pixels[i] = malloc((size_t)n * numbers(net_layers + inputs[i]) * sizeof(float));
    for (int i = 0; i < n_outputs; i++)
        slopes[i] = i == 0 || below(2)
                        ? random_floats((size_t)n * numbers(net_layers + outputs[i]), bits())
                        : NULL;
    interpret();
    run_forward(net);
    check_parameters(net);
    check_outputs(net);
    check_gradients(net);
    check_text(net);
    fv_net_free(net);
    free_layers();
    for (int i = 0; i < n_inputs; i++)
        free(pixels[i]);
    for (int i = 0; i < n_outputs; i++)
        free(slopes[i]);
}

static void random_graphs(void **state)
{
    (void)state;
    ctx = fv_open(&(fv_options){.threads = 2, .seed = 1});
    for (seed = first_seed; seed < first_seed + graphs; seed++)
        check_graph();
    print_message("%d graphs; %d too near a kink for their gradients\n", graphs, without_gradients);
    assert_true(without_gradients < graphs / 5 + 1);
    fv_close(ctx);
}

int main(int argc, char **argv)
{
    graphs = argc > 1 ? atoi(argv[1]) : graphs;
    first_seed = argc > 2 ? atoi(argv[2]) : first_seed;
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
