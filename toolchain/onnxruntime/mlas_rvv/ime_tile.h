/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    ime_tile.h

Abstract:

    The inner loop of convolution and matrix multiplication by SpacemiT's integer matrix extension, at registers of 256
    bits.

    smt.vmadot multiplies four rows of eight bytes with four columns of eight bytes, and adds the products to sixteen sums
    of 32 bits in two registers. A tile is three groups of four rows by four groups of four columns: 24 registers hold its
    sums, four the columns and three the rows.

    Both matrices are copied to where a register is one load. Of the rows there is a panel for each tile, in it eight bytes
    of each row after each other. Columns lie by block of sixteen, in a block by eight bytes of each. What is behind the
    end of K is zero.

--*/

#pragma once

#include "rvv.h"

#include "mlasi.h"

#include <algorithm>

namespace MlasRvvIme
{

constexpr size_t DepthK = 8;
constexpr size_t GroupSize = 4;
constexpr size_t TileGroups = 3;
constexpr size_t TileRows = TileGroups * GroupSize;
constexpr size_t BlockColumns = 4 * GroupSize;
constexpr size_t RegisterBytes = GroupSize * DepthK;
constexpr size_t BlockStepBytes = BlockColumns * DepthK;

// The sums of a group of rows: by group of columns, row, column.
constexpr size_t GroupSums = GroupSize * BlockColumns;

// Of the second level cache, for the rows that all columns go by.
constexpr size_t PanelBytes = 128 * 1024;

inline
size_t
AlignK(size_t K)
{
    return (K + DepthK - 1) / DepthK * DepthK;
}

inline
size_t
GroupsOf(size_t Rows)
{
    return std::min(MlasDivRoundup(Rows, GroupSize), TileGroups);
}

//
// Rows whose panels are made at once.
//

inline
size_t
RowsAtOnce(size_t AlignedK)
{
    return std::max(PanelBytes / AlignedK / TileRows, size_t(1)) * TileRows;
}

inline
size_t
PanelsSize(size_t Rows, size_t AlignedK)
{
    return MlasDivRoundup(Rows, GroupSize) * GroupSize * AlignedK;
}

//
// Where a row's bytes are among the panels of some rows: eight, and the next ones a stride further on.
//

struct PANEL_ROW {
    uint8_t* Start;
    size_t Stride;
};

inline
PANEL_ROW
FindPanelRow(uint8_t* Panels, size_t Row, size_t Rows, size_t AlignedK)
{
    const size_t TileStart = Row / TileRows * TileRows;
    const size_t InTile = Row - TileStart;

    return {
        Panels + TileStart * AlignedK + InTile * DepthK,
        GroupsOf(Rows - TileStart) * RegisterBytes,
    };
}

//
// Values for each column as the sums lie, for all rows alike.
//

template<typename T>
void
Replicate(const T* Values, size_t Columns, T* Replicated)
{
    T Padded[BlockColumns] = {};

    std::copy_n(Values, Columns, Padded);

    for (size_t Quad = 0; Quad < BlockColumns; Quad += GroupSize) {
        for (size_t Row = 0; Row < GroupSize; Row++) {
            Replicated = std::copy_n(Padded + Quad, GroupSize, Replicated);
        }
    }
}

}  // namespace MlasRvvIme

MLAS_RVV_BEGIN

namespace MlasRvvIme
{

//
// Copies bytes of a row, from a multiple of eight on, to its place in a panel.
//

inline
void
FillPanelRow(const PANEL_ROW& Row, const uint8_t* Source, size_t Count)
{
    uint8_t* Destination = Row.Start;
    size_t Words = Count / DepthK;

    for (size_t vl; Words > 0; Words -= vl) {

        vl = __riscv_vsetvl_e64m8(Words);

        const vuint8m8_t Bytes = __riscv_vle8_v_u8m8(Source, vl * DepthK);

        __riscv_vsse64_v_u64m8(reinterpret_cast<uint64_t*>(Destination), static_cast<ptrdiff_t>(Row.Stride),
            __riscv_vreinterpret_v_u8m8_u64m8(Bytes), vl);

        Source += vl * DepthK;
        Destination += vl * Row.Stride;
    }

    if (Count % DepthK != 0) {
        std::fill_n(std::copy_n(Source, Count % DepthK, Destination), DepthK - Count % DepthK, uint8_t(0));
    }
}

//
// smt.vmadot by numbers, as few assemblers know its name: an operand's register is numbered by a symbol that is called
// like it. Quad is the group of columns.
//

#define MLAS_IME_SYMBOLS \
    ".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t" \
    ".equ .Lmlas_v\\r, \\r\n\t" \
    ".endr\n\t"
#define MLAS_IME_MULTIPLY(Group, Quad) \
    ".insn 4, %[Code] | ((.Lmlas_%[Sums" #Group "] + (2 * " #Quad ")) << 7)" \
    " | (.Lmlas_%[A" #Group "] << 15) | (.Lmlas_%[B" #Quad "] << 20)\n\t"
#define MLAS_IME_LOAD_A(Group) \
    "vl1re8.v %[A" #Group "], (%[Rows])\n\t" \
    "addi %[Rows], %[Rows], 32\n\t"
#define MLAS_IME_LOAD_B(Quad) \
    "vl1re8.v %[B" #Quad "], (%[Columns])\n\t" \
    "addi %[Columns], %[Columns], 32\n\t"

// A register is loaded for the next step as soon as this one is done with it, and the last step loads nothing.
#define MLAS_IME_GROUP(Group, Load) \
    MLAS_IME_MULTIPLY(Group, 0) MLAS_IME_MULTIPLY(Group, 1) MLAS_IME_MULTIPLY(Group, 2) MLAS_IME_MULTIPLY(Group, 3) \
    Load(Group)
#define MLAS_IME_LAST_GROUP(Group, LoadA, LoadB) \
    MLAS_IME_MULTIPLY(Group, 0) LoadB(0) MLAS_IME_MULTIPLY(Group, 1) LoadB(1) \
    MLAS_IME_MULTIPLY(Group, 2) LoadB(2) MLAS_IME_MULTIPLY(Group, 3) LoadB(3) \
    LoadA(Group)
#define MLAS_IME_NOTHING(Number)
#define MLAS_IME_LOOP(LoadRows, Step) \
    MLAS_IME_SYMBOLS \
    "vsetvli %[Scratch], zero, e8, m1, ta, ma\n\t" \
    MLAS_IME_LOAD_B(0) MLAS_IME_LOAD_B(1) MLAS_IME_LOAD_B(2) MLAS_IME_LOAD_B(3) \
    LoadRows \
    "j 2f\n" \
    "1:\n\t" \
    Step(MLAS_IME_LOAD_A, MLAS_IME_LOAD_B) \
    "2:\n\t" \
    "addi %[Steps], %[Steps], -1\n\t" \
    "bnez %[Steps], 1b\n\t" \
    Step(MLAS_IME_NOTHING, MLAS_IME_NOTHING)

#define MLAS_IME_ONE_GROUP(LoadA, LoadB) \
    MLAS_IME_LAST_GROUP(0, LoadA, LoadB)
#define MLAS_IME_TWO_GROUPS(LoadA, LoadB) \
    MLAS_IME_GROUP(0, LoadA) MLAS_IME_LAST_GROUP(1, LoadA, LoadB)
#define MLAS_IME_THREE_GROUPS(LoadA, LoadB) \
    MLAS_IME_GROUP(0, LoadA) MLAS_IME_GROUP(1, LoadA) MLAS_IME_LAST_GROUP(2, LoadA, LoadB)

#define MLAS_IME_COMMON_OPERANDS \
    [B0] "=&vr"(B0), [B1] "=&vr"(B1), [B2] "=&vr"(B2), [B3] "=&vr"(B3), \
    [Rows] "+r"(Rows), [Columns] "+r"(Columns), [Steps] "+r"(Steps), [Scratch] "=&r"(Scratch)
#define MLAS_IME_INPUTS_AND_CLOBBERS \
    : [Code] "i"(Code) : "memory", "vl", "vtype"

//
// A tile. Output gives the sums to start from and takes those of each group of rows.
//

template<bool AIsSigned, bool BIsSigned, size_t Groups, typename OUTPUT>
__attribute__((noinline))
void
MultiplyTile(const uint8_t* Rows, const uint8_t* Columns, size_t Steps, const OUTPUT& Output)
{
    // smt.vmadot, smt.vmadotu, smt.vmadotsu or smt.vmadotus.
    constexpr uint64_t Code = 0xe200002b | (AIsSigned ? 1 << 13 : 0) | (BIsSigned ? 1 << 12 : 0);

    vint8m1_t A0, A1, A2, B0, B1, B2, B3;
    size_t Scratch;
    vint32m8_t Sums0 = Output.Start();

    if constexpr (Groups == 1) {

        __asm__ volatile(MLAS_IME_LOOP(MLAS_IME_LOAD_A(0), MLAS_IME_ONE_GROUP)
                         : [Sums0] "+vr"(Sums0), [A0] "=&vr"(A0), MLAS_IME_COMMON_OPERANDS
                           MLAS_IME_INPUTS_AND_CLOBBERS);

        Output.Store(0, Sums0);

    } else if constexpr (Groups == 2) {

        vint32m8_t Sums1 = Sums0;

        __asm__ volatile(MLAS_IME_LOOP(MLAS_IME_LOAD_A(0) MLAS_IME_LOAD_A(1), MLAS_IME_TWO_GROUPS)
                         : [Sums0] "+vr"(Sums0), [Sums1] "+vr"(Sums1), [A0] "=&vr"(A0), [A1] "=&vr"(A1),
                           MLAS_IME_COMMON_OPERANDS
                           MLAS_IME_INPUTS_AND_CLOBBERS);

        Output.Store(0, Sums0);
        Output.Store(1, Sums1);

    } else {

        static_assert(Groups == TileGroups, "sums for each group");

        vint32m8_t Sums1 = Sums0;
        vint32m8_t Sums2 = Sums0;

        __asm__ volatile(MLAS_IME_LOOP(
                             MLAS_IME_LOAD_A(0) MLAS_IME_LOAD_A(1) MLAS_IME_LOAD_A(2), MLAS_IME_THREE_GROUPS)
                         : [Sums0] "+vr"(Sums0), [Sums1] "+vr"(Sums1), [Sums2] "+vr"(Sums2),
                           [A0] "=&vr"(A0), [A1] "=&vr"(A1), [A2] "=&vr"(A2),
                           MLAS_IME_COMMON_OPERANDS
                           MLAS_IME_INPUTS_AND_CLOBBERS);

        // One after the other: there are eight registers beside the sums.
        Output.Store(0, Sums0);
        __asm__ volatile("" : "+vr"(Sums1), "+vr"(Sums2) : : "memory");
        Output.Store(1, Sums1);
        __asm__ volatile("" : "+vr"(Sums2) : : "memory");
        Output.Store(2, Sums2);
    }
}

#undef MLAS_IME_INPUTS_AND_CLOBBERS
#undef MLAS_IME_COMMON_OPERANDS
#undef MLAS_IME_THREE_GROUPS
#undef MLAS_IME_TWO_GROUPS
#undef MLAS_IME_ONE_GROUP
#undef MLAS_IME_LOOP
#undef MLAS_IME_NOTHING
#undef MLAS_IME_LAST_GROUP
#undef MLAS_IME_GROUP
#undef MLAS_IME_LOAD_B
#undef MLAS_IME_LOAD_A
#undef MLAS_IME_MULTIPLY
#undef MLAS_IME_SYMBOLS

//
// A block of columns for all rows of some panels.
//

template<bool AIsSigned, bool BIsSigned, typename OUTPUT>
void
MultiplyPanels(const uint8_t* Panels, size_t RowCount, size_t AlignedK, const uint8_t* Columns, const OUTPUT& Output)
{
    const size_t Steps = AlignedK / DepthK;

    for (size_t Row = 0; Row < RowCount; Row += TileRows) {

        const OUTPUT o = Output.From(Row, std::min(RowCount - Row, TileRows));
        const uint8_t* const Panel = Panels + Row * AlignedK;

        switch (GroupsOf(RowCount - Row)) {
            case 1: MultiplyTile<AIsSigned, BIsSigned, 1>(Panel, Columns, Steps, o); break;
            case 2: MultiplyTile<AIsSigned, BIsSigned, 2>(Panel, Columns, Steps, o); break;
            default: MultiplyTile<AIsSigned, BIsSigned, 3>(Panel, Columns, Steps, o); break;
        }
    }
}

}  // namespace MlasRvvIme

MLAS_RVV_END
