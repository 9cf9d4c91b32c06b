// Fuzz target: rewriting any message. What is asked for twice is done once, nothing but parts of HTML changes.
#include "lib/tracking/rewrite.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::tracking;
    const std::string_view content(reinterpret_cast<const char*>(data), size);
    const PartScan scan = find_html_parts(content);
    std::size_t last = 0;
    for (const HtmlPart& part : scan.parts) {
        if (part.begin < last || part.end < part.begin || part.end > size) std::abort();
        last = part.end;
    }
    if (!rewrite(content, {}).content.empty()) std::abort();

    std::size_t asked = 0;
    const RewriteRequest request{.link =
                                     [&asked](std::size_t number, const std::string& target) {
                                         if (number != asked++) std::abort();
                                         if (target.size() > target_limit_octets) std::abort();
                                         for (const char c : target)
                                             if (c <= ' ' || c >= '\x7f') std::abort();
                                         return std::string("https://t.example/c/x");
                                     },
                                 .image = "https://t.example/o/x",
                                 .signs_for = [](std::string_view domain) { return domain == "ours.example"; }};
    const Rewritten made = rewrite(content, request);
    if (made.links != asked || made.links > link_limit) std::abort();
    if (made.content.empty() != (made.links == 0 && made.images == 0)) std::abort();
    if (made.content.empty()) return 0;
    if (made.protection != Protection::none) std::abort();
    // What lies in front of the first part and behind the last one is the same.
    const std::string_view behind = content.substr(scan.parts.back().end);
    if (!made.content.starts_with(content.substr(0, scan.parts.front().begin))) std::abort();
    if (!made.content.ends_with(behind)) std::abort();
    // The second time the same places are found.
    const Rewritten again = rewrite(
        made.content, {.link = [](std::size_t, const std::string&) { return std::string("https://u.example/"); },
                       .image = {},
                       .signs_for = request.signs_for});
    if (again.links < made.links && made.content.size() < size + 1024) std::abort();
    return 0;
}
