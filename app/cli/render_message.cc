#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

// "12:00:00.123" behind the day, which is printed only when it changes.
std::string clock_of(const std::string& time) {
    return time.size() >= 23 && time[10] == 'T' ? time.substr(11, 12) : time;
}

std::string sentence_of(const value& event) {
    if (member(event, "text").is_string()) return text(event, "text");
    const value& facts = member(event, "facts");
    std::string sentence = text(facts, "host", "");
    if (!sentence.empty()) sentence += fmt::format(" [{}]:{}", text(facts, "address"), text(facts, "port"));
    const std::string said = text(facts, "reply", text(facts, "explanation", ""));
    if (!said.empty()) sentence += (sentence.empty() ? "" : ": ") + said;
    if (text(facts, "next_attempt") != "-") sentence += "; next attempt " + time_text(facts, "next_attempt");
    return sentence;
}

void append_facts(std::string& page, const value& event) {
    const value& facts = member(event, "facts");
    if (!facts.is_object()) return;
    std::string line;
    for (const auto& [name, content] : facts.get_object()) {
        if (content.is_null() || name == "recipient") continue;
        // What has parts tells them in one line, too.
        const std::string said = content.is_object() ? text(content, "summary") : text(facts, name);
        const std::string fact = fmt::format("{}={}", printable(std::string_view(name)), printable(said));
        if (!line.empty() && line.size() + fact.size() > 100) {
            page += "                 " + line + "\n";
            line.clear();
        }
        line += (line.empty() ? "" : "  ") + fact;
    }
    if (!line.empty()) page += "                 " + line + "\n";
}

void append_transcript(std::string& page, const value& event) {
    if (!member(event, "transcript").is_string()) return;
    const std::string transcript = text(event, "transcript");
    for (const std::string_view line : split(transcript, '\n'))
        if (!trimmed(line).empty()) page += "                 | " + printable(trimmed(line), 1000) + "\n";
}

void append_event(std::string& page, const value& event, std::string& day) {
    const std::string time = text(event, "time");
    if (time.substr(0, 10) != day) {
        day = time.substr(0, 10);
        page += "\n" + printable(day) + "\n";
    }
    const std::string recipient = text(event, "recipient", "");
    page += fmt::format("  {:<13}  {}{}{}\n", printable(clock_of(time)), printable(text(event, "kind")),
                        recipient.empty() ? "" : " " + printable(recipient), "");
    if (const std::string sentence = sentence_of(event); !sentence.empty())
        page += "                 " + printable(sentence, 2000) + "\n";
    if (member(event, "meaning").is_string()) page += paragraph("                 ", text(event, "meaning"));
    append_facts(page, event);
    append_transcript(page, event);
}

}  // namespace

std::string render_message(const value& message) {
    std::string page = fmt::format(
        "{}  from {}  {}  {} recipient(s)\ntenant {}, credential {}, stream {}{}, accepted {}\n",
        printable(text(message, "id")), printable(text(message, "sender", "<>")), size_text(number(message, "size")),
        number(message, "recipients"), printable(text(message, "tenant")), printable(text(message, "credential")),
        printable(text(message, "stream", "transactional")),
        text(message, "pool") == "-" ? "" : ", pool " + printable(text(message, "pool")),
        printable(time_text(message, "accepted_at")));
    std::string day;
    for (const value& event : elements(message, "timeline")) append_event(page, event, day);
    if (!elements(message, "pending").empty()) page += "\nStill waiting\n";
    for (const value& entry : elements(message, "pending"))
        page += fmt::format("  {}  {}, next attempt {}\n", printable(text(entry, "recipient")),
                            printable(text(entry, "state")), printable(time_text(entry, "next_attempt_at")));
    return page;
}

}  // namespace relevo::cli
