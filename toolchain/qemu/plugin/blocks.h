/* How often each block of instructions ran between marks, what is in it, and with which vtype. */
#ifndef EDGETOOL_BLOCKS_H
#define EDGETOOL_BLOCKS_H

#include <stdio.h>

#include <qemu-plugin.h>

/* None of the others may be called before. The handle is read when a block has run often enough to be hot. */
void blocks_init(struct qemu_plugin_register *const *vtype_register);

/* A block was translated. */
void blocks_add(struct qemu_plugin_tb *tb);

/* What runs from the start to the end is counted; both on the thread that counts, with nothing else running. */
void blocks_start(void);
void blocks_end(void);

/* Write the `limit` blocks that executed most instructions as a JSON array. */
void blocks_write(FILE *file, size_t limit);

#endif
