/*
 * clock.h - seconds that pass, for the command and for the programs of bench/.
 */
#ifndef FOVEA_CLOCK_H
#define FOVEA_CLOCK_H

double now(void); /* seconds, of a clock that only goes forward */

#endif
