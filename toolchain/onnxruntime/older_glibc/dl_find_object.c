// What libgcc asks where an exception passes: the loaded file that an address is in, and its index of frames. glibc has
// it since 2.35; dl_iterate_phdr is older than any that we build for.
#ifndef _GNU_SOURCE  // ORT's own flags have it
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <link.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE  // a glibc without it has a libgcc that does not ask

typedef struct {
  ElfW(Addr) address;
  struct dl_find_object* found;
} Search;

static int look_into(struct dl_phdr_info* object, size_t size, void* data) {
  (void)size;
  Search* search = data;
  ElfW(Addr) start = (ElfW(Addr))-1, end = 0, frames = 0;
  int inside = 0;
  for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* segment = &object->dlpi_phdr[i];
    ElfW(Addr) from = object->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_GNU_EH_FRAME) {
      frames = from;
    } else if (segment->p_type == PT_LOAD) {
      ElfW(Addr) to = from + segment->p_memsz;
      start = from < start ? from : start;
      end = to > end ? to : end;
      inside |= search->address >= from && search->address < to;
    }
  }
  if (!inside) {
    return 0;
  }
  // dlfo_link_map stays empty: libgcc has no use for it.
  *search->found = (struct dl_find_object){
      .dlfo_map_start = (void*)start, .dlfo_map_end = (void*)end, .dlfo_eh_frame = (void*)frames};
  return frames != 0 ? 1 : -1;
}

// 0 when found, -1 when no file or one without an index of frames is there.
int _dl_find_object(void* address, struct dl_find_object* found) {
  Search search = {.address = (ElfW(Addr))address, .found = found};
  return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}

#endif
