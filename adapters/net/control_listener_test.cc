#include "adapters/net/control_listener.h"

#include "adapters/net/harness_test.h"
#include "adapters/net/unix_socket.h"

#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace relevo::net {
namespace {

Task<std::string> answer(ControlPeer peer, std::string request) {
    if (request == "who") co_return fmt::format("{} {} {}", peer.user, peer.group, peer.process);
    co_return request + "!";
}

struct Control {
    Control() {
        auto opened = ControlListener::open(world.sockets, options());
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
        listener = std::move(*opened);
        listener->start();
        thread = std::thread([this] { world.shard.run(); });
    }
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control() {
        world.shard.stop();
        thread.join();
    }
    [[nodiscard]] ControlOptions options() const {
        ControlOptions chosen;
        chosen.path = folder.file("control");
        chosen.request_limit_octets = 1000;
        chosen.handler = answer;
        return chosen;
    }
    TemporaryFolder folder;
    World world;
    std::unique_ptr<ControlListener> listener;
    std::thread thread;
};

Result<std::string> ask(const Control& control, std::string_view request) {
    return ask_control(control.options().path, request, std::chrono::seconds(20));
}

TEST(ControlListener, AnswersALineWithALine) {
    const Control control;
    EXPECT_EQ(ask(control, "status").value(), "status!");
    EXPECT_EQ(ask(control, std::string(1000, 'x')).value(), std::string(1000, 'x') + "!");
}

TEST(ControlListener, TellsTheHandlerWhoAsks) {
    const Control control;
    EXPECT_EQ(ask(control, "who").value(), fmt::format("{} {} {}", ::getuid(), ::getgid(), ::getpid()));
}

TEST(ControlListener, LetsOnlyItsOwnerIn) {
    const Control control;
    struct stat status{};
    ASSERT_EQ(::stat(control.options().path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(ControlListener, HangsUpOnARequestWithoutEnd) {
    const Control control;
    const auto refused = ask(control, std::string(100000, 'x'));
    ASSERT_FALSE(refused);
}

TEST(ControlListener, TakesOverFromTheDeadButNotFromTheLiving) {
    const TemporaryFolder folder;
    World world;
    ControlOptions options;
    options.path = folder.file("control");
    options.handler = answer;
    {
        const auto address = unix_address(options.path).value();
        const FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    const auto first = ControlListener::open(world.sockets, options);
    ASSERT_TRUE(first) << first.error().detail;
    const auto second = ControlListener::open(world.sockets, options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().detail, "another relay answers at " + options.path);

    options.path = folder.file("file");
    std::ofstream(options.path) << "precious";
    EXPECT_EQ(ControlListener::open(world.sockets, options).error().kind, ErrorKind::conflict);
}

TEST(ControlListener, SaysWhenNobodyListens) {
    const TemporaryFolder folder;
    const auto nobody = ask_control(folder.file("control"), "status", std::chrono::seconds(1));
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().detail, "no relay answers at " + folder.file("control"));
}

}  // namespace
}  // namespace relevo::net
