#include "lib/mime/composition.h"

#include "lib/base/text.h"
#include "lib/mime/gmime.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo::mime {
namespace {

using Problem = CompositionProblem;

constexpr std::size_t field_name_limit = 76;
constexpr auto own_fields = {
    "from", "to",         "cc",       "bcc",         "sender",       "reply-to",       "subject",
    "date", "message-id", "received", "return-path", "mime-version", "dkim-signature", "authentication-results"};

bool breaks_lines(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::optional<std::string> unfit(std::string_view text) {
    if (breaks_lines(text)) return "has a line break or a NUL in it";
    if (!is_utf8(text)) return "is not UTF-8";
    return std::nullopt;
}

bool is_field_name(std::string_view name) {
    return !name.empty() && name.size() <= field_name_limit &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

bool is_media_type(std::string_view type) {
    const auto parts = split(type, '/');
    return parts.size() == 2 && std::ranges::all_of(parts, [](std::string_view part) {
               return !part.empty() && part.size() <= 127 && std::ranges::all_of(part, [](char c) {
                   return is_alpha(c) || is_digit(c) || std::string_view("!#$&-^_.+").contains(c);
               });
           });
}

// As GMime takes it: its own characters never act as syntax.
std::optional<Problem> check_mailboxes(const std::vector<Mailbox>& mailboxes, std::string_view part) {
    for (std::size_t i = 0; i < mailboxes.size(); ++i)
        if (auto problem = unfit(mailboxes[i].name))
            return Problem{fmt::format("{}/{}", part, i), "the name " + *problem};
    return std::nullopt;
}

std::optional<Problem> check(const Composition& composition) {
    if (auto problem = unfit(composition.from.name)) return Problem{"from", "the name " + *problem};
    if (auto problem = unfit(composition.subject)) return Problem{"subject", *problem};
    for (const auto& [list, part] : {std::pair{&composition.to, "to"}, std::pair{&composition.cc, "cc"},
                                     std::pair{&composition.reply_to, "reply_to"}})
        if (auto problem = check_mailboxes(*list, part)) return problem;
    if (composition.text.empty() && composition.html.empty())
        return Problem{"text", "a message has a text, HTML or both"};
    for (const auto& [text, part] : {std::pair{&composition.text, "text"}, std::pair{&composition.html, "html"}}) {
        if (!is_utf8(*text)) return Problem{part, "is not UTF-8"};
        if (text->contains('\0')) return Problem{part, "has a NUL in it"};
    }
    for (const auto& [name, value] : composition.fields) {
        const std::string part = "fields/" + printable(name, 100);
        const std::string low = to_lower(std::string_view(name));
        if (!is_field_name(name)) return Problem{part, "is no name of a header field (RFC 5322 §2.2)"};
        if (std::ranges::find(own_fields, low) != own_fields.end() || low.starts_with("content-") ||
            low.starts_with("resent-") || low.starts_with("arc-"))
            return Problem{part, "is not set this way: the message has members for it, or it is written here"};
        if (auto problem = unfit(value)) return Problem{part, *problem};
    }
    for (std::size_t i = 0; i < composition.attachments.size(); ++i) {
        const Attachment& attachment = composition.attachments[i];
        const std::string part = fmt::format("attachments/{}", i);
        if (auto problem = unfit(attachment.file_name)) return Problem{part, "the file name " + *problem};
        if (!is_media_type(attachment.type)) return Problem{part, "the type is not like \"application/pdf\""};
        if (!is_ascii(attachment.content_id) || attachment.content_id.find_first_of("<> \t\r\n") != std::string::npos)
            return Problem{part, "the content id has characters that it must not have"};
    }
    return std::nullopt;
}

void add_mailboxes(InternetAddressList* list, const std::vector<Mailbox>& mailboxes) {
    for (const Mailbox& mailbox : mailboxes) {
        const Owned<InternetAddress> address(internet_address_mailbox_new(
            mailbox.name.empty() ? nullptr : mailbox.name.c_str(), mailbox.address.text().c_str()));
        internet_address_set_charset(address.get(), "utf-8");
        internet_address_list_add(list, address.get());
    }
}

// Line ends as they are inside of GMime, which writes CRLF in the end. Programs send both kinds.
std::string with_bare_line_ends(std::string_view text) {
    std::string lines;
    lines.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r')
            lines += text[i];
        else if (i + 1 == text.size() || text[i + 1] != '\n')
            lines += '\n';
    }
    return lines;
}

// Text that is plain ASCII in short lines travels as it is.
bool travels_plainly(std::string_view text) {
    if (!is_ascii(text)) return false;
    for (const std::string_view line : split(text, '\n'))
        if (line.size() > 900) return false;
    return true;
}

void set_content(GMimePart* part, const std::string& octets, GMimeContentEncoding encoding) {
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(octets.data(), octets.size()));
    const Owned<GMimeDataWrapper> content(
        g_mime_data_wrapper_new_with_stream(stream.get(), GMIME_CONTENT_ENCODING_DEFAULT));
    g_mime_part_set_content(part, content.get());
    g_mime_part_set_content_encoding(part, encoding);
}

Owned<GMimeObject> text_part(std::string_view subtype, std::string_view text) {
    GMimePart* part = g_mime_part_new_with_type("text", std::string(subtype).c_str());
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    const std::string lines = with_bare_line_ends(text);
    set_content(part, lines,
                travels_plainly(lines) ? GMIME_CONTENT_ENCODING_7BIT : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    return Owned<GMimeObject>(GMIME_OBJECT(part));
}

Owned<GMimeObject> attached_part(const Attachment& attachment) {
    const auto slash = attachment.type.find('/');
    GMimePart* part =
        g_mime_part_new_with_type(attachment.type.substr(0, slash).c_str(), attachment.type.substr(slash + 1).c_str());
    set_content(part, attachment.content, GMIME_CONTENT_ENCODING_BASE64);
    const bool is_inline = !attachment.content_id.empty();
    g_mime_object_set_disposition(GMIME_OBJECT(part), is_inline ? "inline" : "attachment");
    if (!attachment.file_name.empty()) g_mime_part_set_filename(part, attachment.file_name.c_str());
    if (is_inline) g_mime_object_set_content_id(GMIME_OBJECT(part), attachment.content_id.c_str());
    return Owned<GMimeObject>(GMIME_OBJECT(part));
}

Owned<GMimeObject> wrapped(const char* subtype, Owned<GMimeObject> first) {
    GMimeMultipart* multipart = g_mime_multipart_new_with_subtype(subtype);
    g_mime_multipart_add(multipart, first.get());
    return Owned<GMimeObject>(GMIME_OBJECT(multipart));
}

Owned<GMimeObject> body_of(const Composition& composition) {
    Owned<GMimeObject> body;
    const auto has = [&](bool is_inline) {
        return std::ranges::any_of(composition.attachments, [&](const Attachment& attachment) {
            return !attachment.content_id.empty() == is_inline;
        });
    };
    const auto add = [&](bool is_inline) {
        for (const Attachment& attachment : composition.attachments)
            if (!attachment.content_id.empty() == is_inline)
                g_mime_multipart_add(GMIME_MULTIPART(body.get()), attached_part(attachment).get());
    };
    if (!composition.html.empty()) {
        body = text_part("html", composition.html);
        if (has(true)) {
            body = wrapped("related", std::move(body));
            add(true);
        }
        if (!composition.text.empty()) {
            Owned<GMimeObject> rich = std::move(body);
            body = wrapped("alternative", text_part("plain", composition.text));
            g_mime_multipart_add(GMIME_MULTIPART(body.get()), rich.get());
        }
    } else {
        body = text_part("plain", composition.text);
    }
    const bool has_loose_pictures = composition.html.empty() && has(true);
    if (has(false) || has_loose_pictures) {
        body = wrapped("mixed", std::move(body));
        if (has_loose_pictures) add(true);
        add(false);
    }
    return body;
}

}  // namespace

std::expected<std::string, CompositionProblem> compose(const Composition& composition) {
    if (auto problem = check(composition)) return std::unexpected(*std::move(problem));
    start_gmime();
    const Owned<GMimeMessage> message(g_mime_message_new(FALSE));
    add_mailboxes(g_mime_message_get_from(message.get()), {composition.from});
    add_mailboxes(g_mime_message_get_to(message.get()), composition.to);
    add_mailboxes(g_mime_message_get_cc(message.get()), composition.cc);
    add_mailboxes(g_mime_message_get_reply_to(message.get()), composition.reply_to);
    g_mime_message_set_subject(message.get(), composition.subject.c_str(), "utf-8");
    for (const auto& [name, value] : composition.fields)
        g_mime_object_append_header(GMIME_OBJECT(message.get()), name.c_str(), value.c_str(), "utf-8");
    g_mime_message_set_mime_part(message.get(), body_of(composition).get());

    GMimeFormatOptions* format = g_mime_format_options_clone(nullptr);
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    const Owned<GMimeStream> stream(g_mime_stream_mem_new());
    g_mime_object_write_to_stream(GMIME_OBJECT(message.get()), format, stream.get());
    g_mime_format_options_free(format);
    const GByteArray* octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
    return std::string(reinterpret_cast<const char*>(octets->data), octets->len);
}

}  // namespace relevo::mime
