/* Marks around what is timed, for an emulator that counts instructions; nothing happens on silicon. */
#ifndef EDGETOOL_MARK_H
#define EDGETOOL_MARK_H

/* HINTs of the space that the ISA manual (Volume I, "HINT Instructions") leaves to custom use: they write to x0. The
 * immediates are the plugin's too (../qemu/plugin/counts.c). Memory is named so that no load or store moves across. */
#if defined(__riscv)
#define MARK_START() __asm__ volatile("slti x0, x0, 0x5e1" ::: "memory")
#define MARK_END() __asm__ volatile("slti x0, x0, 0x5e2" ::: "memory")
#else
#define MARK_START() ((void)0)
#define MARK_END() ((void)0)
#endif

#endif
