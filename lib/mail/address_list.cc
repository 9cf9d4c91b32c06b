// parse_address_list: mailboxes of From, Sender, Reply-To and the like.
#include "lib/base/text.h"
#include "lib/mail/message.h"

namespace relevo::mail {
namespace {

constexpr std::size_t address_limit = 1'000;

enum class Group : bool { outside, inside };

// Reads the value once from left to right. White space and comments may stand around an addr-spec, never inside it:
// there, one reader joins the pieces and the next takes one of them.
class AddressListParser {
 public:
    explicit AddressListParser(std::string_view text) : text_(text) {}

    Result<std::vector<Address>> parse() {
        bool anything = false;
        while (true) {
            RELEVO_TRY(const bool found, parse_element());
            anything = anything || found;
            if (at_end()) break;
            if (text_[at_] != ',') return refused("character that no address list holds");
            ++at_;
        }
        if (group_ == Group::inside) return refused("group without its semicolon");
        if (!anything) return refused("no address");
        return std::move(addresses_);
    }

 private:
    // What stands before the next separator or bracket, without white space and comments at its ends.
    struct Words {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool gap = false;  // white space or a comment inside
        bool at = false;   // an "@" outside quotes
        [[nodiscard]] bool empty() const { return begin == end; }
    };

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] static std::unexpected<Error> refused(std::string detail) {
        return failure(ErrorKind::invalid, std::move(detail));
    }

    // One mailbox, a group's name and colon, or nothing: obsolete lists have empty elements (RFC 5322 §4.4).
    // True if there was something; stops at "," or the end.
    Result<bool> parse_element() {
        RELEVO_TRY(const Words words, parse_words());
        if (at_end() || text_[at_] == ',' || text_[at_] == ';') {
            if (!words.empty()) RELEVO_CHECK(add_plain(words));
            RELEVO_TRY(const bool closed, parse_group_end());
            return closed || !words.empty();
        }
        if (words.at) return refused("\"@\" in a display name outside quotes");
        if (text_[at_] == '<') return parse_bracketed();
        if (text_[at_] == ':') return parse_group_begin(words);
        return refused("character that no display name holds");
    }

    Result<bool> parse_bracketed() {
        RELEVO_CHECK(add_bracketed());
        RELEVO_CHECK(skip_blanks_and_comments());
        if (!at_end() && text_[at_] != ',' && text_[at_] != ';') return refused("text after an address in brackets");
        RELEVO_CHECK(parse_group_end());
        return true;
    }

    Result<bool> parse_group_begin(const Words& words) {
        if (words.empty()) return refused("group without a name");
        if (group_ == Group::inside) return refused("group inside a group");
        group_ = Group::inside;
        ++at_;
        RELEVO_CHECK(parse_element());
        return true;
    }

    // The semicolon of a group, if it is here. True if it was.
    Result<bool> parse_group_end() {
        if (at_end() || text_[at_] != ';') return false;
        if (group_ == Group::outside) return refused("semicolon outside a group");
        group_ = Group::outside;
        ++at_;
        RELEVO_CHECK(skip_blanks_and_comments());
        if (!at_end() && text_[at_] != ',') return refused("text after a group");
        return true;
    }

    Result<Words> parse_words() {
        RELEVO_CHECK(skip_blanks_and_comments());
        Words words{at_, at_};
        while (!at_end() && std::string_view(",;:<").find(text_[at_]) == std::string_view::npos) {
            words.gap = words.gap || at_ != words.end;
            words.at = words.at || text_[at_] == '@';
            RELEVO_CHECK(parse_word_piece());
            words.end = at_;
            RELEVO_CHECK(skip_blanks_and_comments());
        }
        return words;
    }

    // A quoted string or one other octet. Octets over 127 pass: a display name in another charset hides no address.
    Result<void> parse_word_piece() {
        const char c = text_[at_];
        if (c == '"') return skip_quoted_string();
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return refused("control character in an address list");
        if (c == '>' || c == ')' || c == '\\') return refused("misplaced special character in an address list");
        ++at_;
        return {};
    }

    Result<void> skip_quoted_string() {
        for (++at_; !at_end(); ++at_) {
            if (text_[at_] == '"') return ++at_, Result<void>();
            if (text_[at_] == '\\' && ++at_ == text_.size()) break;
            if (text_[at_] == '\0') return refused("control character in an address list");
        }
        return refused("quoted string without its end");
    }

    // Comments nest; depth is only counted.
    Result<void> skip_comment() {
        std::size_t depth = 0;
        for (; !at_end(); ++at_) {
            const char c = text_[at_];
            if (c == '\0') return refused("control character in an address list");
            if (c == '\\' && ++at_ == text_.size()) break;
            if (c == '(') ++depth;
            if (c == ')' && --depth == 0) return ++at_, Result<void>();
        }
        return refused("comment without its end");
    }

    // A line end counts as white space only where it folds (RFC 5322 §2.2.3).
    [[nodiscard]] bool at_fold() const {
        const std::string_view rest = text_.substr(at_);
        const std::size_t line_end = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') ? 1 : 0;
        return line_end != 0 && rest.size() > line_end && (rest[line_end] == ' ' || rest[line_end] == '\t');
    }

    Result<void> skip_blanks_and_comments() {
        while (!at_end()) {
            if (text_[at_] == '(') {
                RELEVO_CHECK(skip_comment());
            } else if (text_[at_] == ' ' || text_[at_] == '\t') {
                ++at_;
            } else if (at_fold()) {
                at_ += text_[at_] == '\r' ? 2 : 1;
            } else {
                break;
            }
        }
        return {};
    }

    Result<void> add_plain(const Words& words) {
        if (words.gap) return refused("white space or comment inside an address");
        return add(text_.substr(words.begin, words.end - words.begin));
    }

    // The "<" is next. The ">" that ends the address is the first one outside quotes.
    Result<void> add_bracketed() {
        const std::size_t begin = ++at_;
        while (!at_end() && text_[at_] != '>') {
            if (text_[at_] != '"') {
                ++at_;
                continue;
            }
            RELEVO_CHECK(skip_quoted_string());
        }
        if (at_end()) return refused("address in brackets without its end");
        const std::string_view inside = text_.substr(begin, at_++ - begin);
        return add(trimmed(inside));
    }

    Result<void> add(std::string_view text) {
        if (addresses_.size() == address_limit) return failure(ErrorKind::limit, "more than 1,000 addresses in a list");
        RELEVO_TRY(Address address, Address::parse(text, Utf8::allowed));
        addresses_.push_back(std::move(address));
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    Group group_ = Group::outside;
    std::vector<Address> addresses_;
};

}  // namespace

Result<std::vector<Address>> parse_address_list(std::string_view field_value) {
    return AddressListParser(field_value).parse();
}

}  // namespace relevo::mail
