/* A JSON writer. It handles commas and escapes; the caller handles nesting. */
#ifndef EDGETOOL_JSON_H
#define EDGETOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
  FILE *file;
  bool needs_comma;
};

/* A NULL key writes an array element. A NULL string is written as null. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *value);
void json_integer(struct json *json, const char *key, int64_t value);
void json_null(struct json *json, const char *key);

#endif
