#include "app/lookups/envelope_facts.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::lookups {
namespace {

// The words from "from" to "by", white space as one blank; "" if the field does not begin so.
std::string from_clause(std::string_view value) {
    std::string text = mail::unfolded(value);
    std::ranges::replace(text, '\t', ' ');
    if (!starts_with_ignoring_case(text, "from ")) return {};
    const std::string lower = to_lower(text);
    const std::size_t by = lower.find(" by ");
    return by == std::string::npos ? std::string() : text.substr(5, by - 5);
}

std::vector<dns::IpAddress> bracketed_addresses(std::string_view text) {
    std::vector<dns::IpAddress> found;
    for (std::size_t open = text.find('['); open != std::string_view::npos; open = text.find('[', open + 1)) {
        const std::size_t close = text.find(']', open);
        if (close == std::string_view::npos) break;
        std::string_view inside = text.substr(open + 1, close - open - 1);
        if (starts_with_ignoring_case(inside, "ipv6:")) inside.remove_prefix(5);
        const auto address = dns::IpAddress::parse(inside);
        if (address && std::ranges::find(found, *address) == found.end()) found.push_back(*address);
    }
    return found;
}

// The EHLO argument: Exim writes "helo=", everyone else puts it first.
std::string helo_in(std::string_view clause) {
    if (const std::size_t at = to_lower(clause).find("helo="); at != std::string::npos) {
        const std::string_view rest = clause.substr(at + 5);
        return std::string(rest.substr(0, rest.find_first_of(" )")));
    }
    const std::string_view first = clause.substr(0, clause.find(' '));
    return first.starts_with('[') || first.starts_with('(') ? std::string() : std::string(first);
}

// What the notes say, in both languages.
struct NoteTexts {
    std::string_view no_received, no_address, several_addresses, not_public, client, helo;
    std::string_view no_return_path, several_return_paths, unreadable_return_path, sender;
};
constexpr NoteTexts english{
    .no_received = "The message has no Received field: give the address of its sender with --ip.",
    .no_address = "The topmost Received field names no address in brackets: give it with --ip.",
    .several_addresses = "The topmost Received field names several addresses: give the right one with --ip.",
    .not_public = "The topmost Received field names {}, which is no public address: give that of the sender with --ip.",
    .client = "Sent by {}, says the topmost Received field; --ip says otherwise.",
    .helo = "HELO name {}, says the same field; --helo says otherwise.",
    .no_return_path = "The message has no Return-Path: give its envelope sender with --from.",
    .several_return_paths = "The message has several Return-Paths: give its envelope sender with --from.",
    .unreadable_return_path = "The Return-Path cannot be read: give the envelope sender with --from.",
    .sender = "Envelope sender {}, says Return-Path; --from says otherwise."};
constexpr NoteTexts spanish{
    .no_received = "El mensaje no tiene campo Received: indique con --ip la dirección de quien lo envió.",
    .no_address = "El primer campo Received no tiene ninguna dirección entre corchetes: indíquela con --ip.",
    .several_addresses = "El primer campo Received tiene varias direcciones: indique la correcta con --ip.",
    .not_public =
        "El primer campo Received tiene {}, que no es una dirección pública: indique con --ip la de quien "
        "lo envió.",
    .client = "Enviado por {}, según el primer campo Received; con --ip se indica otra.",
    .helo = "Nombre HELO {}, según el mismo campo; con --helo se indica otro.",
    .no_return_path = "El mensaje no tiene Return-Path: indique el remitente del sobre con --from.",
    .several_return_paths = "El mensaje tiene varios Return-Path: indique el remitente del sobre con --from.",
    .unreadable_return_path = "El Return-Path no se puede leer: indique el remitente del sobre con --from.",
    .sender = "Remitente del sobre {}, según Return-Path; con --from se indica otro."};

void note(EnvelopeFacts& facts, std::string_view text, std::string_view value = {}) {
    facts.notes.push_back(fmt::format(fmt::runtime(text), value));
}

void take_client(EnvelopeFacts& facts, const mail::Header& header, const NoteTexts& texts) {
    const mail::Field* received = header.find("Received");
    if (received == nullptr) return note(facts, texts.no_received);
    const std::string clause = from_clause(received->value);
    const auto addresses = bracketed_addresses(clause);
    if (addresses.empty()) return note(facts, texts.no_address);
    if (addresses.size() > 1) return note(facts, texts.several_addresses);
    if (addresses.front().is_special()) return note(facts, texts.not_public, addresses.front().text());
    facts.client = addresses.front();
    note(facts, texts.client, facts.client->text());
    // Only together with the address: the name is of the same hop.
    if (facts.helo) return;
    if (std::string helo = helo_in(clause); !helo.empty()) {
        note(facts, texts.helo, helo);
        facts.helo = std::move(helo);
    }
}

void take_sender(EnvelopeFacts& facts, const mail::Header& header, const NoteTexts& texts) {
    const std::size_t count = header.count("Return-Path");
    if (count != 1) return note(facts, count == 0 ? texts.no_return_path : texts.several_return_paths);
    const std::string value = mail::unfolded(header.find("Return-Path")->value);
    if (!value.starts_with('<') || !value.ends_with('>')) return note(facts, texts.unreadable_return_path);
    facts.from = value.substr(1, value.size() - 2);
    note(facts, texts.sender, value);
}

}  // namespace

EnvelopeFacts with_facts_of(EnvelopeFacts known, const mail::Header& header, mail::Language language) {
    const NoteTexts& texts = language == mail::Language::spanish ? spanish : english;
    if (!known.client) take_client(known, header, texts);
    if (!known.from) take_sender(known, header, texts);
    return known;
}

}  // namespace relevo::lookups
