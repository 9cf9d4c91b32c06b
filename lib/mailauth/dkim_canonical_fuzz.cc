// Fuzz target F9, canonical forms: any split of a body gives what it gives in one go and what the naive reference says.
#include "lib/mailauth/dkim_canonical.h"

#include "lib/mailauth/canonical_reference.h"

#include <cstdlib>

namespace {

using namespace relevo::mailauth;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_body(std::string_view body, std::uint8_t choice) {
    const auto form = (choice & 1) != 0 ? Canonicalisation::relaxed : Canonicalisation::simple;
    const auto bare = (choice & 2) != 0 ? BareLineEnds::literal : BareLineEnds::converted;
    const std::string canonical = reference::canonical_body(body, form, bare);
    const std::uint64_t limit = (choice & 4) != 0 ? canonical.size() / 2 + (choice >> 4) : BodyHasher::unlimited;
    const std::string_view hashed = std::string_view(canonical).substr(0, limit);
    BodyHasher hasher(form, limit, bare);
    for (const std::size_t piece : {body.size() + 1, std::size_t{1} + (choice >> 3)}) {
        for (std::size_t at = 0; at < body.size(); at += piece) hasher.update(body.substr(at, piece));
        const BodyHash hash = hasher.finish();
        require(hash.digest == sha256_of(hashed));
        require(hash.canonical_octets == canonical.size() && hash.hashed_octets == hashed.size());
    }
}

// A canonical field is one line for relaxed, and canonical itself.
void check_field(std::string_view raw) {
    for (const auto form : {Canonicalisation::simple, Canonicalisation::relaxed}) {
        std::string once;
        append_canonical_field(once, form, raw);
        require(once.ends_with("\r\n"));
        require(form == Canonicalisation::simple || once.find('\n') == once.size() - 1);
        std::string twice;
        append_canonical_field(twice, form, once);
        require(once == twice);
        std::string own;
        append_signature_field(own, form, raw);
        require(own.size() + 2 <= once.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_body(content, data[0]);
    if (const auto header = relevo::mail::Header::parse(content))
        for (const auto& field : header->fields()) check_field(field.raw);
    return 0;
}
