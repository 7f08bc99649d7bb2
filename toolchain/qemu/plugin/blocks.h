/* Blocks of instructions: how often each ran between marks, its instructions and its vtype. */
#ifndef EDGETOOL_BLOCKS_H
#define EDGETOOL_BLOCKS_H

#include <stdio.h>

#include <qemu-plugin.h>

/* Call before all other functions. The register is read when a block has become hot. */
void blocks_init(struct qemu_plugin_register *const *vtype_register);

/* Add a translated block. */
void blocks_add(struct qemu_plugin_tb *tb);

/* Start and end counting. Call both on the counting thread while no other thread runs. */
void blocks_start(void);
void blocks_end(void);

/* Write the `limit` blocks that executed the most instructions as a JSON array. */
void blocks_write(FILE *file, size_t limit);

#endif
