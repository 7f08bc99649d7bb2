#define _GNU_SOURCE
#include "facts.h"

#include <elf.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__riscv)
/* Bit N of AT_HWCAP is the single-letter extension 'A' + N. */
static bool has_vector(void) { return (getauxval(AT_HWCAP) >> ('V' - 'A') & 1) != 0; }

static int64_t vector_length_bits(void) {
  unsigned long bytes = 0;
  if (!has_vector()) {
    return 0;
  }
  __asm__ volatile("csrr %0, 0xc22" : "=r"(bytes)); /* vlenb by number, since this file is compiled without V */
  return (int64_t)bytes * 8;
}
#else
static int64_t vector_length_bits(void) { return 0; }
#endif

void facts_write_environment(struct json *json) {
  struct utsname name;
  cpu_set_t allowed;
  json_open(json, "environment", '{');
  bool named = uname(&name) == 0;
  json_string(json, "machine", named ? name.machine : NULL);
  json_string(json, "kernel", named ? name.release : NULL);
  json_string(json, "libc", gnu_get_libc_version());
  json_integer(json, "processors", sysconf(_SC_NPROCESSORS_ONLN));
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    json_integer(json, "processors_allowed", CPU_COUNT(&allowed));
  } else {
    json_null(json, "processors_allowed");
  }
  json_integer(json, "hwcap", (int64_t)getauxval(AT_HWCAP));
  json_integer(json, "vector_length_bits", vector_length_bits());
  json_close(json, '}');
}

struct library_search {
  uintptr_t address;
  const char *path;
  char build_id[2 * 64 + 1];
};

static void read_build_id(struct library_search *search, const struct dl_phdr_info *object, const ElfW(Phdr) * header) {
  const char *note = (const char *)(object->dlpi_addr + header->p_vaddr);
  const char *end = note + header->p_memsz;
  while (end - note >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    memcpy(&head, note, sizeof head);
    const char *name = note + sizeof head;
    const char *data = name + ((head.n_namesz + 3U) & ~3U);
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && memcmp(name, "GNU", 4) == 0 && head.n_descsz <= 64) {
      for (unsigned int i = 0; i < head.n_descsz; i++) {
        snprintf(&search->build_id[2 * i], 3, "%02x", (unsigned char)data[i]);
      }
    }
    note = data + ((head.n_descsz + 3U) & ~3U);
  }
}

static int visit_object(struct dl_phdr_info *object, size_t size, void *data) {
  (void)size;
  struct library_search *search = data;
  bool holds_address = false;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[i];
    uintptr_t start = object->dlpi_addr + header->p_vaddr;
    holds_address |= header->p_type == PT_LOAD && search->address >= start && search->address - start < header->p_memsz;
  }
  if (!holds_address) {
    return 0;
  }
  search->path = object->dlpi_name;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type == PT_NOTE) {
      read_build_id(search, object, &object->dlpi_phdr[i]);
    }
  }
  return 1;
}

void facts_write_library(struct json *json, const void *address) {
  struct library_search search = {.address = (uintptr_t)address};
  dl_iterate_phdr(visit_object, &search);
  json_string(json, "library", search.path);
  json_string(json, "build_id", search.build_id[0] != '\0' ? search.build_id : NULL);
}

/* A size in /proc/self/status, or -1. Not getrusage: ru_maxrss survives exec, so it would be a large parent's. */
static int64_t status_bytes(const char *key) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  size_t length = strlen(key);
  long long kibibytes = -1;
  if (status == NULL) {
    return -1;
  }
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, key, length) == 0 && sscanf(line + length, ": %lld kB", &kibibytes) == 1) {
      break;
    }
  }
  fclose(status);
  return kibibytes < 0 ? -1 : (int64_t)kibibytes * 1024;
}

int64_t facts_peak_rss_bytes(void) { return status_bytes("VmHWM"); }

int64_t facts_rss_bytes(void) { return status_bytes("VmRSS"); }

bool facts_set_cpus(const char *list) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  const char *rest = list;
  do {
    char *end;
    errno = 0;
    long first = strtol(rest, &end, 10);
    if (end == rest) {
      return false;
    }
    long last = first;
    if (*end == '-') {
      rest = end + 1;
      last = strtol(rest, &end, 10);
      if (end == rest) {
        return false;
      }
    }
    if (errno != 0 || first < 0 || last < first || last >= CPU_SETSIZE) {
      return false;
    }
    for (long cpu = first; cpu <= last; cpu++) {
      CPU_SET((size_t)cpu, &wanted);
    }
    rest = end + 1;
    if (*end == '\0') {
      return sched_setaffinity(0, sizeof wanted, &wanted) == 0;
    }
    if (*end != ',') {
      return false;
    }
  } while (true);
}
