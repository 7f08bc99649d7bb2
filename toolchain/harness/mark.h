/* Marks around the timed code, for an emulator that counts instructions. They have no effect on silicon. */
#ifndef EDGETOOL_MARK_H
#define EDGETOOL_MARK_H

/* HINT instructions for custom use, which write to x0 (ISA manual, Volume I, "HINT Instructions"). The plugin uses the
 * same immediates (../qemu/plugin/plugin.c). The memory clobber keeps loads and stores from moving across. */
#if defined(__riscv)
#define MARK_START() __asm__ volatile("slti x0, x0, 0x5e1" ::: "memory")
#define MARK_END() __asm__ volatile("slti x0, x0, 0x5e2" ::: "memory")
#else
#define MARK_START() ((void)0)
#define MARK_END() ((void)0)
#endif

#endif
