#include "stop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double Z = 1.9599639845400545; /* 95 % of a standard normal variable lies within ±Z */
enum { LAGS = 2048 };                       /* longest lag considered */
static const int64_t MORE_LIMIT = 1000000000000;

static int compare(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

static double median(const int64_t *sorted, size_t count) {
  return count % 2 == 1 ? (double)sorted[count / 2] : ((double)sorted[count / 2 - 1] + (double)sorted[count / 2]) / 2;
}

static double autocovariance(const double *centred, size_t count, size_t lag) {
  double sum = 0;
  for (size_t i = lag; i < count; i++) {
    sum += centred[i] * centred[i - lag];
  }
  return sum;
}

/* The integrated autocorrelation time by Geyer's initial monotone sequence (Geyer 1992, 3.3), from 1 to count. */
static double correlation_time(const double *centred, size_t count) {
  double variance = autocovariance(centred, count, 0);
  if (count < 4 || variance == 0) {
    return 1;
  }
  double sum = 0, least = INFINITY;
  for (size_t lag = 0; lag + 1 < count && lag < LAGS; lag += 2) {
    double pair =
        (lag == 0 ? variance : autocovariance(centred, count, lag)) + autocovariance(centred, count, lag + 1);
    if (pair <= 0) {
      break;
    }
    least = fmin(least, pair / variance);
    sum += least;
  }
  return fmin(fmax(1, 2 * sum - 1), (double)count);
}

static void judge(const int64_t *sorted, size_t count, double independence, int64_t target_ppm, struct stop *stop) {
  double middle = median(sorted, count);
  double half = Z * sqrt((double)count * 0.25 * independence);
  double low = floor((double)count * 0.5 - half), high = ceil((double)count * 0.5 + half);
  stop->independent = (int64_t)((double)count / independence);
  if (low < 0 || high >= (double)count || middle <= 0) {
    stop->error_ppm = stop->more = STOP_UNKNOWN;
    return;
  }
  double error = fmax(middle - (double)sorted[(size_t)low], (double)sorted[(size_t)high] - middle) / middle * 1e6;
  double more = (double)count * (pow(error / (double)target_ppm, 2) - 1); /* intervals narrow with 1/√n */
  stop->error_ppm = (int64_t)ceil(error);
  stop->more = error <= (double)target_ppm ? 0 : (int64_t)fmin(fmax(1, ceil(more)), (double)MORE_LIMIT);
}

bool stop_judge(const int64_t *samples, size_t count, int64_t target_ppm, struct stop *stop) {
  *stop = (struct stop){.error_ppm = STOP_UNKNOWN, .more = STOP_UNKNOWN};
  if (count == 0) {
    return true;
  }
  int64_t *sorted = malloc(count * sizeof *sorted);
  double *centred = malloc(count * sizeof *centred);
  bool enough = sorted != NULL && centred != NULL;
  if (enough) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
      sum += (double)samples[i];
    }
    for (size_t i = 0; i < count; i++) {
      centred[i] = (double)samples[i] - sum / (double)count;
    }
    memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    judge(sorted, count, correlation_time(centred, count), target_ppm, stop);
  }
  free(centred);
  free(sorted);
  return enough;
}

static bool lies_within(double value, const int64_t *sorted, size_t count) {
  return (double)sorted[0] <= value && value <= (double)sorted[count - 1];
}

bool stop_windows_agree(const int64_t *older, const int64_t *newer, size_t count) {
  int64_t a[STOP_WINDOW], b[STOP_WINDOW];
  memcpy(a, older, count * sizeof *a);
  memcpy(b, newer, count * sizeof *b);
  qsort(a, count, sizeof *a, compare);
  qsort(b, count, sizeof *b, compare);
  return lies_within(median(a, count), b, count) && lies_within(median(b, count), a, count);
}
