/* What a sensor of the board says the measurement took. */
#ifndef EDGETOOL_ENERGY_H
#define EDGETOOL_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

struct energy {
  int fd;           /* of the sensor's file; -1 without a sensor */
  bool is_counter;  /* it counts microjoules; else it tells microwatts of the moment */
  bool failed;      /* a reading was none, so that the sum is none */
  char sensor[128]; /* "ina226 power1" */
  int64_t at_ns;
  int64_t last;        /* reading */
  double microjoules;  /* since energy_begin */
};

/* Find a sensor under `root`, /sys/class/hwmon: the first that counts energy, or else the power of an INA2xx. */
void energy_open(struct energy *energy, const char *root);
void energy_close(struct energy *energy);

/* Read it: at the beginning, now and then between two inferences, and at the end. Power is summed by trapezoids. */
void energy_begin(struct energy *energy);
void energy_note(struct energy *energy);
void energy_end(struct energy *energy);

#endif
