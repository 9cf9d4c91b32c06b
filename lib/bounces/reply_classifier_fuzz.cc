// Fuzz target: what servers say, and whom it is said to come from. The first line is the host, the rest the reply.
#include "lib/bounces/reply_classifier.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::bounces;
    static const PatternTable table = PatternTable::built_in();
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t line = std::min(input.find('\n'), size);
    ReplyFacts facts = read_reply(input.substr(std::min(line + 1, size)));
    if (facts.code != 0 && (facts.code < 200 || facts.code > 599)) std::abort();
    facts.host = input.substr(0, line);
    const ReplyVerdict verdict = classify_reply(facts, table);
    // A temporary reply is never hard, and what was decided has its reason.
    if (facts.code >= 400 && facts.code < 500 && verdict.nature == BounceNature::hard) std::abort();
    if (verdict.kind != BounceClass::unknown && verdict.rule.empty()) std::abort();
    if (verdict.basis == VerdictBasis::nothing && verdict.kind != BounceClass::unknown) std::abort();
    return 0;
}
