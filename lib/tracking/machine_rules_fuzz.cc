// Fuzz target: a file of rules in any shape, and a visit that is judged by them.
#include "lib/tracking/machine_rules.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::tracking;
    const std::string_view file(reinterpret_cast<const char*>(data), size);
    const auto rules = MachineRules::parse(file);
    if (!rules.has_value()) {
        if (rules.error().detail.empty()) std::abort();
        return 0;
    }
    const Visit visit{.kind = VisitKind::click, .agent = file, .address = {}, .since_delivery = {}};
    const Verdict verdict = rules->judge(visit);
    if (verdict.confidence < 1 || verdict.confidence > 100) std::abort();
    return 0;
}
