/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    selection.cpp

Abstract:

    Decides which variant of the kernels a process uses, and tells which and why.

    In this order: EDGETOOL_VARIANT in the environment; the processor's ids; the default. With EDGETOOL_FORCE_SCALAR the
    processor is one without vectors. A variant that the processor cannot run is never chosen.

--*/

#include "platform.h"

#include "detect.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace
{

// What is chosen where nothing speaks for another.
constexpr const char* DefaultVariant = "packed64";
constexpr const char* DefaultScalarVariant = "tiled";

struct KNOWN_PROCESSOR {
    uint64_t Vendor;
    uint64_t Architecture;
    const char* Name;
    const char* Variant;
};

const KNOWN_PROCESSOR KnownProcessors[] = {
    {0x710, 0x8000000058000001, "SpacemiT X60", "packed64"},
    {0x710, 0x8000000058000002, "SpacemiT X100", "packed64"},
    {0x710, 0x8000000041000002, "SpacemiT A100", "packed64"},
    {0x5b7, 0x8000000009140d00, "T-Head C908", "packed64"},
};

const char*
Environment(const char* Name)
{
    const char* Setting = getenv(Name);

    return Setting != nullptr && Setting[0] != '\0' ? Setting : nullptr;
}

class SELECTION
{
public:
    SELECTION()
    {
        const char* Forced = Environment("EDGETOOL_FORCE_SCALAR");

        RegisterBytes_ = Forced != nullptr && strcmp(Forced, "0") != 0 ? 0 : MlasRvvRegisterBytes();

        Choose();

        if (Variant_->NeedsVector) {
            snprintf(Description_, sizeof(Description_), "rvv vlen=%zu %s: %s", RegisterBytes_ * 8, Variant_->Name, Reason_);
        } else {
            snprintf(Description_, sizeof(Description_), "scalar %s: %s", Variant_->Name, Reason_);
        }
    }

    const MLAS_RISCV_VARIANT& Variant() const { return *Variant_; }
    const char* Description() const { return Description_; }

private:
    void Choose()
    {
        const char* Wanted = Environment("EDGETOOL_VARIANT");

        if (Wanted != nullptr && Take(Wanted)) {
            snprintf(Reason_, sizeof(Reason_), "asked for");
            return;
        }

        ChooseUnasked();

        if (Wanted != nullptr) {
            const size_t Length = strlen(Reason_);
            snprintf(Reason_ + Length, sizeof(Reason_) - Length, "; '%.20s' was asked for, which cannot run here", Wanted);
        }
    }

    void ChooseUnasked()
    {
        if (RegisterBytes_ == 0) {
            Take(DefaultScalarVariant);
            snprintf(Reason_, sizeof(Reason_), "no vectors");
            return;
        }

        const MLAS_RISCV_PROCESSOR_IDS Ids = MlasRiscvProcessorIds();

        for (const KNOWN_PROCESSOR& Known : KnownProcessors) {
            if (Ids.Known && Ids.Vendor == Known.Vendor && Ids.Architecture == Known.Architecture && Take(Known.Variant)) {
                snprintf(Reason_, sizeof(Reason_), "%s", Known.Name);
                return;
            }
        }

        Take(DefaultVariant);
        snprintf(Reason_, sizeof(Reason_), "default");
    }

    bool Take(const char* Name)
    {
        const MLAS_RISCV_VARIANT* Variant = MlasRiscvFindVariant(Name);

        if (Variant == nullptr || (Variant->NeedsVector && RegisterBytes_ == 0)) {
            return false;
        }

        Variant_ = Variant;

        return true;
    }

    size_t RegisterBytes_;
    const MLAS_RISCV_VARIANT* Variant_{nullptr};
    char Reason_[128];
    char Description_[192];
};

const SELECTION&
Selection()
{
    static const SELECTION Selected;

    return Selected;
}

}  // namespace

const MLAS_RISCV_VARIANT&
MlasRiscvSelectVariant()
{
    return Selection().Variant();
}

// For whoever measures, as "rvv vlen=256 wide16: SpacemiT X60".
extern "C" __attribute__((visibility("default")))
const char*
EdgetoolKernels()
{
    return Selection().Description();
}
