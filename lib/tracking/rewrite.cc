#include "lib/tracking/rewrite.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"
#include "lib/tracking/html_tags.h"
#include "lib/tracking/part_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace relevo::tracking {
namespace {

// The URLs of List-Unsubscribe: "<https://…>, <mailto:…>" (RFC 2369 §2). A field over 10,000 octets has none.
std::vector<std::string> unsubscribe_links(const mail::Header& header) {
    std::vector<std::string> links;
    const mail::Field* field = header.find("List-Unsubscribe");
    if (field == nullptr || field->value.size() > 10'000) return links;
    const std::string value = mail::unfolded(field->value);
    for (std::size_t open = value.find('<'); open != std::string::npos; open = value.find('<', open + 1)) {
        const std::size_t close = value.find('>', open);
        if (close == std::string::npos) break;
        const std::string_view url = trimmed(std::string_view(value).substr(open + 1, close - open - 1));
        // As it stands there and as a link is read.
        links.emplace_back(url);
        if (auto read = link_target(url, Charset::utf8)) links.push_back(*std::move(read));
    }
    return links;
}

// The domain of the first signature that is not ours (RFC 6376 §3.5, RFC 8617 §4.1.2).
std::optional<std::string> foreign_signature(const mail::Header& header,
                                             const std::function<bool(std::string_view)>& signs_for) {
    for (const mail::Field& field : header.fields()) {
        if (!equals_ignoring_case(field.name, "DKIM-Signature") &&
            !equals_ignoring_case(field.name, "ARC-Message-Signature"))
            continue;
        std::string domain;
        for (const std::string_view tag : split(field.value, ';')) {
            const std::size_t equals = tag.find('=');
            if (equals != std::string_view::npos && trimmed(tag.substr(0, equals)) == "d")
                domain = to_lower(trimmed(tag.substr(equals + 1)));
        }
        if (!signs_for || !signs_for(domain)) return domain;
    }
    return std::nullopt;
}

class HtmlEditor {
 public:
    HtmlEditor(const RewriteRequest& request, const std::vector<std::string>& kept, Rewritten& result)
        : request_(request), kept_(kept), result_(result) {}

    // The edits for one part.
    std::vector<DecodedPart::Edit> edits_for(std::string_view html, Charset charset) {
        std::vector<DecodedPart::Edit> edits;
        HtmlTagReader reader(html);
        HtmlTag tag;
        std::optional<std::size_t> end_of_body, end_of_html;
        while (reader.next(tag)) {
            if (!tag.is_end) {
                edit_link(html, tag, charset, edits);
            } else if (equals_ignoring_case(tag.name, "body")) {
                end_of_body = tag.begin;
            } else if (equals_ignoring_case(tag.name, "html")) {
                end_of_html = tag.begin;
            }
        }
        const std::size_t end = html.find_last_not_of(" \t\r\n") + 1;
        if (request_.image.empty() || end == 0) return edits;
        if (!end_of_body && !end_of_html && !reader.ends_in_text()) return edits;
        add_image(end_of_body.value_or(end_of_html.value_or(end)), edits);
        return edits;
    }

 private:
    void edit_link(std::string_view html, const HtmlTag& tag, Charset charset, std::vector<DecodedPart::Edit>& edits) {
        if (!request_.link || result_.links >= link_limit) return;
        if (!equals_ignoring_case(tag.name, "a") && !equals_ignoring_case(tag.name, "area")) return;
        const HtmlAttribute* href = tag.find("href");
        if (href == nullptr || href->value_end == href->value_begin) return;
        const auto value_of = [&](const HtmlAttribute& attribute) {
            return html.substr(attribute.value_begin, attribute.value_end - attribute.value_begin);
        };
        const HtmlAttribute* wish = tag.find("data-relevo-track");
        if (wish != nullptr && equals_ignoring_case(trimmed(value_of(*wish)), "no")) return;
        const auto target = link_target(value_of(*href), charset);
        if (!target || std::ranges::find(kept_, *target) != kept_.end()) return;
        std::string url = request_.link(result_.links, *target);
        if (url.empty()) return;
        ++result_.links;
        edits.push_back({href->value_begin, href->value_end, std::move(url), href->begin});
    }

    void add_image(std::size_t at, std::vector<DecodedPart::Edit>& edits) {
        // Ends of elements stand behind their links; hostile HTML may have links behind them.
        const auto place = std::ranges::find_if(edits, [at](const auto& edit) { return edit.begin > at; });
        edits.insert(place,
                     {at, at,
                      fmt::format(R"(<img src="{}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">)",
                                  request_.image),
                      at});
        ++result_.images;
    }

    const RewriteRequest& request_;
    const std::vector<std::string>& kept_;
    Rewritten& result_;
};

}  // namespace

Rewritten rewrite(std::string_view content, const RewriteRequest& request) {
    Rewritten result;
    PartScan scan = find_html_parts(content);
    result.protection = scan.protection;
    if (scan.parts.empty()) return result;
    const auto header = mail::Header::parse(content);
    if (!header.has_value()) {
        result.protection = Protection::not_readable;
        return result;
    }
    if (auto domain = foreign_signature(*header, request.signs_for)) {
        result.protection = Protection::signed_by_others;
        result.signed_by = *std::move(domain);
        return result;
    }
    const std::vector<std::string> kept = unsubscribe_links(*header);
    HtmlEditor editor(request, kept, result);
    std::size_t done = 0;
    std::string made;
    for (const HtmlPart& part : scan.parts) {
        const auto decoded = DecodedPart::decode(content.substr(part.begin, part.end - part.begin), part.encoding);
        if (!decoded) continue;
        const auto edits = editor.edits_for(decoded->octets(), part.charset);
        if (edits.empty()) continue;
        made.append(content.substr(done, part.begin - done)).append(decoded->with(edits));
        done = part.end;
    }
    if (done > 0) result.content = std::move(made.append(content.substr(done)));
    return result;
}

}  // namespace relevo::tracking
