#include "app/cli/top.h"

#include "app/cli/json_view.h"
#include "app/cli/output.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

const CommandSpec pulse{.name = "top",
                        .request = "server.pulse",
                        .performer = Performer::server,
                        .summary = {},
                        .options = {},
                        .fixed_arguments = {}};

// The signals that end programs, as something to wait for; blocked as long as this lives.
class EndingSignals {
 public:
    EndingSignals() {
        sigset_t signals;
        sigemptyset(&signals);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals, signal);
        ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
        descriptor_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
    }
    ~EndingSignals() {
        if (descriptor_ >= 0) ::close(descriptor_);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    EndingSignals(const EndingSignals&) = delete;
    EndingSignals& operator=(const EndingSignals&) = delete;
    [[nodiscard]] int descriptor() const { return descriptor_; }
    // One that has come; it would strike when the signals are let through again.
    void take() const {
        signalfd_siginfo ignored{};
        static_cast<void>(::read(descriptor_, &ignored, sizeof(ignored)));
    }

 private:
    sigset_t before_{};
    int descriptor_ = -1;
};

// A screen of its own, without echo and cursor; the one before comes back.
class Screen {
 public:
    Screen() {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
        std::cout << "\x1b[?1049h\x1b[?25l" << std::flush;
    }
    ~Screen() {
        std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    // As much of the page as fits.
    static void draw(const std::string& page) {
        winsize size{};
        const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
        const std::size_t columns = is_known ? size.ws_col : 80, rows = is_known ? size.ws_row : 24;
        std::string out = "\x1b[H";
        std::size_t row = 0;
        for (const std::string_view line : split(page, '\n')) {
            if (row > 0) out += "\r\n";
            out += shortened(line, columns) + "\x1b[K";
            if (++row + 1 >= rows) break;
        }
        std::cout << out << "\x1b[J" << std::flush;
    }

 private:
    termios before_{};
};

enum class Wish : bool { go_on, end };

// Waits for a key or a signal; both may say that it is enough.
Wish wait(const EndingSignals& signals, std::chrono::milliseconds time, bool has_keys) {
    const auto until = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return Wish::go_on;
        std::array<pollfd, 2> waiting{pollfd{.fd = signals.descriptor(), .events = POLLIN, .revents = 0},
                                      pollfd{.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
        if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) <= 0) continue;
        if (waiting[0].revents != 0) {
            signals.take();
            return Wish::end;
        }
        char key = 0;
        if (waiting[1].revents != 0 && (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
            return Wish::end;
    }
}

double seconds_since(std::chrono::steady_clock::time_point began) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

ExitCode problem(const Performed& performed, bool json) {
    print_problem(json, text(performed.error, "kind"), performed.problem);
    return performed.code;
}

// A second look with the rates of the time between both.
boost::json::value with_rates(const boost::json::value& before, const boost::json::value& now, double seconds) {
    boost::json::object told = now.is_object() ? now.get_object() : boost::json::object();
    boost::json::object rates;
    for (const char* name : {"accepted", "delivered", "deferred", "failed"})
        rates[name] =
            static_cast<double>(number(member(now, "totals"), name) - number(member(before, "totals"), name)) /
            std::max(seconds, 0.001);
    told["rates"] = std::move(rates);
    told["seconds"] = seconds;
    return told;
}

}  // namespace

ExitCode show_top(RequestPerformer& performer, const TopOptions& options) {
    const boost::json::object arguments{{"limit", options.limit}};
    const EndingSignals signals;
    Performed before = performer.perform(pulse, arguments);
    if (before.code != ExitCode::ok) return problem(before, options.json);
    auto looked_at = std::chrono::steady_clock::now();
    std::optional<Screen> screen;
    if (!options.once && !options.json) {
        screen.emplace();
        Screen::draw("…");
    }
    for (;;) {
        if (wait(signals, options.interval, screen.has_value()) == Wish::end) return ExitCode::ok;
        Performed now = performer.perform(pulse, arguments);
        if (now.code != ExitCode::ok) {
            screen.reset();
            return problem(now, options.json);
        }
        const double seconds = seconds_since(looked_at);
        looked_at = std::chrono::steady_clock::now();
        if (options.json)
            std::cout << json_text(with_rates(before.result, now.result, seconds)) << std::flush;
        else if (const std::string page = render_pulse(before.result, now.result, seconds); screen)
            Screen::draw(page);
        else
            std::cout << page;
        if (options.once) return ExitCode::ok;
        if (!std::cout) return ExitCode::problem;  // nobody reads it any more
        before = std::move(now);
    }
}

}  // namespace relevo::cli
