// DKIM signatures a second on one core: what a whole signature costs (header fields canonicalised, hashed, signed,
// written), what the key operation alone costs, and what hashing a body costs. Processor time of this thread, so that
// other programs disturb little; `openssl speed` beside it says what the machine can do.
//     signing [SECONDS for each figure]
#include "lib/base/octets.h"
#include "lib/mailauth/dkim_signer.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

using namespace relevo;

constexpr std::string_view header_text =
    "Received: from client.example.com (client.example.com [192.0.2.1])\r\n"
    "\tby mail.example.com with ESMTPSA id 0123456789abcdef\r\n"
    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384) for <bob@example.net>;\r\n"
    "\tWed, 25 Nov 2026 12:00:00 +0000\r\n"
    "From: \"Ana of Example\" <ana@example.com>\r\n"
    "To: \"Bob of Example\" <bob@example.net>\r\n"
    "Reply-To: answers@example.com\r\n"
    "Subject: =?utf-8?Q?Your_order_of_this_week_is_on_its_way?=\r\n"
    "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\n"
    "Message-ID: <20261125120000.1234567890@example.com>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/alternative; boundary=\"=_0123456789abcdef\"\r\n"
    "List-Unsubscribe: <https://example.com/u/0123456789abcdef>,\r\n"
    " <mailto:leave@example.com>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    "Feedback-ID: 1:2:3:example\r\n"
    "\r\n";

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// How often `work` can be done in a second.
template <class Work>
double rate_of(double seconds, Work work) {
    const double began = processor_seconds();
    double used = 0;
    std::size_t count = 0;
    do {
        for (int i = 0; i < 20; ++i) work();
        count += 20;
        used = processor_seconds() - began;
    } while (used < seconds);
    return static_cast<double>(count) / used;
}

void measure_signatures(double seconds, mailauth::SigningAlgorithm algorithm) {
    const std::vector<mailauth::DkimIdentity> identities{
        {"example.com", "s1", mailauth::SigningKey::generate(algorithm).value()}};
    const auto header = mail::Header::parse(header_text).value();
    const std::string digest(mailauth::sha256_octets, 'd');
    mailauth::DkimSigner signer;
    const auto now = std::chrono::system_clock::now();
    const double whole = rate_of(seconds, [&] {
        signer.update("Hello\r\n");
        if (!signer.sign(header.fields(), identities, now)) std::abort();
    });
    const double key_alone = rate_of(seconds, [&] {
        if (!identities.front().key.sign_digest(digest)) std::abort();
    });
    std::printf("%-15s %10.1f signatures/s  %10.1f key operations/s\n", std::string(name_of(algorithm)).c_str(), whole,
                key_alone);
}

std::string repeated(std::string_view line) {
    std::string text;
    while (text.size() < mebibyte) text += line;
    return text;
}

void measure_bodies(double seconds) {
    struct Kind {
        const char* name;
        std::string_view line;
    };
    for (const Kind& kind :
         {Kind{"text", "The quick brown fox jumps over the lazy dog, and then it does so once more.\r\n"},
          Kind{"base 64", "SGVsbG8sIHRoaXMgaXMgYSBsaW5lIG9mIGJhc2UgNjQgdGhhdCBpcyBzZXZlbnR5LXNpeCBsb25n\r\n"},
          Kind{"indented HTML", "        <td class=\"cell\" style=\"padding: 0; margin: 0\">  some text</td>\r\n"}}) {
        const std::string body = repeated(kind.line);
        std::printf("%-15s", kind.name);
        for (const auto form : {mailauth::Canonicalisation::simple, mailauth::Canonicalisation::relaxed}) {
            mailauth::BodyHasher hasher(form);
            const double rate = rate_of(seconds, [&] {
                hasher.update(body);
                (void)hasher.finish();
            });
            std::printf("  %s %7.1f MB/s", std::string(name_of(form)).c_str(),
                        rate * static_cast<double>(body.size()) * 1e-6);
        }
        std::printf("  SHA-256 alone %7.1f MB/s\n", rate_of(seconds, [&] { (void)mailauth::sha256_of(body); }) *
                                                        static_cast<double>(body.size()) * 1e-6);
    }
}

}  // namespace

int main(int count, char** arguments) {
    const double seconds = count > 1 ? std::atof(arguments[1]) : 3;
    measure_signatures(seconds, mailauth::SigningAlgorithm::rsa_sha256);
    measure_signatures(seconds, mailauth::SigningAlgorithm::ed25519_sha256);
    measure_bodies(seconds);
    return 0;
}
