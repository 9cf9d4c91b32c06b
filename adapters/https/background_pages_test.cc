#include "adapters/https/background_pages.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace relevo::https {
namespace {

// A port of 127.0.0.1 that refuses connections, or takes them and says nothing.
class Port {
 public:
    Port() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(bind(socket_, generic, length), 0);
        EXPECT_EQ(getsockname(socket_, generic, &length), 0);
        number_ = ntohs(address.sin_port);
    }
    ~Port() {
        close(socket_);
        if (client_ >= 0) close(client_);
    }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    void be_silent() { EXPECT_EQ(listen(socket_, 8), 0); }
    // Blocks until somebody connects.
    void wait_for_client() { client_ = accept(socket_, nullptr, nullptr); }
    [[nodiscard]] PageRequest request(std::chrono::milliseconds time_limit = std::chrono::seconds(20)) const {
        return {.host = "mta-sts.shop.example",
                .port = number_,
                .path = "/",
                .addresses = {dns::IpAddress::parse("127.0.0.1").value()},
                .time_limit = time_limit};
    }

 private:
    int socket_;
    int client_ = -1;
    std::uint16_t number_ = 0;
};

Task<> fetch(WebPages& pages, PageRequest request, std::optional<Result<Page>>& result) {
    result.emplace(co_await pages.fetch(std::move(request)));
}

class BackgroundPagesTest : public testing::Test {
 protected:
    Port port_;
    std::unique_ptr<BackgroundPages> pages_ = std::make_unique<BackgroundPages>();
    std::optional<Result<Page>> first_, second_;

    void run(Task<> task) {
        Shard shard(0);
        shard.spawn([](Shard& on, Task<> work) -> Task<> {
            co_await std::move(work);
            on.stop();
        }(shard, std::move(task)));
        shard.run();
    }
    [[nodiscard]] static ErrorKind kind_of(const std::optional<Result<Page>>& result) {
        return result.has_value() && !result->has_value() ? result->error().kind : ErrorKind::internal;
    }
};

TEST_F(BackgroundPagesTest, TellsThatNobodyIsThere) {
    run(fetch(*pages_, port_.request(), first_));
    EXPECT_EQ(kind_of(first_), ErrorKind::closed);
}

TEST_F(BackgroundPagesTest, AServerThatSaysNothingEndsAtTheTimeLimit) {
    port_.be_silent();
    run(fetch(*pages_, port_.request(std::chrono::milliseconds(200)), first_));
    EXPECT_EQ(kind_of(first_), ErrorKind::timeout);
}

TEST_F(BackgroundPagesTest, MoreThanMayBePostedIsNotSent) {
    port_.be_silent();
    PageRequest request = port_.request();
    request.post = {.content_type = "application/tlsrpt+gzip", .octets = std::string(posted_limit + 1, 'x')};
    run(fetch(*pages_, std::move(request), first_));
    EXPECT_EQ(kind_of(first_), ErrorKind::limit);
}

TEST_F(BackgroundPagesTest, MoreThanTheBoundAreRefusedAtOnce) {
    port_.be_silent();
    pages_ = std::make_unique<BackgroundPages>(0);
    run(fetch(*pages_, port_.request(), first_));
    EXPECT_EQ(kind_of(first_), ErrorKind::full);
}

TEST_F(BackgroundPagesTest, AStopEndsWhatIsBeingFetchedAndWhatWaits) {
    port_.be_silent();
    Shard shard(0);
    const auto began = std::chrono::steady_clock::now();
    std::optional<Result<Page>> third;
    for (std::optional<Result<Page>>* result : {&first_, &second_, &third})
        shard.spawn(fetch(*pages_, port_.request(), *result));
    shard.post([&] {
        port_.wait_for_client();
        pages_.reset();
        shard.post([&] { shard.stop(); });
    });
    shard.run();
    for (const std::optional<Result<Page>>* result : {&first_, &second_, &third})
        EXPECT_EQ(kind_of(*result), ErrorKind::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace relevo::https
