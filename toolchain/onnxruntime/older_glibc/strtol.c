// glibc 2.38's headers give strtol and its kin other names, under which they read C23's "0b" too. What calls them by
// these is sent to the names that every glibc has. No header here, as it would rename ours.
#define STAND_IN(type, name) \
  type name(const char* restrict, char** restrict, int); \
  type __isoc23_##name(const char* restrict, char** restrict, int); \
  type __isoc23_##name(const char* restrict text, char** restrict end, int base) { return name(text, end, base); }

STAND_IN(long, strtol)
STAND_IN(long long, strtoll)
STAND_IN(unsigned long, strtoul)
STAND_IN(unsigned long long, strtoull)
