#include "lib/mailauth/dkim_canonical.h"

#include "lib/mailauth/canonical_reference.h"

#include <gtest/gtest.h>

#include <random>

namespace relevo::mailauth {
namespace {

using enum Canonicalisation;

BodyHash hash_of(std::string_view body, Canonicalisation canonicalisation, std::uint64_t limit = BodyHasher::unlimited,
                 BareLineEnds bare = BareLineEnds::converted) {
    BodyHasher hasher(canonicalisation, limit, bare);
    hasher.update(body);
    return hasher.finish();
}

void expect_canonical(std::string_view body, Canonicalisation canonicalisation, std::string_view canonical) {
    const BodyHash hash = hash_of(body, canonicalisation);
    EXPECT_EQ(hash.digest, sha256_of(canonical)) << testing::PrintToString(body);
    EXPECT_EQ(hash.canonical_octets, canonical.size()) << testing::PrintToString(body);
    EXPECT_EQ(reference::canonical_body(body, canonicalisation, BareLineEnds::converted), canonical);
}

std::string canonical_field(Canonicalisation canonicalisation, std::string_view raw) {
    std::string out;
    append_canonical_field(out, canonicalisation, raw);
    return out;
}

TEST(BodyHasher, FollowsTheExampleOfTheStandard) {  // RFC 6376 §3.4.5
    const std::string_view body = " C \r\nD \t E\r\n\r\n\r\n";
    expect_canonical(body, relaxed, " C\r\nD E\r\n");
    expect_canonical(body, simple, " C \r\nD \t E\r\n");
}

TEST(BodyHasher, HashesAnEmptyBodyAsTheStandardSays) {  // RFC 6376 §3.4.3, §3.4.4
    for (const std::string_view body : {"", "\r\n", "\r\n\r\n\r\n"}) {
        expect_canonical(body, simple, "\r\n");
        expect_canonical(body, relaxed, "");
    }
    expect_canonical(" \t\r\n\r\n", relaxed, "");
    expect_canonical(" \t\r\n\r\n", simple, " \t\r\n");
}

TEST(BodyHasher, EndsTheLastLineAndNoMore) {  // RFC 6376 §3.4.3
    for (const std::string_view body : {"text", "text\r\n", "text\r\n\r\n\r\n\r\n"}) {
        expect_canonical(body, simple, "text\r\n");
        expect_canonical(body, relaxed, "text\r\n");
    }
    expect_canonical("\r\n\r\ntext \t\r\n \r\n", relaxed, "\r\n\r\ntext\r\n");
}

TEST(BodyHasher, TakesBareLineEndsAsAsked) {  // RFC 6376 §5.3
    for (const auto canonicalisation : {simple, relaxed}) {
        expect_canonical("a\nb\rc\r\r\nd", canonicalisation, "a\r\nb\r\nc\r\n\r\nd\r\n");
        EXPECT_EQ(hash_of("a\nb\rc\r\r\nd\n", canonicalisation, BodyHasher::unlimited, BareLineEnds::literal).digest,
                  sha256_of("a\nb\rc\r\r\nd\n\r\n"));
    }
}

TEST(BodyHasher, StopsAtTheLimitAndSaysWhatFollows) {  // RFC 6376 §3.4.5; security row C1
    const BodyHash hash = hash_of("12345\r\n67 \t 89\r\n", relaxed, 9);
    EXPECT_EQ(hash.digest, sha256_of("12345\r\n67"));
    EXPECT_EQ(hash.hashed_octets, 9U);
    EXPECT_EQ(hash.canonical_octets, 14U);
    EXPECT_EQ(hash_of("12345\r\n", simple, 0).digest, sha256_of(""));
    EXPECT_EQ(hash_of("12345\r\n", simple, 100).hashed_octets, 7U) << "more than there is";
}

TEST(BodyHasher, IsAsNewAfterTheEnd) {
    BodyHasher hasher(relaxed, 5);
    for (int i = 0; i < 3; ++i) {
        hasher.update("some text \r\n");
        const BodyHash hash = hasher.finish();
        EXPECT_EQ(hash.digest, sha256_of("some "));
        EXPECT_EQ(hash.canonical_octets, 11U);
    }
}

// Text in which everything that canonicalisation looks for is frequent, with clean stretches over several blocks.
std::string random_body(std::mt19937& random) {
    constexpr std::string_view odd = "  \t\r\n\r\nab";
    std::string body;
    const std::size_t parts = random() % 12;
    for (std::size_t part = 0; part < parts; ++part) {
        const std::size_t octets = random() % 4 == 0 ? random() % 3000 : random() % 200;
        switch (random() % 4) {
            case 0: body.append(octets, 'x'); break;
            case 1:
                for (std::size_t i = 0; i < octets / 9; ++i) body += i % 7 == 6 ? "words\xC3\xA9\r\n" : "a sentence ";
                break;
            case 2:
                for (std::size_t i = 0; i < octets % 100; ++i) body += "\r\n";
                break;
            default:
                for (std::size_t i = 0; i < octets; ++i) body += odd[random() % odd.size()];
        }
    }
    return body;
}

TEST(BodyHasher, GivesTheSameForAnySplitAndAsTheNaiveReference) {  // security row F9
    std::mt19937 random(7);                                        // NOLINT(cert-msc51-cpp): the same cases every time
    for (int round = 0; round < 3000; ++round) {
        const std::string body = random_body(random);
        const auto canonicalisation = round % 2 == 0 ? simple : relaxed;
        const auto bare = round % 3 == 0 ? BareLineEnds::literal : BareLineEnds::converted;
        const std::string canonical = reference::canonical_body(body, canonicalisation, bare);
        const std::uint64_t limit = round % 5 == 0 ? random() % (canonical.size() + 2) : BodyHasher::unlimited;
        BodyHasher hasher(canonicalisation, limit, bare);
        for (std::size_t at = 0; at < body.size();) {
            const std::size_t piece = 1 + (random() % 3 == 0 ? random() % 4 : random() % 500);
            hasher.update(std::string_view(body).substr(at, piece));
            at += piece;
        }
        const BodyHash pieces = hasher.finish();
        ASSERT_EQ(pieces.digest, sha256_of(canonical.substr(0, limit))) << testing::PrintToString(body);
        ASSERT_EQ(pieces.canonical_octets, canonical.size());
        ASSERT_EQ(pieces.digest, hash_of(body, canonicalisation, limit, bare).digest);
    }
}

TEST(CanonicalField, FollowsTheExampleOfTheStandard) {  // RFC 6376 §3.4.5
    EXPECT_EQ(canonical_field(relaxed, "A: X\r\n"), "a:X\r\n");
    EXPECT_EQ(canonical_field(relaxed, "B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n");
    EXPECT_EQ(canonical_field(simple, "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  \r\n");
}

TEST(CanonicalField, EndsWithOneLineEndWhateverCame) {
    EXPECT_EQ(canonical_field(simple, "Subject: x"), "Subject: x\r\n");
    EXPECT_EQ(canonical_field(simple, "Subject: x\n y\n"), "Subject: x\r\n y\r\n");
    EXPECT_EQ(canonical_field(relaxed, "Subject: x\n y\n"), "subject:x y\r\n");
    EXPECT_EQ(canonical_field(relaxed, "Subject:\r\n  \r\n \r\n"), "subject:\r\n");
    EXPECT_EQ(canonical_field(relaxed, "Subject: x\ry\r\n"), "subject:x\ry\r\n") << "else a CR could be slipped in";
}

TEST(CanonicalField, LeavesOutTheSignatureInItsOwnField) {  // RFC 6376 §3.7
    std::string out;
    append_signature_field(out, relaxed, "DKIM-Signature: v=1; b= ab\r\n\tcd ; bh=b=; d=x\r\n");
    EXPECT_EQ(out, "dkim-signature:v=1; b=; bh=b=; d=x");
    out.clear();
    append_signature_field(out, simple, "DKIM-Signature: a=b; bh=xx; b = ab\r\n\tcd\r\n");
    EXPECT_EQ(out, "DKIM-Signature: a=b; bh=xx; b =");
    out.clear();
    append_signature_field(out, simple, "DKIM-Signature:b=ab;\r\n");
    EXPECT_EQ(out, "DKIM-Signature:b=;");
}

TEST(SignedFields, TakesTheLastOfSeveralFirst) {  // RFC 6376 §5.4.2
    const std::string content = "A: 1\r\nB: 2\r\na: 3\r\nC: 4\r\nA: 5\r\n\r\n";
    const auto header = mail::Header::parse(content).value();
    std::string out;
    SignedFields(header.fields()).append(out, relaxed, {"a", "c", "A", "none", "a", "a", "b"});
    EXPECT_EQ(out, "a:5\r\nc:4\r\na:3\r\na:1\r\nb:2\r\n");
    EXPECT_EQ(SignedFields(header.fields()).count("a"), 3U);
}

}  // namespace
}  // namespace relevo::mailauth
