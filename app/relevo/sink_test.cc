// `relevo sink` over real connections: takes everything, misbehaves on demand.
#include "app/relevo/sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A port that nobody else has: held by a socket that is bound to it until the sink wants it.
std::uint16_t free_port() {
    const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(file, reinterpret_cast<const sockaddr*>(&address), length), 0);    // NOLINT
    EXPECT_EQ(::getsockname(file, reinterpret_cast<sockaddr*>(&address), &length), 0);  // NOLINT
    ::close(file);
    return ntohs(address.sin_port);
}

class Client {
 public:
    explicit Client(std::uint16_t port) : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval limit{.tv_sec = 5, .tv_usec = 0};
        ::setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        const sockaddr_in address = loopback(port);
        EXPECT_EQ(::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);  // NOLINT
    }
    ~Client() { ::close(file_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // A whole reply; "" if the connection ended.
    std::string reply() {
        for (;;) {
            std::size_t from = 0;
            for (std::size_t end = 0; (end = input_.find("\r\n", from)) != std::string::npos; from = end + 2) {
                if (input_[from + 3] == '-') continue;
                std::string whole = input_.substr(0, end);
                input_.erase(0, end + 2);
                return whole;
            }
            std::array<char, 4096> octets{};
            const ssize_t count = ::read(file_, octets.data(), octets.size());
            if (count <= 0) return {};
            input_.append(octets.data(), static_cast<std::size_t>(count));
        }
    }
    std::string ask(const std::string& line) {
        const std::string wire = line + "\r\n";
        static_cast<void>(::send(file_, wire.data(), wire.size(), MSG_NOSIGNAL));
        return reply();
    }

 private:
    int file_;
    std::string input_;
};

class RunningSink {
 public:
    explicit RunningSink(cli::SinkOptions options) : port_(free_port()) {
        options.listen = {{.address = dns::IpAddress::v4({127, 0, 0, 1}), .port = port_}};
        sink_ = std::make_unique<Sink>(std::move(options));
        EXPECT_TRUE(sink_->open().has_value());
        thread_ = std::thread([this] { sink_->run(); });
    }
    // Ends as `relevo sink` does: by a signal. It answers, so it listens to signals too.
    ~RunningSink() {
        {
            Client(port_).reply();
        }
        ::kill(::getpid(), SIGTERM);
        thread_.join();
    }
    RunningSink(const RunningSink&) = delete;
    RunningSink& operator=(const RunningSink&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
    std::uint16_t port_;
    std::unique_ptr<Sink> sink_;
    std::thread thread_;
};

// Greeting, EHLO, MAIL, RCPT, DATA, end of data: the code of each reply, as far as it comes.
std::vector<std::string> codes(std::uint16_t port) {
    Client client(port);
    std::vector<std::string> all{client.reply().substr(0, 3)};
    for (const char* line : {"EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA",
                             "Subject: x\r\n\r\n..dots\r\n."}) {
        if (all.back().empty() || all.back()[0] > '3') break;
        all.push_back(client.ask(line).substr(0, 3));
    }
    return all;
}

TEST(Sink, TakesEverything) {
    const RunningSink sink({});
    EXPECT_EQ(codes(sink.port()), (std::vector<std::string>{"220", "250", "250", "250", "354", "250"}));
}

struct Stage {
    cli::SinkStage stage;
    std::size_t place;
};

TEST(Sink, SaysAndDropsWhatItIsToldAtEachStage) {
    for (const Stage& stage :
         {Stage{cli::SinkStage::connect, 0}, Stage{cli::SinkStage::ehlo, 1}, Stage{cli::SinkStage::mail, 2},
          Stage{cli::SinkStage::rcpt, 3}, Stage{cli::SinkStage::data, 4}, Stage{cli::SinkStage::end, 5}}) {
        for (const std::uint16_t code : std::initializer_list<std::uint16_t>{421, 450, 550, 0}) {
            cli::SinkOptions options;
            options.faults = {{.stage = stage.stage, .code = code, .share = 1}};
            const RunningSink sink(std::move(options));
            const auto said = codes(sink.port());
            ASSERT_EQ(said.size(), stage.place + 1) << name_of(stage.stage) << " " << code;
            EXPECT_EQ(said.back(), code == 0 ? "" : std::to_string(code)) << name_of(stage.stage);
        }
    }
}

TEST(Sink, AShareOfNothingNeverComes) {
    cli::SinkOptions options;
    options.faults = {{.stage = cli::SinkStage::rcpt, .code = 450, .share = 0}};
    const RunningSink sink(std::move(options));
    EXPECT_EQ(codes(sink.port()).back(), "250");
}

TEST(Sink, GreylistsWhatItSeesFirst) {
    cli::SinkOptions options;
    options.greylist = std::chrono::seconds(3600);
    const RunningSink sink(std::move(options));
    EXPECT_EQ(codes(sink.port()).back(), "451");
    EXPECT_EQ(codes(sink.port()).back(), "451") << "not yet";
}

TEST(Sink, LeavesExtensionsOut) {
    cli::SinkOptions options;
    options.without = {"PIPELINING", "CHUNKING"};
    const RunningSink sink(std::move(options));
    Client client(sink.port());
    client.reply();
    const std::string hello = client.ask("EHLO client.example");
    EXPECT_THAT(hello, Not(HasSubstr("PIPELINING")));
    EXPECT_THAT(hello, Not(HasSubstr("CHUNKING")));
    EXPECT_THAT(hello, HasSubstr("8BITMIME"));
}

// RFC 2033 §4.2.
TEST(Sink, AnswersEachRecipientOfLmtp) {
    cli::SinkOptions options;
    options.lmtp = true;
    const RunningSink sink(std::move(options));
    Client client(sink.port());
    client.reply();
    EXPECT_THAT(client.ask("LHLO client.example"), StartsWith("250"));
    client.ask("MAIL FROM:<>");
    client.ask("RCPT TO:<b@example.net>");
    client.ask("RCPT TO:<c@example.net>");
    client.ask("DATA");
    EXPECT_THAT(client.ask("Subject: x\r\n\r\n."), StartsWith("250"));
    EXPECT_THAT(client.reply(), StartsWith("250"));
    EXPECT_THAT(client.ask("QUIT"), StartsWith("221"));
}

TEST(Sink, StoresTheOctetsThatCame) {
    std::string folder = (std::filesystem::temp_directory_path() / "relevo-sink-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    {
        cli::SinkOptions options;
        options.maildir = folder;
        const RunningSink sink(std::move(options));
        EXPECT_EQ(codes(sink.port()).back(), "250");
    }
    std::vector<std::string> contents;
    for (const auto& file : std::filesystem::directory_iterator(folder + "/new")) {
        std::ifstream stream(file.path(), std::ios::binary);
        contents.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
    EXPECT_EQ(contents, std::vector<std::string>{"Subject: x\r\n\r\n.dots\r\n"});
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace relevo
