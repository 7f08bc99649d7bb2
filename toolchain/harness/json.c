#include "json.h"

#include <inttypes.h>

/* The length of the UTF-8 sequence at `c` for a character above U+007F, or 0 when it is invalid (RFC 3629). */
static size_t utf8_length(const unsigned char *c) {
  static const struct {
    unsigned char first_low, first_high, second_low, second_high;
    size_t length;
  } sequences[] = {
      {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
      {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
      {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
  };
  for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
    if (c[0] < sequences[i].first_low || c[0] > sequences[i].first_high) {
      continue;
    }
    bool valid = c[1] >= sequences[i].second_low && c[1] <= sequences[i].second_high;
    for (size_t rest = 2; valid && rest < sequences[i].length; rest++) {
      valid = (c[rest] & 0xc0) == 0x80; /* the terminating 0 fails this check, so nothing is read beyond it */
    }
    return valid ? sequences[i].length : 0;
  }
  return 0;
}

static void write_quoted(FILE *file, const char *text) {
  fputc('"', file);
  const unsigned char *c = (const unsigned char *)text;
  while (*c != '\0') {
    size_t length = *c < 0x80 ? 1 : utf8_length(c);
    if (*c == '"' || *c == '\\') {
      fprintf(file, "\\%c", *c);
    } else if (*c < 0x20 || *c == 0x7f || length == 0) {
      fprintf(file, "\\u%04x", *c); /* invalid UTF-8: write the byte as Latin-1 to keep the file valid */
      length = 1;
    } else {
      fwrite(c, 1, length, file);
    }
    c += length;
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
