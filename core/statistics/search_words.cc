#include "core/statistics/search_words.h"

#include "lib/base/text.h"

#include <string>

namespace relevo {
namespace {

// Stored: never renumber.
enum class Kind : std::uint8_t {
    tenant = 0,
    recipient = 1,
    local_part = 2,
    domain = 3,
    sender = 4,
    sender_local_part = 5,
    sender_domain = 6,
    subject = 7,  // a word of it
    tag = 8,
};

// U+E000 to U+E1FF in UTF-8: of category Co, which the tokenizer takes for letters.
void append_private(std::string& word, unsigned number) {
    word += '\xee';
    word += static_cast<char>(0x80U | (number >> 6U));
    word += static_cast<char>(0x80U | (number & 0x3fU));
}

void append_word(std::string& words, Kind kind, std::string_view text) {
    append_private(words, 0x100U + static_cast<unsigned>(kind));
    for (const char c : text)
        if ((c >= 'a' && c <= 'z') || is_digit(c))
            words += c;
        else
            append_private(words, static_cast<unsigned char>(c));
}

std::string word_of(Kind kind, std::string_view text) {
    std::string word;
    append_word(word, kind, text);
    return word;
}

std::string_view local_part_of(std::string_view address) { return address.substr(0, address.rfind('@')); }

std::string_view domain_of(std::string_view address) {
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

// Letters whose case and accents the tokenizer takes away: Latin, Greek and Cyrillic without what is no letter there.
bool is_folded(char32_t letter) {
    const auto lies_in = [letter](char32_t first, char32_t last) { return letter >= first && letter <= last; };
    return (lies_in(0xc0, 0x24f) && letter != 0xd7 && letter != 0xf7) || letter == 0x386 || lies_in(0x388, 0x38a) ||
           letter == 0x38c || (lies_in(0x38e, 0x3ce) && letter != 0x3a2) || lies_in(0x400, 0x481) ||
           lies_in(0x48a, 0x52f);
}

// What stands between words: punctuation, symbols, pictures, private signs.
bool separates(char32_t sign) {
    const auto lies_in = [sign](char32_t first, char32_t last) { return sign >= first && sign <= last; };
    return lies_in(0x80, 0xbf) || sign == 0xd7 || sign == 0xf7 || lies_in(0x2000, 0x2bff) || lies_in(0x3000, 0x303f) ||
           lies_in(0xe000, 0xf8ff) || lies_in(0xff00, 0xff0f) || sign > 0xffff;
}

// Adds one character to a word. False: it belongs to none.
bool append_letter(std::string& word, std::string_view character) {
    if (character.size() == 1) {
        const char c = character[0];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (is_letter) word += c;
        return is_letter;
    }
    char32_t number = static_cast<unsigned char>(character[0]) & (0xffU >> (character.size() + 1));
    for (const char c : character.substr(1)) number = number << 6U | (static_cast<unsigned char>(c) & 0x3fU);
    if (separates(number)) return false;
    if (is_folded(number))
        word += character;
    else  // the tokenizer would not take all of them for letters
        for (const char c : character) append_private(word, static_cast<unsigned char>(c));
    return true;
}

// Hands over what a subject is made of.
template <class Word>
void each_subject_word(std::string_view subject, Word take) {
    std::string word;
    const auto end_word = [&] {
        if (!word.empty()) take(std::string_view(word));
        word.clear();
    };
    for (std::size_t at = 0; at < subject.size();) {
        const auto first = static_cast<unsigned char>(subject[at]);
        const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        const std::string_view character = subject.substr(at, length);
        at += length;
        if (character.size() != length || !append_letter(word, character)) end_word();
    }
    end_word();
}

void append_subject_word(std::string& words, std::string_view word) {
    append_private(words, 0x100U + static_cast<unsigned>(Kind::subject));
    words.append(word);
}

class Expression {
 public:
    void require(Kind kind, std::string_view text) { require(word_of(kind, text)); }
    void require(std::string_view word) {
        if (!text_.empty()) text_ += " AND ";
        text_.append("\"").append(word).append("\"");
    }
    void require(const mailsearch::AddressPattern& pattern, Kind exact, Kind local_part, Kind domain) {
        if (!pattern.exact.empty()) require(exact, pattern.exact);
        // "ana@" is a whole local part; of a part of one the index knows nothing.
        if (pattern.prefix.ends_with('@')) require(local_part, local_part_of(pattern.prefix));
        if (!pattern.domain.empty()) require(domain, pattern.domain);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

 private:
    std::string text_;
};

}  // namespace

std::string search_words(TenantId tenant, std::string_view recipient, std::string_view sender,
                         const MailLabels& labels) {
    std::string words;
    words.reserve(4 * (recipient.size() + sender.size()) + 2 * labels.subject.size() + 100);  // about; it may grow
    const auto add = [&](Kind kind, std::string_view text) {
        if (text.empty()) return;
        if (!words.empty()) words += ' ';
        append_word(words, kind, text);
    };
    add(Kind::tenant, std::to_string(tenant.value));
    add(Kind::recipient, recipient);
    add(Kind::local_part, local_part_of(recipient));
    add(Kind::domain, domain_of(recipient));
    add(Kind::sender, sender);
    add(Kind::sender_local_part, local_part_of(sender));
    add(Kind::sender_domain, domain_of(sender));
    each_subject_word(labels.subject, [&](std::string_view word) {
        words += ' ';
        append_subject_word(words, word);
    });
    for (const std::string& tag : labels.tags) add(Kind::tag, to_lower(tag));
    return words;
}

std::string search_expression(const mailsearch::MailQuery& query, std::optional<TenantId> tenant) {
    Expression expression;
    expression.require(query.to, Kind::recipient, Kind::local_part, Kind::domain);
    expression.require(query.from, Kind::sender, Kind::sender_local_part, Kind::sender_domain);
    for (const std::string& words : query.subject)
        each_subject_word(words, [&](std::string_view word) {
            std::string marked;
            append_subject_word(marked, word);
            expression.require(marked);
        });
    for (const std::string& tag : query.tags) expression.require(Kind::tag, to_lower(tag));
    if (tenant) expression.require(Kind::tenant, std::to_string(tenant->value));
    return expression.take();
}

}  // namespace relevo
