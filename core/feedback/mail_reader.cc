#include "core/feedback/mail_reader.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

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

class MailReader::State {
 public:
    State(Patterns patterns, MailReaderLimits limits)
        : patterns_(std::move(patterns)), limits_(limits), thread_([this] { work(); }) {}
    ~State() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakeup_.notify_all();
        thread_.join();
        for (Mail& mail : queue_) mail.done(failure(ErrorKind::cancelled, "the server is stopping"));
    }

    void read(std::shared_ptr<const std::string> content, Completer<Result<ReadFeedback>> done) {
        {
            const std::lock_guard lock(mutex_);
            if (queue_.size() < limits_.waiting && octets_ + content->size() <= limits_.waiting_octets) {
                octets_ += content->size();
                queue_.push_back({std::move(content), std::move(done)});
                wakeup_.notify_one();
                return;
            }
        }
        done(failure(ErrorKind::limit, "too much mail waits to be read"));
    }

 private:
    struct Mail {
        std::shared_ptr<const std::string> content;
        Completer<Result<ReadFeedback>> done;
    };

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            Mail mail = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            Result<ReadFeedback> read = read_feedback(*mail.content, *patterns_());
            const Octets octets = mail.content->size();
            mail.content.reset();
            mail.done(std::move(read));
            lock.lock();
            octets_ -= octets;
        }
    }

    const Patterns patterns_;
    const MailReaderLimits limits_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wakeup_;
    bool stopping_ = false;
    std::deque<Mail> queue_;
    Octets octets_ = 0;   // of what waits and what is read
    std::thread thread_;  // last: it uses all the others
};

MailReader::MailReader(Patterns patterns, MailReaderLimits limits)
    : state_(std::make_unique<State>(std::move(patterns), limits)) {}
MailReader::~MailReader() = default;

Task<Result<ReadFeedback>> MailReader::read(std::shared_ptr<const std::string> content) {
    co_return co_await completion_of<Result<ReadFeedback>>(
        [&](Completer<Result<ReadFeedback>> done) { state_->read(std::move(content), std::move(done)); });
}

}  // namespace relevo
