#include "lib/authreports/report_extraction.h"

#include "lib/base/text.h"
#include "lib/mime/gmime.h"

#include <algorithm>
#include <memory>

namespace relevo::authreports {
namespace {

using mime::Owned;
using mime::start_gmime;
using mime::type_of;

constexpr std::size_t problem_limit = 20;
constexpr std::size_t feedback_limit_octets = 1 * mebibyte;
constexpr std::size_t sniffed_octets = 4 * kibibyte;

// The part's content without its transfer encoding; never longer than the message.
std::string decoded(GMimePart* part) {
    GMimeDataWrapper* content = g_mime_part_get_content(part);
    if (content == nullptr) return {};
    const Owned<GMimeStream> stream(g_mime_stream_mem_new());
    g_mime_data_wrapper_write_to_stream(content, stream.get());
    GByteArray* octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
    return {reinterpret_cast<const char*>(octets->data), octets->len};
}

std::string_view without_mark(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    return trimmed(text);
}
bool is_packed(std::string_view octets) { return octets.starts_with("\x1F\x8B") || octets.starts_with("PK\x03\x04"); }
bool is_aggregate(std::string_view octets) {
    const std::string_view text = without_mark(octets);
    return text.starts_with('<') && text.substr(0, sniffed_octets).find("feedback") != std::string_view::npos;
}
bool is_json(std::string_view octets) { return without_mark(octets).starts_with('{'); }

std::size_t count_delimiters(std::string_view content) {
    std::size_t count = content.starts_with("--") ? 1 : 0;
    for (auto at = content.find("\n--"); at != std::string_view::npos; at = content.find("\n--", at + 3)) ++count;
    return count;
}

class Extraction {
 public:
    explicit Extraction(const ExtractionBounds& bounds) : bounds_(bounds) {}

    Result<void> visit(GMimeObject* object, std::size_t depth) {
        if (depth > bounds_.depth)
            return failure(ErrorKind::limit, "parts within parts deeper than " + std::to_string(depth - 1));
        if (object == nullptr || parts_ >= bounds_.parts) return {};
        ++parts_;
        if (GMIME_IS_MULTIPART(object)) return visit_parts(GMIME_MULTIPART(object), depth);
        if (GMIME_IS_MESSAGE_PART(object)) {
            GMimeMessage* message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
            return message != nullptr ? visit(g_mime_message_get_mime_part(message), depth + 1) : Result<void>();
        }
        if (GMIME_IS_PART(object)) read_part(GMIME_PART(object));
        return {};
    }
    [[nodiscard]] ExtractedReports take() { return std::move(extracted_); }

 private:
    Result<void> visit_parts(GMimeMultipart* multipart, std::size_t depth) {
        const int count = g_mime_multipart_get_count(multipart);
        for (int i = 0; i < count; ++i) {
            GMimeObject* part = g_mime_multipart_get_part(multipart, i);
            if (type_of(part) == "message/feedback-report" && GMIME_IS_PART(part)) {
                // The original behind it belongs to this report; a report in *it* would be a stranger's.
                read_feedback(GMIME_PART(part), i + 1 < count ? g_mime_multipart_get_part(multipart, i + 1) : nullptr);
                return {};
            }
            RELEVO_CHECK(visit(part, depth + 1));
        }
        return {};
    }

    void read_feedback(GMimePart* part, GMimeObject* behind) {
        std::string original;
        bool has_content = false;
        if (behind != nullptr && GMIME_IS_MESSAGE_PART(behind)) {
            has_content = true;
            if (GMimeMessage* message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(behind))) {
                const std::unique_ptr<char, decltype(&g_free)> text(
                    g_mime_object_to_string(GMIME_OBJECT(message), nullptr), g_free);
                original = text.get();
            }
        } else if (behind != nullptr && GMIME_IS_PART(behind)) {
            original = decoded(GMIME_PART(behind));
            has_content = type_of(behind) == "message/rfc822";
        }
        if (original.size() > feedback_limit_octets) original.resize(feedback_limit_octets);
        auto report = parse_feedback_report(decoded(part), original, has_content, read_mail_date);
        if (report)
            extracted_.reports.emplace_back(*std::move(report));
        else
            note(report.error().detail);
    }

    void read_part(GMimePart* part) {
        const std::string octets = decoded(part);
        const std::string type = type_of(GMIME_OBJECT(part));
        // Text for people is no report, even if it begins with a brace.
        const bool is_text = type == "text/plain" && g_mime_part_get_filename(part) == nullptr;
        if (!is_packed(octets) && !is_aggregate(octets) && (is_text || type == "text/html" || !is_json(octets))) return;
        auto report = read_report_file(octets, bounds_);
        if (report)
            extracted_.reports.push_back(*std::move(report));
        else
            note(report.error().detail);
    }

    void note(std::string problem) {
        if (extracted_.problems.size() < problem_limit) extracted_.problems.push_back(std::move(problem));
    }

    const ExtractionBounds& bounds_;
    ExtractedReports extracted_;
    std::size_t parts_ = 0;
};

}  // namespace

Result<ExtractedReports> extract_reports(std::string_view content, ExtractionBounds bounds) {
    if (content.size() > bounds.message)
        return failure(ErrorKind::limit, "a mail of " + std::to_string(content.size()) + " octets");
    if (count_delimiters(content) > bounds.delimiters)
        return failure(ErrorKind::limit,
                       "more than " + std::to_string(bounds.delimiters) + " lines that begin with \"--\"");
    start_gmime();
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(content.data(), content.size()));
    const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
    if (!message) return failure(ErrorKind::invalid, "no mail: it cannot be read as MIME");
    Extraction extraction(bounds);
    RELEVO_CHECK(extraction.visit(g_mime_message_get_mime_part(message.get()), 0));
    return extraction.take();
}

Result<Report> read_report_file(std::string_view octets, ExtractionBounds bounds) {
    RELEVO_TRY(const std::string content, unpack(octets, bounds.unpack));
    if (is_json(content)) {
        RELEVO_TRY(TlsReport report, parse_tls_report(content));
        return Report(std::move(report));
    }
    RELEVO_TRY(ReadAggregateReport report, parse_aggregate_report(content, bounds.report));
    return Report(std::move(report));
}

std::optional<std::chrono::sys_seconds> read_mail_date(std::string_view text) {
    start_gmime();
    GDateTime* date = g_mime_utils_header_decode_date(std::string(text).c_str());
    if (date == nullptr) return std::nullopt;
    const std::chrono::sys_seconds time{std::chrono::seconds(g_date_time_to_unix(date))};
    g_date_time_unref(date);
    return time;
}

}  // namespace relevo::authreports
