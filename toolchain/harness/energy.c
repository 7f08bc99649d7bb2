#include "energy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static const int64_t INTERVAL_NS = 20000000; /* a reading over I2C takes about 1 ms */

static bool read_line(const char *path, char *line, int size) {
  FILE *file = fopen(path, "r");
  bool done = file != NULL && fgets(line, size, file) != NULL;
  if (file != NULL) {
    fclose(file);
  }
  if (done) {
    line[strcspn(line, "\n")] = '\0';
  }
  return done;
}

static bool try_sensor(struct energy *energy, const char *folder, bool is_counter) {
  char path[4096], name[64];
  const char *file = is_counter ? "energy1_input" : "power1_input";
  snprintf(path, sizeof path, "%s/name", folder);
  if (!read_line(path, name, sizeof name) || (!is_counter && strncmp(name, "ina", 3) != 0)) {
    return false;
  }
  snprintf(path, sizeof path, "%s/%s", folder, file);
  energy->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (energy->fd < 0) {
    return false;
  }
  energy->is_counter = is_counter;
  snprintf(energy->sensor, sizeof energy->sensor, "%s %s", name, is_counter ? "energy1" : "power1");
  return true;
}

void energy_open(struct energy *energy, const char *root) {
  *energy = (struct energy){.fd = -1};
  struct dirent **entries;
  int count = root == NULL ? -1 : scandir(root, &entries, NULL, alphasort);
  if (count < 0) {
    return;
  }
  for (int kind = 0; kind < 2; kind++) {
    bool found = energy->fd >= 0;
    for (int i = 0; i < count && !found; i++) {
      char folder[2048];
      int length = snprintf(folder, sizeof folder, "%s/%s", root, entries[i]->d_name);
      if (entries[i]->d_name[0] != '.' && length < (int)sizeof folder) {
        found = try_sensor(energy, folder, kind == 0);
      }
    }
  }
  for (int i = 0; i < count; i++) {
    free(entries[i]);
  }
  free(entries);
}

void energy_close(struct energy *energy) {
  if (energy->fd >= 0) {
    close(energy->fd);
    energy->fd = -1;
  }
}

static int64_t read_sensor(struct energy *energy) {
  char text[32];
  ssize_t length = pread(energy->fd, text, sizeof text - 1, 0);
  char *end = text;
  text[length > 0 ? length : 0] = '\0';
  long long found = strtoll(text, &end, 10);
  energy->failed |= length <= 0 || end == text || found < 0;
  return found;
}

void energy_begin(struct energy *energy) {
  if (energy->fd >= 0) {
    energy->at_ns = now_ns();
    energy->last = read_sensor(energy);
  }
}

static void add(struct energy *energy) {
  int64_t now = now_ns(), reading = read_sensor(energy);
  if (energy->is_counter) {
    energy->failed |= reading < energy->last; /* it has wrapped */
    energy->microjoules += (double)(reading - energy->last);
  } else {
    energy->microjoules += ((double)reading + (double)energy->last) / 2 * (double)(now - energy->at_ns) / 1e9;
  }
  energy->at_ns = now;
  energy->last = reading;
}

void energy_note(struct energy *energy) {
  if (energy->fd >= 0 && !energy->is_counter && now_ns() - energy->at_ns >= INTERVAL_NS) {
    add(energy);
  }
}

void energy_end(struct energy *energy) {
  if (energy->fd >= 0) {
    add(energy);
  }
}
