/*
 * report.c - report.html in the run's folder: one page that needs nothing else, no network, no
 * script, and says what was trained, how well it does, and where it is wrong.
 *
 * The page is put together in memory and written as a whole, so that it is complete or not there.
 *
 * Layer 6. Calls fovea.h, libc and POSIX.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/report.h"

/* ---- how it looks --------------------------------------------------------------------------- */

static const char style[] =
    ":root{color-scheme:light dark;--ink:#222;--dim:#6d6d6d;--rule:#dcdcdc;--paper:#fffffb;"
    "--train:#7d7d7d;--val:#1668a8;--test:#b4421c;--hit:60,120,190;--miss:214,90,40}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#ddd;--dim:#9a9a9a;--rule:#3a3a3a;"
    "--paper:#161616;--train:#9a9a9a;--val:#6db3f2;--test:#f08a5d;--hit:70,130,200;"
    "--miss:225,105,60}}\n"
    "body{max-width:58rem;margin:2.5rem auto 4rem;padding:0 1.5rem;color:var(--ink);"
    "background:var(--paper);font:15px/1.5 system-ui,sans-serif;"
    "font-variant-numeric:tabular-nums}\n"
    "h1{font-size:1.5rem;font-weight:600;margin:0;overflow-wrap:anywhere}\n"
    "h2{font-size:1.15rem;font-weight:600;margin:2.6rem 0 .6rem;padding-top:.6rem;"
    "border-top:1px solid var(--rule)}\n"
    "h3{font-size:1rem;font-weight:600;margin:1.8rem 0 .4rem}\n"
    "p{margin:.4rem 0}.sub,.note,small{color:var(--dim)}.note{font-size:.85rem}small{font-size:"
    ".8em;font-weight:400}\n"
    ".stopped{border-left:3px solid var(--test);padding-left:.7rem}\n"
    ".big{font-size:3.2rem;line-height:1.1;margin:1.6rem 0 0;font-weight:300}\n"
    "svg{display:block;overflow:visible}.strip{width:100%;max-width:40rem;margin-top:.8rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.4rem;margin:.6rem 0}"
    "dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0;padding:.5rem .7rem;"
    "border:1px solid var(--rule);font:13px/1.45 ui-monospace,monospace}\n"
    "summary{color:var(--dim);cursor:pointer}.wide{overflow-x:auto}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem 2rem}\n"
    "figure{margin:0}.chart figcaption{color:var(--dim)}\n"
    "text{fill:var(--ink);font-size:12px}.tick{fill:var(--dim);font-size:11px}\n"
    ".grid{stroke:var(--rule)}.axis{stroke:var(--dim)}.guess{stroke:var(--dim);"
    "stroke-dasharray:2 3}path,polyline{fill:none}\n"
    ".line{stroke-width:1.6;stroke-linejoin:round}.steps{stroke:var(--train);opacity:.45;"
    "stroke-width:.8}\n"
    "polyline.train{stroke:var(--train)}polyline.val{stroke:var(--val)}polyline.test{stroke:"
    "var(--test)}\n"
    "circle.train,text.train{fill:var(--train)}circle.val,text.val{fill:var(--val)}"
    "circle.test,text.test{fill:var(--test)}.bar{stroke:var(--val);stroke-width:3;opacity:.45}\n"
    "table{border-collapse:collapse}th,td{padding:.12rem .7rem;text-align:right;font-weight:400;"
    "white-space:nowrap}tbody th,thead th:first-child,td.text{text-align:left}"
    "thead th{color:var(--dim);vertical-align:bottom;border-bottom:1px solid var(--rule)}"
    "tfoot td,tfoot th{border-top:1px solid var(--rule)}td.range{padding-left:0}\n"
    ".confusion td,.confusion thead th{padding:.12rem .45rem}.confusion td{min-width:1.6rem}"
    ".upright thead span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;"
    "overflow:hidden}\n"
    ".hit{background:rgba(var(--hit),var(--p))}.miss{background:rgba(var(--miss),var(--p))}"
    ".none{color:var(--rule)}\n"
    ".pictures{display:flex;flex-wrap:wrap;gap:1.1rem;font-size:.85rem}.pictures img{display:block;"
    "image-rendering:pixelated}.pictures figcaption{line-height:1.3;margin-top:.25rem;"
    "overflow-wrap:anywhere}\n"
    "@media print{body{margin:0;max-width:none}section,figure{break-inside:avoid}}\n";

static void put_head(FILE *f, const training *t)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
          "img-src data:; style-src &#39;unsafe-inline&#39;\"/>\n<title>",
          f);
    put_html(f, t->folder.path);
    fprintf(f, " - fovea</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    put_html(f, t->folder.path);
    fputs("</h1>\n", f);
}

/* ---- how well it does ----------------------------------------------------------------------- */

/* The share of the largest class: what always guessing it would score. */
static double chance_of(const eval_record *r, int classes)
{
    int64_t most = 0;
    for (int c = 0; r->metrics && c < classes; c++) {
        int64_t n = fv_metrics_class(r->metrics, c).support;
        most = n > most ? n : most;
    }
    return r->metrics ? (double)most / (double)r->result.total : 1.0 / classes;
}

/* From 0 to 100%: chance, range, figure. */
static void put_strip(FILE *f, double chance, double low, double value, double high)
{
    const double left = 6, scale = 588;
    fprintf(f,
            "<svg class=\"strip\" viewBox=\"0 0 600 34\" role=\"img\" aria-label=\"%.2f%%\">"
            "<path class=\"axis\" d=\"M%.0f 10H%.0f\"/>",
            100 * value, left, left + scale);
    fprintf(f,
            "<path class=\"axis\" d=\"M%.1f 5v10\"/><text class=\"tick\" x=\"%.1f\" y=\"28\" "
            "text-anchor=\"%s\">chance %.1f%%</text>",
            left + scale * chance, left + scale * chance, chance < 0.1 ? "start" : "middle",
            100 * chance);
    fprintf(f,
            "<text class=\"tick\" x=\"%.0f\" y=\"28\" text-anchor=\"end\">100%%</text>"
            "<path class=\"bar\" style=\"stroke-width:6\" d=\"M%.1f 10H%.1f\"/>"
            "<circle class=\"val\" cx=\"%.1f\" cy=\"10\" r=\"4\"/></svg>\n",
            left + scale, left + scale * low, left + scale * high, left + scale * value);
}

static const char *kind_of(const training *t, const eval_record *r)
{
    return t->s->folds ? "left-out" : r->set == t->data.test ? "test" : "validation";
}

/* Whose weights were measured. */
static void put_when(FILE *f, const training *t, const eval_record *r)
{
    if (t->s->folds)
        fprintf(f, "Each picture was given to the net of the %d that had not seen it.",
                t->s->folds);
    else if (t->best.epoch == r->epoch)
        fprintf(f, "Measured with the weights of epoch %d, the best in validation.", r->epoch);
    else
        fprintf(f, "Measured after epoch %d.", r->epoch);
}

static void put_stop(FILE *f, const training *t)
{
    if (!t->at.stopped)
        return;
    fputs("<p class=\"stopped\">Stopped by Ctrl+C", f);
    if (t->s->folds)
        fprintf(f, " in fold %d", t->at.fold);
    fprintf(f, " after step %lld of %lld in epoch %d of %d.</p>\n", (long long)t->at.step + 1,
            (long long)fv_loader_len(t->loader.train), t->at.epoch, t->s->epochs);
}

static void put_result(FILE *f, const training *t, const eval_record *r)
{
    int classes;
    double low, high;
    char right[32], total[32];
    put_stop(f, t);
    if (r->result.total == 0) {
        fputs("<p>Nothing was measured.</p>\n", f);
        return;
    }
    fv_output_shape(t->net, &classes, NULL, NULL);
    wilson_range(r->result, &low, &high);
    fprintf(f,
            "<p class=\"big\">%.2f%%</p>\n<p>%s of %s %s pictures right (95%% range %.1f to "
            "%.1f). ",
            100 * accuracy_of(r->result), with_commas(r->result.correct, right),
            with_commas(r->result.total, total), kind_of(t, r), 100 * low, 100 * high);
    put_when(f, t, r);
    fputs("</p>\n", f);
    put_strip(f, chance_of(r, classes), low, accuracy_of(r->result), high);
}

/* ---- what was trained ----------------------------------------------------------------------- */

static void put_fact(FILE *f, const char *name, const char *text)
{
    fprintf(f, "<dt>%s</dt><dd>", name);
    put_html(f, text && *text ? text : "none");
    fputs("</dd>\n", f);
}

static void put_data(FILE *f, const training *t)
{
    const data *d = &t->data;
    const fv_dataset *sets[] = {d->train, t->s->folds ? NULL : d->val, d->test};
    static const char *const names[] = {"training", "validation", "test"};
    char n[32];
    fputs("<dt>Data</dt><dd>", f);
    put_html(f, d->typed);
    for (int i = 0; i < 3; i++)
        if (sets[i])
            fprintf(f, "%s%s %s", i ? ", " : ": ", with_commas(fv_dataset_describe(sets[i]).len, n),
                    names[i]);
    fprintf(f, " pictures, %d x %d x %d, %d classes", d->channels, d->height, d->width, d->classes);
    if (d->n_skipped)
        fprintf(f, "; %s cannot be read, skipped.txt", with_commas(d->n_skipped, n));
    fputs("</dd>\n", f);
}

/* Of all layers together. */
static void count_layers(const training *t, int64_t *parameters, int64_t *macs)
{
    *parameters = *macs = 0;
    for (int i = 0; i < fv_layer_count(t->net); i++) {
        *parameters += fv_layer_at(t->net, i).parameters;
        *macs += fv_layer_at(t->net, i).macs;
    }
}

static void put_model(FILE *f, const training *t)
{
    int64_t parameters, macs;
    char name[61], a[32], b[32];
    count_layers(t, &parameters, &macs);
    snprintf(name, sizeof name, "%.60s", t->plan.model);
    fputs("<dt>Model</dt><dd>", f);
    put_html(f, name);
    fprintf(f, "%s: %s parameters, %s multiply-adds an image</dd>\n",
            strlen(t->plan.model) > strlen(name) ? "..." : "", with_commas(parameters, a),
            with_commas(macs, b));
}

static void put_training(FILE *f, const training *t)
{
    char n[32];
    fputs("<dt>Training</dt><dd>", f);
    if (t->s->folds)
        fprintf(f, "%d folds of ", t->s->folds);
    else if (t->at.done < t->s->epochs)
        fprintf(f, "%d of ", t->at.done);
    fprintf(f, "%d epoch%s x %s batches of %d</dd>\n", t->s->epochs, t->s->epochs > 1 ? "s" : "",
            with_commas(fv_loader_len(t->loader.train), n), t->s->batch_size);
    put_fact(f, "Optimizer", fv_optim_describe(t->optim));
    put_fact(f, t->plan.by_step ? "Schedule by step" : "Schedule",
             t->schedule ? fv_schedule_describe(t->schedule) : NULL);
}

static void put_time(FILE *f, const training *t)
{
    double seconds = now() - t->at.start;
    time_t date = time(NULL);
    struct tm local;
    char text[40] = "";
    if (localtime_r(&date, &local))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
    fprintf(f, "<dt>Finished</dt><dd>%s, after ", text);
    if (seconds < 60)
        fprintf(f, "%.1f s", seconds);
    else if (seconds < 3600)
        fprintf(f, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
    else
        fprintf(f, "%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    fputs("</dd>\n", f);
}

static void put_facts(FILE *f, const training *t)
{
    const data *d = &t->data;
    fv_device device = fv_device_describe(t->ctx);
    fputs("<section>\n<h2>What was trained</h2>\n<dl>\n", f);
    put_data(f, t);
    put_model(f, t);
    put_training(f, t);
    if (d->mean[0])
        fprintf(f, "<dt>Normalisation</dt><dd>mean %s, std %s</dd>\n", d->mean, d->std);
    else
        put_fact(f, "Normalisation", NULL);
    put_fact(f, "Augmentation", d->augment ? fv_transform_text(d->augment) : NULL);
    fprintf(f, "<dt>Seed</dt><dd>%llu</dd>\n", (unsigned long long)t->s->seed);
    put_time(f, t);
    fprintf(f,
            "<dt>By</dt><dd>fovea %s, kernels %s, threads %d</dd>\n</dl>\n<p>To get the same "
            "again:</p>\n<pre>",
            fv_version(), device.kernels, device.threads);
    put_command_line(f, t);
    fputs("</pre>\n</section>\n", f);
}

/* ---- layers --------------------------------------------------------------------------------- */

static void put_layer(FILE *f, const fv_layer *l)
{
    char a[32], b[32];
    fputs("<tr><th>", f);
    put_html(f, l->name);
    fprintf(f, "</th><td class=\"text\">%s <small>%s</small></td><td>", l->kind, l->kernel);
    if (l->height > 1 || l->width > 1)
        fprintf(f, "%d x %d x %d", l->channels, l->height, l->width);
    else
        fprintf(f, "%d", l->channels);
    fprintf(f, "</td><td>%s</td><td>%s</td></tr>\n",
            l->parameters ? with_commas(l->parameters, a) : "",
            l->macs ? with_commas(l->macs, b) : "");
}

static void put_layers(FILE *f, const training *t)
{
    int64_t parameters, macs;
    char a[32], b[32];
    count_layers(t, &parameters, &macs);
    fputs("<section>\n<h2>Layers</h2>\n<div class=\"wide\"><table class=\"layers\">\n<thead><tr>"
          "<th>layer</th><th class=\"text\">kind</th><th>output</th><th>parameters</th>"
          "<th>multiply-adds</th></tr></thead>\n<tbody>\n",
          f);
    for (int i = 0; i < fv_layer_count(t->net); i++) {
        fv_layer l = fv_layer_at(t->net, i);
        put_layer(f, &l);
    }
    fprintf(f,
            "</tbody>\n<tfoot><tr><th></th><td></td><td></td><td>%s</td><td>%s</td></tr></tfoot>"
            "\n</table></div>\n",
            with_commas(parameters, a), with_commas(macs, b));
    const char *text = fv_text_of(t->net);
    if (text) {
        fputs("<details><summary>as text, for --model</summary>\n<pre>", f);
        put_html(f, text);
        fputs("</pre></details>\n", f);
    }
    fputs("</section>\n", f);
    fv_error_clear(t->ctx); /* of a net that has no text */
}

/* ---- the page ------------------------------------------------------------------------------- */

static void put_page(FILE *f, const training *t)
{
    const eval_record *r = record_of(t);
    put_head(f, t);
    put_result(f, t, r);
    put_charts(f, t);
    put_mistakes(f, t, r);
    put_classes(f, t, r);
    put_facts(f, t);
    put_layers(f, t);
    fputs("</body>\n</html>\n", f);
}

int report_write(training *t)
{
    char path[PATH_SIZE], *text = NULL;
    size_t size;
    if (!t->folder.path[0] || t->s->no_report)
        return EXIT_DONE;
    FILE *f = open_memstream(&text, &size);
    bool whole = f != NULL;
    if (f) {
        put_page(f, t);
        whole = !ferror(f);
        whole = fclose(f) == 0 && whole;
    }
    join_path(path, t->folder.path, "report.html");
    int code = EXIT_DONE;
    if (!whole)
        code = fail_memory("report.html");
    else if (fv_write_file(t->ctx, path, text, size))
        code = fail_context(t->ctx, "is the disk full, or read-only?");
    free(text);
    return code;
}
