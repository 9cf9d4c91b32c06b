#include "app/cli/completion.h"

#include "app/cli/command_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <vector>

namespace relevo::cli {
namespace {

struct Choice {
    std::string_view word;
    std::string_view meaning;
};

// What may stand after the words of one command or group.
struct Place {
    std::vector<Choice> words;                    // commands and groups
    std::vector<Choice> options;                  // with dashes
    std::vector<std::string_view> valued, files;  // options whose next word is a value; of these, names of files
    bool takes_files = false;                     // as a positional argument
};

bool is_file(const OptionSpec& option) {
    using enum OptionKind;
    const bool names_one = option.name == "FILE" || option.name == "--certificate" || option.name == "--key" ||
                           option.name == "--maildir" || option.name.ends_with("-file") ||
                           option.name.ends_with("-dir");
    return names_one || option.kind == files || option.kind == secret_file || option.kind == secret_text_file;
}

// By the words that lead there: "", "queue", "queue list".
using Places = std::map<std::string, Place, std::less<>>;

void add_word(Places& places, std::string_view path, std::string_view meaning) {
    const std::size_t space = path.rfind(' ');
    const std::string_view parent = space == std::string_view::npos ? "" : path.substr(0, space);
    if (!parent.empty() && !places.contains(parent)) {
        const auto group = std::ranges::find(command_groups(), parent, &CommandGroup::name);
        add_word(places, parent, group == command_groups().end() ? "" : group->summary);
    }
    places.try_emplace(std::string(path));
    places[std::string(parent)].words.push_back({path.substr(parent.empty() ? 0 : space + 1), meaning});
}

Places all_places() {
    Places places;
    for (const CommandSpec& command : command_table()) {
        add_word(places, command.name, command.summary);
        Place& place = places[std::string(command.name)];
        for (const OptionSpec& option : command.options) {
            if (!option.name.starts_with("--")) {
                place.takes_files = place.takes_files || is_file(option);
                continue;
            }
            place.options.push_back({option.name, option.meaning});
            if (option.kind != OptionKind::flag) place.valued.push_back(option.name);
            if (is_file(option)) place.files.push_back(option.name);
        }
    }
    for (auto& [path, place] : places) {
        place.options.insert(
            place.options.end(),
            {{"--config", "Configuration file"}, {"--json", "Print the result as JSON"}, {"--help", "Explain"}});
        place.valued.emplace_back("--config");
        place.files.emplace_back("--config");
    }
    return places;
}

// In single quotes, for every shell: fish alone has escapes inside them.
std::string quoted(std::string_view text, std::string_view shell) {
    std::string words = "'";
    for (const char c : text)
        if (c == '\'')
            words += shell == "fish" ? "\\'" : "'\\''";
        else if (c == '\\' && shell == "fish")
            words += "\\\\";
        else
            words += c;
    return words + "'";
}

std::string words_of(const std::vector<Choice>& choices) {
    std::string words;
    for (const Choice& choice : choices) words += fmt::format("{}{}", words.empty() ? "" : " ", choice.word);
    return words;
}

// "'queue'|'queue list'|…"
std::string patterns(const Places& places) {
    std::string all;
    for (const auto& [path, place] : places)
        if (!path.empty()) all += fmt::format("{}'{}'", all.empty() ? "" : "|", path);
    return all;
}

std::string bash_script() {
    const Places places = all_places();
    std::string script = fmt::format(R"(# Completes the command line of relevo; made by `relevo completion bash`.
_relevo() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} place= next index
    local words= options= valued= files= takes_files=
    for ((index = 1; index < COMP_CWORD; index++)); do
        next=${{place:+$place }}${{COMP_WORDS[index]}}
        case $next in
        {}) place=$next ;;
        esac
    done
    case $place in
)",
                                     patterns(places));
    for (const auto& [path, place] : places)
        fmt::format_to(std::back_inserter(script),
                       "    '{}') words='{}' options='{}' valued='{}' files='{}' takes_files={} ;;\n", path,
                       words_of(place.words), words_of(place.options), fmt::join(place.valued, " "),
                       fmt::join(place.files, " "), place.takes_files ? "yes" : "");
    return script + R"(    esac
    COMPREPLY=()
    if [[ " $files " == *" $previous "* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ " $valued " == *" $previous "* ]]; then
        return
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $takes_files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "${words:-$options}" -- "$word")
    fi
}
complete -F _relevo relevo
)";
}

std::string zsh_list(const std::vector<Choice>& choices) {
    std::string list;
    for (const Choice& choice : choices)
        list += fmt::format(" {}", quoted(fmt::format("{}:{}", choice.word, choice.meaning), "zsh"));
    return list;
}

std::string zsh_script() {
    const Places places = all_places();
    std::string script = fmt::format(R"(#compdef relevo
# Completes the command line of relevo; made by `relevo completion zsh`.
_relevo() {{
    local place= next takes_files= previous=${{words[CURRENT-1]}} word=${{words[CURRENT]}}
    local -i index
    local -a commands options valued files
    for ((index = 2; index < CURRENT; index++)); do
        next="${{place:+$place }}${{words[index]}}"
        case $next in
        ({}) place=$next ;;
        esac
    done
    case $place in
)",
                                     patterns(places));
    for (const auto& [path, place] : places)
        fmt::format_to(std::back_inserter(script),
                       "    ('{}')\n        commands=({} )\n        options=({} )\n        valued=({})\n        "
                       "files=({}) takes_files={} ;;\n",
                       path, zsh_list(place.words), zsh_list(place.options), fmt::join(place.valued, " "),
                       fmt::join(place.files, " "), place.takes_files ? "yes" : "");
    return script + R"(    esac
    if (( ${files[(Ie)$previous]} )); then
        _files
    elif (( ${valued[(Ie)$previous]} )); then
        return 1
    elif [[ $word == -* ]]; then
        _describe option options
    elif [[ -n $takes_files ]]; then
        _files
    elif (( $#commands )); then
        _describe command commands
    else
        _describe option options
    fi
}
_relevo "$@"
)";
}

std::string fish_script() {
    const Places places = all_places();
    std::string known;
    for (const auto& [path, place] : places)
        if (!path.empty()) known += fmt::format(" '{}'", path);
    std::string script = fmt::format(R"(# Completes the command line of relevo; made by `relevo completion fish`.
function __relevo_is_at
    set -l known{}
    set -l place ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$place $word")
        contains -- $next $known; and set place $next
    end
    test "$place" = "$argv[1]"
end
complete -c relevo -f
complete -c relevo -l config -r -F -d 'Configuration file'
complete -c relevo -l json -d 'Print the result as JSON'
complete -c relevo -l help -d 'Explain'
)",
                                     known);
    auto out = std::back_inserter(script);
    for (const auto& [path, place] : places) {
        const std::string condition = quoted(fmt::format("__relevo_is_at '{}'", path), "fish");
        for (const Choice& choice : place.words)
            fmt::format_to(out, "complete -c relevo -n {} -a {} -d {}\n", condition, choice.word,
                           quoted(choice.meaning, "fish"));
        for (const Choice& choice : place.options) {
            if (choice.word == "--config" || choice.word == "--json" || choice.word == "--help") continue;
            const bool is_valued = std::ranges::find(place.valued, choice.word) != place.valued.end();
            const bool is_file = std::ranges::find(place.files, choice.word) != place.files.end();
            fmt::format_to(out, "complete -c relevo -n {} -l {}{}{} -d {}\n", condition, choice.word.substr(2),
                           is_valued ? " -r" : "", is_file ? " -F" : "", quoted(choice.meaning, "fish"));
        }
        if (place.takes_files) fmt::format_to(out, "complete -c relevo -n {} -F\n", condition);
    }
    return script;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") return bash_script();
    if (shell == "zsh") return zsh_script();
    if (shell == "fish") return fish_script();
    return failure(ErrorKind::invalid, "SHELL: use bash, zsh or fish");
}

}  // namespace relevo::cli
