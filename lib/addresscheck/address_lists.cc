#include "lib/addresscheck/address_lists.h"

#include "lib/addresscheck/built_in_lists.h"
#include "lib/addresscheck/typo_distance.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace relevo::addresscheck {
namespace {

constexpr std::size_t columns = 3;
constexpr std::size_t local_part_limit_octets = 64;

// Slips that a name of that length may have before it is another name.
std::size_t slips_of_name(std::size_t octets) { return octets <= 3 ? 0 : octets <= 5 ? 1 : 2; }

Result<std::string> ascii_domain(std::string_view text) {
    RELEVO_TRY(const std::string domain, mail::parse_domain(text, mail::Utf8::allowed));
    return mail::to_ascii_domain(domain);
}

std::string without_dots(std::string_view domain) {
    std::string result(domain);
    std::erase(result, '.');
    return result;
}

}  // namespace

class AddressLists::Reader {
 public:
    explicit Reader(AddressLists& lists) : lists_(lists) {}

    Result<void> read_line(std::string_view line, std::size_t number) {
        line_ = number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) return {};
        if (++lines_ > limit_lines)
            return failure(ErrorKind::limit, fmt::format("line {}: more than {} lines", line_, limit_lines));
        if (!is_utf8(line)) return wrong("is not UTF-8");
        const auto fields = split(line, '\t');
        if (fields.size() != columns)
            return wrong(fmt::format("has {} columns, parted by tabs, instead of {}: kind, name, value", fields.size(),
                                     columns));
        if (fields[0] == "provider") return read_provider(fields[1], fields[2]);
        if (fields[0] == "typo") return read_typo(fields[1], fields[2]);
        if (fields[0] == "ending") return read_ending(fields[1], fields[2]);
        if (fields[0] == "disposable") return read_disposable(fields[1], fields[2]);
        if (fields[0] == "role") return read_role(fields[1], fields[2]);
        return wrong(fmt::format("the kind \"{}\" is none of provider, typo, ending, disposable, role",
                                 printable(fields[0], 40)));
    }

 private:
    [[nodiscard]] Result<void> wrong(std::string_view what) const {
        return failure(ErrorKind::invalid, fmt::format("line {}: {}", line_, what));
    }
    [[nodiscard]] Result<std::string> domain(std::string_view text) const {
        auto domain = ascii_domain(text);
        if (!domain.has_value())
            return failure(ErrorKind::invalid, fmt::format("line {}: \"{}\" is not a domain: {}", line_,
                                                           printable(text, 80), domain.error().detail));
        return domain;
    }
    [[nodiscard]] Result<void> no_value(std::string_view value) const {
        if (value == "-") return {};
        return wrong("the value must be \"-\"");
    }

    Result<void> read_provider(std::string_view name, std::string_view value) {
        RELEVO_CHECK(no_value(value));
        RELEVO_TRY(std::string provider, domain(name));
        if (lists_.providers_.size() == limit_providers)
            return failure(ErrorKind::limit, fmt::format("line {}: more than {} providers", line_, limit_providers));
        const std::size_t dot = provider.find('.');
        if (dot == std::string::npos) return wrong("a provider's domain has a dot");
        if (!lists_.provider_names_.insert(provider).second) return wrong("this provider stands there twice");
        lists_.providers_.push_back({.domain = std::move(provider), .name_octets = dot});
        return {};
    }
    Result<void> read_typo(std::string_view name, std::string_view value) {
        RELEVO_TRY(std::string mistake, domain(name));
        RELEVO_TRY(std::string meant, domain(value));
        if (mistake == meant) return wrong("a mistake that means itself");
        if (!lists_.typos_.emplace(std::move(mistake), std::move(meant)).second)
            return wrong("this mistake stands there twice");
        return {};
    }
    Result<void> read_ending(std::string_view name, std::string_view value) {
        RELEVO_TRY(std::string mistake, domain(name));
        RELEVO_TRY(std::string meant, domain(value));
        if (mistake.contains('.') || mistake == meant) return wrong("an ending is one label, and not the one meant");
        if (!lists_.endings_.emplace(std::move(mistake), std::move(meant)).second)
            return wrong("this ending stands there twice");
        return {};
    }
    Result<void> read_disposable(std::string_view name, std::string_view value) {
        RELEVO_CHECK(no_value(value));
        RELEVO_TRY(std::string disposable, domain(name));
        lists_.disposable_.insert(std::move(disposable));
        return {};
    }
    Result<void> read_role(std::string_view name, std::string_view value) {
        RELEVO_CHECK(no_value(value));
        if (name.empty() || name.size() > local_part_limit_octets || name != to_lower(name) || name.contains('@'))
            return wrong("a role is a local part in small letters, of up to 64 octets");
        lists_.roles_.emplace(name);
        return {};
    }

    AddressLists& lists_;
    std::size_t line_ = 0;
    std::size_t lines_ = 0;
};

Result<AddressLists> AddressLists::parse(std::string_view file) {
    if (file.size() > limit_octets)
        return failure(ErrorKind::limit, fmt::format("the file has more than {} MiB", limit_octets / 1024 / 1024));
    AddressLists lists;
    Reader reader(lists);
    std::size_t number = 0;
    for (std::size_t at = 0; at < file.size();) {
        const std::size_t end = std::min(file.find('\n', at), file.size());
        RELEVO_CHECK(reader.read_line(file.substr(at, end - at), ++number));
        at = end + 1;
    }
    for (const auto& [mistake, meant] : lists.typos_)
        if (lists.provider_names_.contains(mistake))
            return failure(ErrorKind::invalid, fmt::format("{} is listed as a provider and as a mistake", mistake));
    return lists;
}

AddressLists AddressLists::built_in() {
    auto lists = parse(built_in_lists());
    if (!lists.has_value()) throw std::logic_error("the built-in address lists: " + lists.error().detail);
    return *std::move(lists);
}

const AddressLists::Provider* AddressLists::nearest_provider(std::string_view domain) const {
    const std::size_t dot = domain.find('.');
    if (dot == std::string_view::npos) {
        const auto found = std::ranges::find_if(
            providers_, [&](const Provider& known) { return without_dots(known.domain) == domain; });
        return found == providers_.end() ? nullptr : &*found;
    }
    const std::string_view name = domain.substr(0, dot);
    const std::string_view rest = domain.substr(dot + 1);
    const Provider* nearest = nullptr;
    constexpr std::size_t other_ending = 2;  // the same name with another ending is as far as two slips
    std::size_t best = other_ending + 1;
    for (const Provider& known : providers_) {
        const std::string_view known_name = std::string_view(known.domain).substr(0, known.name_octets);
        const std::size_t slips = slips_of_name(known.name_octets);
        const std::size_t in_name = typo_distance(name, known_name, slips);
        if (in_name > slips || in_name >= best) continue;
        const std::size_t in_rest =
            typo_distance(rest, std::string_view(known.domain).substr(known.name_octets + 1), 1);
        const bool is_same_name = in_name == 0 && slips > 0;
        if (in_rest > 1 && !is_same_name) continue;
        const std::size_t distance = in_rest > 1 ? other_ending : in_name + in_rest;
        if (distance >= best) continue;
        best = distance;
        nearest = &known;
    }
    return nearest;
}

std::optional<Typo> AddressLists::typo_of(std::string_view domain) const {
    if (provider_names_.contains(domain)) return std::nullopt;
    if (const auto listed = typos_.find(domain); listed != typos_.end()) return Typo{listed->second, true};
    if (domain.starts_with("www.") && provider_names_.contains(domain.substr(4)))
        return Typo{std::string(domain.substr(4)), false};
    if (const Provider* provider = nearest_provider(domain); provider != nullptr) return Typo{provider->domain, false};
    const std::size_t dot = domain.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto ending = endings_.find(domain.substr(dot + 1));
    if (ending == endings_.end()) return std::nullopt;
    return Typo{std::string(domain.substr(0, dot + 1)) + ending->second, false};
}

bool AddressLists::is_disposable(std::string_view domain) const {
    for (;;) {
        if (disposable_.contains(domain)) return true;
        const std::size_t dot = domain.find('.');
        if (dot == std::string_view::npos) return false;
        domain.remove_prefix(dot + 1);
    }
}

bool AddressLists::is_role(std::string_view local_part) const {
    return roles_.contains(to_lower(local_part.substr(0, local_part.find('+'))));
}

}  // namespace relevo::addresscheck
