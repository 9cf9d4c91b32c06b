#include "app/relevo/sink.h"

#include "lib/base/text.h"

#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace relevo {
namespace {

constexpr std::chrono::minutes idle_limit{10};
constexpr std::size_t greylist_limit = 100'000;

smtp::Reply reply_for(const cli::SinkFault& fault) {
    const auto category = static_cast<std::uint8_t>(fault.code / 100);
    return {fault.code, smtp::EnhancedStatus{category, 0, 0},
            fmt::format("The sink was told to say {} at {}", fault.code, name_of(fault.stage))};
}

// Leaves lines out of the answer to EHLO: "250-KEYWORD …".
std::string without_extensions(std::string_view answer, const std::vector<std::string>& left_out) {
    std::vector<std::string> lines;
    for (std::string_view line : split(answer, '\n')) {
        line = trimmed(line);
        if (line.empty()) continue;
        const std::string_view keyword = line.size() > 4 ? line.substr(4, line.find(' ', 4) - 4) : std::string_view();
        const bool first = lines.empty();
        if (!first && std::ranges::find_if(left_out, [&](const std::string& name) {
                          return equals_ignoring_case(name, keyword);
                      }) != left_out.end())
            continue;
        lines.emplace_back(line);
    }
    std::string rewritten;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        lines[i][3] = i + 1 < lines.size() ? '-' : ' ';
        rewritten += lines[i] + "\r\n";
    }
    return rewritten;
}

}  // namespace

// One client. Ends with its coroutine.
class Sink::Conversation {
 public:
    Conversation(Sink& sink, std::unique_ptr<Stream> stream)
        : sink_(sink),
          stream_(std::move(stream)),
          session_(sink.session_options_, sink.tls_ ? smtp::TlsOffer::starttls : smtp::TlsOffer::none) {}

    Task<> run() {
        if (const cli::SinkFault* fault = sink_.fault_at(cli::SinkStage::connect)) {
            if (fault->code == 0) co_return stream_->close();
            session_.refuse(reply_for(*fault));
        } else {
            session_.greet();
        }
        while (!finished_) {
            const smtp::ServerStep step = session_.next();
            if (std::holds_alternative<smtp::NeedBytes>(step))
                co_await receive();
            else if (std::holds_alternative<smtp::StartTls>(step))
                co_await start_tls();
            else if (std::holds_alternative<smtp::Close>(step))
                break;
            else
                answer(step);
        }
        if (!dropped_) co_await flush();
        stream_->close();
    }

 private:
    Task<> flush() {
        std::string output = session_.take_output();
        if (output.empty()) co_return;
        if (greeted_now_) output = without_extensions(output, sink_.options_.without);
        greeted_now_ = false;
        // One reply stands there; LMTP wants one for each recipient.
        const std::string last = output;
        for (; lmtp_replies_ > 0; --lmtp_replies_) output += last;
        if (sink_.options_.delay.count() > 0) co_await sleep_for(sink_.options_.delay);
        if (!(co_await stream_->write(output, Clock::now() + idle_limit)).has_value()) finished_ = true;
    }

    Task<> receive() {
        co_await flush();
        const auto octets = co_await stream_->read(Clock::now() + idle_limit);
        if (!octets.has_value()) {
            finished_ = dropped_ = true;
            co_return;
        }
        std::string text(as_text(*octets));
        // LMTP differs in its greeting and in one reply per recipient (RFC 2033 §4).
        if (sink_.options_.lmtp && session_.phase() == smtp::ServerPhase::command &&
            starts_with_ignoring_case(text, "LHLO"))
            text[0] = 'E', text[1] = 'H';
        session_.receive(as_octets(text));
    }

    Task<> start_tls() {
        co_await flush();
        if ((co_await stream_->start_tls_server(Clock::now() + idle_limit)).has_value())
            session_.tls_started();
        else
            finished_ = true;
    }

    // Answers with the stage's fault, if its turn has come, else well.
    void judge(cli::SinkStage stage, const smtp::Reply& well) {
        const cli::SinkFault* fault = sink_.fault_at(stage);
        if (fault == nullptr) return session_.answer(well);
        if (fault->code == 0)
            finished_ = dropped_ = true;
        else
            session_.answer(reply_for(*fault));
    }

    void answer(const smtp::ServerStep& step) {
        if (std::holds_alternative<smtp::Greeted>(step)) {
            greeted_now_ = !sink_.options_.without.empty();
            if (const cli::SinkFault* fault = sink_.fault_at(cli::SinkStage::ehlo)) {
                static_cast<void>(session_.take_output());
                if (fault->code == 0)
                    finished_ = dropped_ = true;
                else
                    session_.end(reply_for(*fault));
            }
        } else if (std::holds_alternative<smtp::JudgeSender>(step)) {
            judge(cli::SinkStage::mail, {250, smtp::EnhancedStatus{2, 1, 0}, "Sender ok"});
        } else if (const auto* recipient = std::get_if<smtp::JudgeRecipient>(&step)) {
            if (sink_.greylisted(session_.envelope().reverse_path.text(), recipient->recipient->address.text()))
                session_.answer({451, smtp::EnhancedStatus{4, 7, 1}, "Greylisted: try again later"});
            else
                judge(cli::SinkStage::rcpt, {250, smtp::EnhancedStatus{2, 1, 5}, "Recipient ok"});
        } else if (std::holds_alternative<smtp::BeginContent>(step)) {
            judge(cli::SinkStage::data, {250, smtp::EnhancedStatus{2, 0, 0}, "Go ahead"});
        } else if (const auto* content = std::get_if<smtp::Content>(&step)) {
            content_.append(as_text(content->octets));
        } else if (std::holds_alternative<smtp::EndContent>(step)) {
            end_content();
        } else if (std::holds_alternative<smtp::TransactionEnded>(step)) {
            content_.clear();
        }
    }

    void end_content() {
        const mail::Envelope envelope = session_.envelope();
        const std::string content = std::exchange(content_, {});
        const std::uint64_t before = sink_.taken_;
        if (const cli::SinkFault* fault = sink_.fault_at(cli::SinkStage::end)) {
            if (fault->code == 0)
                finished_ = dropped_ = true;
            else
                answer_each(reply_for(*fault), envelope.recipients.size());
            return;
        }
        sink_.take(envelope, content, *stream_);
        const smtp::Reply taken{250, smtp::EnhancedStatus{2, 0, 0}, fmt::format("Taken as number {}", before + 1)};
        answer_each(taken, envelope.recipients.size());
    }

    // LMTP answers the end of data once for each recipient (RFC 2033 §4.2).
    void answer_each(const smtp::Reply& reply, std::size_t recipients) {
        session_.answer(reply);
        if (sink_.options_.lmtp && recipients > 1) lmtp_replies_ = recipients - 1;
    }

    Sink& sink_;
    std::unique_ptr<Stream> stream_;
    smtp::ServerSession session_;
    std::string content_;
    std::size_t lmtp_replies_ = 0;
    bool greeted_now_ = false;
    bool finished_ = false;
    bool dropped_ = false;
};

Sink::Sink(cli::SinkOptions options) : options_(std::move(options)), sockets_(net::ShardSockets::make(shard_)) {
    session_options_.host_name = "sink.localhost";
    session_options_.greeting_text = "ESMTP Relevo sink";
    const auto offers = [&](std::string_view name) {
        return std::ranges::find(options_.without, name) == options_.without.end();
    };
    session_options_.offers_chunking = offers("CHUNKING");
    session_options_.offers_dsn = offers("DSN");
    session_options_.offers_smtputf8 = offers("SMTPUTF8");
    session_options_.error_limit = 100;
}

Result<void> Sink::open() {
    if (!options_.maildir.empty()) {
        std::error_code problem;
        for (const char* folder : {"tmp", "new", "cur"})
            std::filesystem::create_directories(options_.maildir + "/" + folder, problem);
        if (problem)
            return failure(ErrorKind::io,
                           fmt::format("cannot make the maildir {}: {}", options_.maildir, problem.message()));
    }
    if (!options_.certificate.empty()) {
        net::TlsServerOptions tls;
        tls.certificates.push_back({options_.certificate, options_.key});
        RELEVO_TRY(tls_, net::TlsServerContext::make(std::move(tls)));
    }
    for (const Endpoint& endpoint : options_.listen) {
        net::ListenerOptions listener;
        listener.endpoint = endpoint;
        listener.tls = tls_;
        RELEVO_TRY(auto opened, net::Listener::open({sockets_}, std::move(listener)));
        if (!options_.json) fmt::print("sink: listening on {}\n", opened->endpoint().text());
        listeners_.push_back(std::move(opened));
    }
    std::fflush(stdout);
    return {};
}

void Sink::run() {
    for (const auto& listener : listeners_)
        listener->start(
            [this](Shard& shard, std::unique_ptr<Stream> stream) { shard.spawn(converse(std::move(stream))); });
    boost::asio::signal_set signals(shard_.context(), SIGINT, SIGTERM);
    signals.async_wait([this](const boost::system::error_code&, int) { shard_.stop(); });
    shard_.run();
}

Task<> Sink::converse(std::unique_ptr<Stream> stream) {
    Conversation conversation(*this, std::move(stream));
    co_await conversation.run();
    if (options_.count > 0 && taken_ >= options_.count) shard_.stop();
}

const cli::SinkFault* Sink::fault_at(cli::SinkStage stage) {
    for (const cli::SinkFault& fault : options_.faults)
        if (fault.stage == stage && std::uniform_real_distribution<>()(chance_) < fault.share) return &fault;
    return nullptr;
}

bool Sink::greylisted(const std::string& sender, const std::string& recipient) {
    if (options_.greylist.count() == 0) return false;
    if (first_seen_.size() >= greylist_limit) first_seen_.clear();
    const auto [seen, is_new] = first_seen_.emplace(sender + "\n" + recipient, Clock::now());
    return is_new || Clock::now() - seen->second < options_.greylist;
}

// As Maildir has it: written under tmp, then moved to new, so that nobody sees half a message. The octets are those
// that came.
Result<std::string> Sink::store(const std::string& content) {
    const std::string name =
        fmt::format("{}.{}_{}.sink", WallClock::now().time_since_epoch().count(), ::getpid(), taken_);
    const std::string written = options_.maildir + "/tmp/" + name;
    std::string final_name = options_.maildir + "/new/" + name;
    const int file = ::open(written.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return failure(ErrorKind::io, "cannot write " + written);
    std::string_view rest = content;
    while (!rest.empty()) {
        const ssize_t count = ::write(file, rest.data(), rest.size());
        if (count < 0) break;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    ::close(file);
    if (!rest.empty() || ::rename(written.c_str(), final_name.c_str()) != 0)
        return failure(ErrorKind::io, "cannot write " + written);
    return final_name;
}

void Sink::take(const mail::Envelope& envelope, const std::string& content, const Stream& stream) {
    ++taken_;
    std::string file;
    if (!options_.maildir.empty()) {
        if (auto stored = store(content); stored.has_value())
            file = std::move(*stored);
        else
            fmt::print(stderr, "sink: {}\n", stored.error().detail);
    }
    boost::json::array recipients;
    for (const mail::Recipient& recipient : envelope.recipients) recipients.emplace_back(recipient.address.text());
    const std::string tls = stream.tls() != nullptr ? stream.tls()->protocol + ":" + stream.tls()->cipher : "none";
    if (options_.json) {
        fmt::print("{}\n", boost::json::serialize(boost::json::object{{"number", taken_},
                                                                      {"sender", envelope.reverse_path.text()},
                                                                      {"recipients", recipients},
                                                                      {"size", content.size()},
                                                                      {"client", stream.peer().text()},
                                                                      {"tls", tls},
                                                                      {"file", file}}));
    } else {
        fmt::print("sink: message {} from <{}> to {} ({} octets, TLS {}){}\n", taken_, envelope.reverse_path.text(),
                   boost::json::serialize(recipients), content.size(), tls, file.empty() ? "" : " in " + file);
        if (options_.show)
            for (const std::string_view line : split(content, '\n'))
                fmt::print("    {}\n", printable(trimmed(line), 998));
    }
    std::fflush(stdout);
}

}  // namespace relevo
