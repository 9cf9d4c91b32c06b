// Fuzz target F10, ARC: any split of the body gives the same verdict, nobody's input makes a seal that holds, and what
// we seal holds, once, twice, and no more after a failure.
#include "lib/mailauth/arc_test_peer.h"

#include <cstdlib>

namespace {

using namespace relevo::mailauth;
using relevo::mail::Header;

void require(bool holds) {
    if (!holds) std::abort();
}

// Put in front of such content, fields would run into it.
bool can_take_fields(const Header& header, std::string_view content) {
    return !header.fields().empty() || content.empty() || (content[0] != ' ' && content[0] != '\t');
}

void check_sealing(ArcTestPeer& peer, const std::string& content, ArcResult found) {
    const auto sealed = ArcTestPeer::seal(content, "a.example", "author.example", found);
    if (!sealed) return require(sealed.error().kind != relevo::ErrorKind::internal);
    const ArcVerdict verdict = peer.verify(*sealed);
    if (found == ArcResult::fail) {
        require(verdict.result == ArcResult::fail);
        require(!ArcTestPeer::seal(*sealed, "b.example", "author.example", ArcResult::fail));
        return;
    }
    require(verdict.result == ArcResult::pass && verdict.sealers.back() == "a.example");
    const auto twice = ArcTestPeer::seal(*sealed, "b.example", "author.example", verdict.result);
    if (!twice) return;  // the fiftieth
    const ArcVerdict again = peer.verify(*twice);
    require(again.result == ArcResult::pass && again.instances == verdict.instances + 1);
    require(again.oldest_pass == verdict.oldest_pass || again.instances > 10);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string content(reinterpret_cast<const char*>(data), size);
    (void)ArcSeal::read(content);
    (void)results_of_instance(content);
    const auto header = Header::parse(content);
    if (!header) return 0;
    ArcTestPeer peer;
    const ArcVerdict verdict = peer.verify(content);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{13}}) {
        const ArcVerdict split = peer.verify(content, piece);
        require(split.result == verdict.result && split.reason == verdict.reason &&
                split.oldest_pass == verdict.oldest_pass);
    }
    require(verdict.reason.empty() == (verdict.result == ArcResult::pass || verdict.result == ArcResult::none));
    if (can_take_fields(*header, content)) check_sealing(peer, content, verdict.result);
    return 0;
}
