/*
 * report.h - the parts of report.html, for the files that write them: report.c the page, report_*.c
 * what is on it. The page is HTML that is well-formed XML too.
 */
#ifndef FOVEA_REPORT_H
#define FOVEA_REPORT_H

#include "train/train.h"

/* ---- report_text.c -------------------------------------------------------------------------- */

/* Text as HTML has it: & < > and quotes escaped; what is no UTF-8 or no character of XML becomes
   U+FFFD. */
void put_html(FILE *f, const char *text);
/* The class's name, or its number. */
void put_class(FILE *f, const training *t, int label);
/* What to type to get this run again: all that was typed and matters, for a shell. As HTML. */
void put_command_line(FILE *f, const training *t);

/* ---- report_png.c --------------------------------------------------------------------------- */

/* The picture as a data URI: pixels [H,W] gray or [H,W,3]. Nothing without memory. */
void put_png(FILE *f, const uint8_t *pixels, int channels, int height, int width);

/* ---- report_chart.c: loss and accuracy over the epochs, as SVG ------------------------------ */

void put_charts(FILE *f, const training *t);

/* ---- report_classes.c: tables of the classes, and the confusion matrix ---------------------- */

void put_classes(FILE *f, const training *t, const eval_record *r);

/* ---- report_pictures.c: the worst mistakes -------------------------------------------------- */

void put_mistakes(FILE *f, const training *t, const eval_record *r);

#endif
