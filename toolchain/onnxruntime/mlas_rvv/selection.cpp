/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    selection.cpp

Abstract:

    Decides which variant of the kernels a process uses, and tells which and why.

    In this order: EDGETOOL_VARIANT in the environment; what was measured before, by whoever tuned or by this; the
    processor's ids; a measurement of two milliseconds, which is kept; the default. With EDGETOOL_FORCE_SCALAR the processor
    is one without vectors. A variant that the processor cannot run is never chosen, and one that some of its CPUs cannot
    run only where none of those is allowed: the process must stay on those that it was allowed when this was called.

    What was measured is in the file that EDGETOOL_TUNING names, or in edgetool/kernels in the user's folder for caches: a
    line for each processor, its key and the variant's name.

--*/

#include "platform.h"

#include "detect.h"
#include "measure.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace
{

// What is chosen where nothing speaks for another.
constexpr const char* DefaultVariant = "wide16";
constexpr const char* DefaultScalarVariant = "tiled";

struct KNOWN_PROCESSOR {
    uint64_t Vendor;
    uint64_t Architecture;
    const char* Name;
    const char* Variant;
};

const KNOWN_PROCESSOR KnownProcessors[] = {
    {0x710, 0x8000000058000001, "SpacemiT X60", "wide16"},
    {0x710, 0x8000000058000002, "SpacemiT X100", "wide16"},
    {0x710, 0x8000000041000002, "SpacemiT A100", "wide16"},
    {0x5b7, 0x8000000009140d00, "T-Head C908", "wide16"},
};

const char*
Environment(const char* Name)
{
    const char* Setting = getenv(Name);

    return Setting != nullptr && Setting[0] != '\0' ? Setting : nullptr;
}

//
// What was measured on this machine's processors.
//

class KEPT_MEASUREMENTS
{
public:
    KEPT_MEASUREMENTS()
    {
        const char* const Named = Environment("EDGETOOL_TUNING");
        const char* const Caches = Environment("XDG_CACHE_HOME");
        const char* const Home = Environment("HOME");

        if (Named != nullptr) {
            Path_ = Named;
        } else if (Caches != nullptr) {
            Path_ = std::string(Caches) + "/edgetool/kernels";
        } else if (Home != nullptr) {
            Path_ = std::string(Home) + "/.cache/edgetool/kernels";
        }

        FILE* const File = Path_.empty() ? nullptr : fopen(Path_.c_str(), "re");

        if (File != nullptr) {
            char Text[MaximumSize];
            Text_.assign(Text, fread(Text, 1, sizeof(Text), File));
            fclose(File);
        }
    }

    // The variant for a processor, empty if there is none.
    std::string Find(const std::string& Key) const
    {
        const std::string Start = "\n" + Key + " ";
        const size_t Found = ("\n" + Text_).find(Start);

        if (Found == std::string::npos) {
            return {};
        }

        const size_t Name = Found + Start.size() - 1;

        return Text_.substr(Name, Text_.find_first_of(" \r\n", Name) - Name);
    }

    // Whether it could be kept: a whole file takes the place of the one before.
    bool Keep(const std::string& Key, const std::string& Variant)
    {
        const std::string Line = Key + " " + Variant + "\n";

        if (Path_.empty() || Text_.size() + Line.size() > MaximumSize) {
            return false;
        }

        for (size_t End = Path_.find('/', 1); End != std::string::npos; End = Path_.find('/', End + 1)) {
            if (mkdir(Path_.substr(0, End).c_str(), 0777) != 0 && errno != EEXIST) {
                return false;
            }
        }

        const std::string Part = Path_ + "." + std::to_string(getpid());
        FILE* const File = fopen(Part.c_str(), "wxe");

        if (File == nullptr) {
            return false;
        }

        const bool Written = fputs((Text_ + Line).c_str(), File) >= 0;
        const bool Closed = fclose(File) == 0;

        if (Written && Closed && rename(Part.c_str(), Path_.c_str()) == 0) {
            return true;
        }

        unlink(Part.c_str());

        return false;
    }

private:
    static constexpr size_t MaximumSize = 4096;

    std::string Path_;
    std::string Text_;
};

class SELECTION
{
public:
    SELECTION()
    {
        const char* const Forced = Environment("EDGETOOL_FORCE_SCALAR");

        RegisterBytes_ = Forced != nullptr && strcmp(Forced, "0") != 0 ? 0 : MlasRvvRegisterBytes();

        const char* const Wanted = Environment("EDGETOOL_VARIANT");
        std::string Reason;

        if (Wanted != nullptr && Take(Wanted)) {
            Reason = "asked for";
        } else {
            if (Wanted != nullptr) {
                Refuse(Wanted);
            }
            Reason = RegisterBytes_ == 0 ? ChooseWithoutVectors() : ChooseWithVectors();
        }

        Description_ = RegisterBytes_ != 0 && Variant_->NeedsVector
            ? "rvv vlen=" + std::to_string(RegisterBytes_ * 8) + (MlasRvvHasHalf() ? " zvfh " : " ")
            : "scalar ";
        Description_ += std::string(Variant_->Name) + ": " + Reason + Refused_;
    }

    const MLAS_RISCV_VARIANT& Variant() const { return *Variant_; }
    const char* Description() const { return Description_.c_str(); }

private:
    std::string ChooseWithoutVectors()
    {
        Take(DefaultScalarVariant);

        return "no vectors";
    }

    std::string ChooseWithVectors()
    {
        const MLAS_RISCV_PROCESSOR_IDS Ids = MlasRiscvProcessorIds();
        char Key[96];

        snprintf(Key, sizeof(Key), "%" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%zu", Ids.Vendor, Ids.Architecture,
            Ids.Implementation, RegisterBytes_);

        KEPT_MEASUREMENTS Kept;
        const std::string Found = Kept.Find(Key);

        if (!Found.empty()) {
            if (Take(Found.c_str())) {
                return std::string("measured before on ") + Key;
            }
            Refuse(Found);
        }

        for (const KNOWN_PROCESSOR& Known : KnownProcessors) {
            if (Ids.Known && Ids.Vendor == Known.Vendor && Ids.Architecture == Known.Architecture && Take(Known.Variant)) {
                return std::string(Known.Name) + " " + Key;
            }
        }

        if (MlasRvvIsEmulated()) {
            Take(DefaultVariant);
            return "default, as it is emulated";
        }

        Take(MlasRvvFastestVariant(MlasRvvMeasure()));

        return std::string(Kept.Keep(Key, Variant_->Name) ? "measured on " : "measured, not kept, on ") + Key;
    }

    // Whether there is such a variant that can run.
    bool Take(const char* Name)
    {
        const MLAS_RISCV_VARIANT* Variant = MlasRiscvFindVariant(Name);

        WhyNot_.clear();

        if (Variant == nullptr || (Variant->NeedsVector && RegisterBytes_ == 0)) {
            return false;
        }

        if (Variant->WhyNot != nullptr) {
            WhyNot_ = Variant->WhyNot();
            if (!WhyNot_.empty()) {
                return false;
            }
        }

        Variant_ = Variant;

        return true;
    }

    // Tells of the variant that could not be taken.
    void Refuse(const std::string& Name)
    {
        Refused_ += "; " + Name.substr(0, 20) + " cannot run here" + (WhyNot_.empty() ? "" : ", " + WhyNot_);
    }

    size_t RegisterBytes_;
    const MLAS_RISCV_VARIANT* Variant_{nullptr};
    std::string WhyNot_;
    std::string Refused_;
    std::string Description_;
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

// For whoever measures, as "rvv vlen=256 zvfh wide16: SpacemiT X60"; with zvfh, half precision is computed in.
extern "C" __attribute__((visibility("default")))
const char*
EdgetoolKernels()
{
    return Selection().Description();
}
