#include "json.h"

#include <inttypes.h>

static void write_quoted(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') {
      fprintf(file, "\\%c", *c);
    } else if (*c < 0x20 || *c >= 0x7f) {
      fprintf(file, "\\u%04x", *c); /* bytes as Latin-1: a broken UTF-8 message must not break the file */
    } else {
      fputc(*c, file);
    }
  }
  fputc('"', file);
}

static void begin(struct json *json, const char *key) {
  if (json->needs_comma) {
    fputs(",\n", json->file);
  }
  json->needs_comma = true;
  if (key != NULL) {
    write_quoted(json->file, key);
    fputs(": ", json->file);
  }
}

void json_open(struct json *json, const char *key, char bracket) {
  begin(json, key);
  fputc(bracket, json->file);
  json->needs_comma = false;
}

void json_close(struct json *json, char bracket) {
  fputc(bracket, json->file);
  json->needs_comma = true;
}

void json_string(struct json *json, const char *key, const char *value) {
  begin(json, key);
  if (value == NULL) {
    fputs("null", json->file);
  } else {
    write_quoted(json->file, value);
  }
}

void json_integer(struct json *json, const char *key, int64_t value) {
  begin(json, key);
  fprintf(json->file, "%" PRId64, value);
}

void json_null(struct json *json, const char *key) { json_string(json, key, NULL); }
