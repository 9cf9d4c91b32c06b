// Fuzz target F13, reports in mail: MIME of any shape, feedback reports, files inside.
#include "lib/authreports/report_extraction.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::authreports;
    const ExtractionBounds bounds{.message = 65'536,
                                  .unpack = {.in = 65'536, .out = 1'000'000},
                                  .parts = 20,
                                  .depth = 10,
                                  .report = {.octets = 1'000'000, .depth = 64, .rows = 100}};
    const auto extracted = extract_reports({reinterpret_cast<const char*>(data), size}, bounds);
    if (!extracted) {
        if (extracted.error().detail.empty()) std::abort();
        return 0;
    }
    if (extracted->reports.size() > 20 || extracted->problems.size() > 20) std::abort();
    for (const Report& report : extracted->reports) {
        const auto* feedback = std::get_if<FeedbackReport>(&report);
        if (feedback != nullptr && (feedback->type.empty() || feedback->reported_uris.size() > 100)) std::abort();
    }
    return 0;
}
