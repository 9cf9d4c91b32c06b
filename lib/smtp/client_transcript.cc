#include "lib/smtp/client_transcript.h"

#include "lib/base/text.h"

#include <algorithm>
#include <utility>

namespace relevo::smtp {
namespace {

constexpr std::string_view gap = "...\n";
constexpr std::size_t line_octets = 1000;
constexpr std::size_t beginning_octets = 8 * 1024;
constexpr std::size_t end_octets = Transcript::limit_octets - beginning_octets - gap.size();

}  // namespace

void Transcript::add_line(char who, std::string_view line) {
    line = line.substr(0, line_octets);
    const std::size_t octets = line.size() + 4;
    std::string* target = &beginning_;
    if (!end_.empty() || beginning_.size() + octets > beginning_octets) target = &end_;
    if (target == &end_ && end_.size() + octets > end_octets) {
        // Half of it goes at once, so that a long conversation does not move the rest at every line.
        const std::size_t cut = end_.find('\n', std::max(end_octets / 2, end_.size() + octets - end_octets));
        end_.erase(0, cut == std::string::npos ? end_.size() : cut + 1);
        shortened_ = true;
    }
    target->push_back(who);
    target->append(": ").append(line).push_back('\n');
}

void Transcript::add_command(std::string_view line) { add_line('C', line); }

void Transcript::add_content(Octets octets) { add_line('C', "[" + std::to_string(octets) + " octets]"); }

void Transcript::add_reply(const Reply& reply) {
    std::string line = std::to_string(reply.code) + ' ';
    if (reply.status) line.append(reply.status->text()).push_back(' ');
    const std::size_t start = line.size();
    std::string_view rest = reply.text;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        line.append(rest.substr(0, end));
        line[3] = '-';
        add_line('S', line);
        line[3] = ' ';
        line.resize(start);
        rest.remove_prefix(end + 1);
    }
    line += rest;
    add_line('S', line);
}

void Transcript::add_secret_reply(const Reply& reply) { add_line('S', std::to_string(reply.code) + " ***"); }

std::string Transcript::take() {
    std::string text = std::exchange(beginning_, {});
    if (std::exchange(shortened_, false)) text += gap;
    return text += std::exchange(end_, {});
}

}  // namespace relevo::smtp
