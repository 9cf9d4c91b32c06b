// Makes the rows of the table of settings. For the files that hold the table alone.
#pragma once

#include "app/configuration/settings.h"

namespace relevo::configuration {

template <class Member>
struct MemberTraits;
template <class S, class T>
struct MemberTraits<T S::*> {
    using Section = S;
    using Value = T;
};
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
struct ElementOf {
    using type = T;
};
template <class T>
struct ElementOf<std::vector<T>> {
    using type = T;
};

struct Extra {
    Bounds bounds{};
    TakesEffect effect = TakesEffect::on_reload;
    Meaning default_words{};
    bool names_file = false;
};

template <class T>
std::string write_bound_as(double bound) {
    return write_value(static_cast<T>(bound));
}
template <>
inline std::string write_bound_as<std::chrono::seconds>(double bound) {
    return write_value(std::chrono::seconds(static_cast<std::int64_t>(bound)));
}

// A row of the table: everything that the member's type tells is taken from it.
template <auto member>
Setting<typename MemberTraits<decltype(member)>::Section> row(std::string_view name, Meaning meaning,
                                                              Extra extra = {}) {
    using Section = typename MemberTraits<decltype(member)>::Section;
    using Value = typename MemberTraits<decltype(member)>::Value;
    using Element = typename ElementOf<Value>::type;
    Setting<Section> setting{
        .name = name,
        .kind = kind_words<Element>,
        .is_list = is_vector<Value>,
        .is_secret = std::is_same_v<Value, SecretText>,
        .names_file = extra.names_file,
        .bounds = extra.bounds,
        .choices = {},
        .effect = extra.effect,
        .default_words = extra.default_words,
        .meaning = meaning,
        .read = [](Section& section, const Node& node,
                   const Bounds& bounds) { return read_value(node, section.*member, bounds); },
        .write = [](const Section& section) { return write_value(section.*member); },
        .write_bound = nullptr,
    };
    if constexpr (std::is_enum_v<Element>) setting.choices = choice_names<Element>();
    if constexpr ((std::is_arithmetic_v<Element> && !std::is_same_v<Element, bool>) ||
                  std::is_same_v<Element, std::chrono::seconds>)
        if (extra.bounds.most < std::numeric_limits<double>::max()) setting.write_bound = write_bound_as<Element>;
    return setting;
}

inline constexpr double minute = 60, hour = 3600, day = 86400;
inline constexpr double mega = 1024 * 1024, tera = mega * mega;
inline constexpr Extra restart{.effect = TakesEffect::on_restart};

inline Extra between(double least, double most) { return {.bounds = {least, most}}; }
inline Extra zero_or(double least, double most) { return {.bounds = {least, most, true}}; }
inline Extra with_default(Meaning words) { return {.default_words = words}; }

}  // namespace relevo::configuration
