#include "core/feedback/mail_reader.h"

#include "core/ports/reading_thread.h"
#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t clues = 20;
constexpr std::size_t message_id_octets = 17;  // "msg_" and 13 digits

bool is_token_character(char c) { return is_alpha(c) || is_digit(c); }

// "b+TOKEN@": behind each "b+".
void find_tokens(std::string_view text, std::vector<std::string>& tokens) {
    for (auto at = text.find('+'); at != std::string_view::npos && tokens.size() < clues; at = text.find('+', at + 1)) {
        if (at == 0 || (to_lower(text[at - 1]) != 'b' && to_lower(text[at - 1]) != 'u')) continue;
        const auto end = std::ranges::find_if_not(text.substr(at + 1), is_token_character);
        const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at) + 1;
        if (end == text.end() || *end != '@' || begin == end) continue;
        tokens.emplace_back(begin, end);
    }
}

// "id msg_…" as our Received field has it.
void find_messages(std::string_view text, std::vector<MessageId>& messages) {
    for (auto at = text.find("msg_"); at != std::string_view::npos && messages.size() < clues;
         at = text.find("msg_", at + 1))
        if (const auto id = MessageId::parse(text.substr(at, message_id_octets)); id.has_value())
            if (std::ranges::find(messages, *id) == messages.end()) messages.push_back(*id);
}

}  // namespace

Result<ReadFeedback> read_feedback(std::string_view content, const bounces::PatternTable& patterns) {
    ReadFeedback read;
    RELEVO_TRY(read.mail, bounces::read_bounce_mail(content, patterns));
    for (const bounces::MailPart& part : bounces::mail_parts(content, {})) {
        if (!part.is_returned && part.type == "text/plain") continue;  // what anybody writes
        find_tokens(part.content, read.tokens);
        find_messages(part.content, read.messages);
    }
    return read;
}

std::string subject_token(std::string_view content) {
    std::string text;
    if (const auto header = mail::Header::parse(content); header.has_value())
        if (const mail::Field* subject = header->find("Subject")) text = mail::unfolded(subject->value);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    return text;
}

class MailReader::State : public ReadingThread<ReadFeedback> {
    using ReadingThread::ReadingThread;
};

MailReader::MailReader(Patterns patterns, MailReaderLimits limits)
    : state_(std::make_unique<State>(
          [patterns = std::move(patterns)](std::string_view content) { return read_feedback(content, *patterns()); },
          limits.waiting, limits.waiting_octets)) {}
MailReader::~MailReader() = default;

Task<Result<ReadFeedback>> MailReader::read(std::shared_ptr<const std::string> content) {
    co_return co_await completion_of<Result<ReadFeedback>>(
        [&](Completer<Result<ReadFeedback>> done) { state_->read(std::move(content), std::move(done)); });
}

}  // namespace relevo
