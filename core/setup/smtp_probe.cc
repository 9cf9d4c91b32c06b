#include "core/setup/smtp_probe.h"

#include "lib/base/text.h"

namespace relevo::setup {
namespace {

constexpr std::size_t reply_limit_octets = 8192;

// Octets of the first whole reply in `text`, 0 if it has not ended yet.
std::size_t reply_length(std::string_view text) {
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', begin)) {
        const std::string_view line = text.substr(begin, end - begin);
        begin = end + 1;
        if (line.size() < 4 || line[3] != '-') return begin;
    }
    return 0;
}

}  // namespace

Task<Result<smtp::Reply>> SmtpProbe::read_reply() {
    for (;;) {
        if (const std::size_t length = reply_length(received_); length > 0) {
            const std::string wire = received_.substr(0, length);
            received_.erase(0, length);
            co_return smtp::parse_reply(wire);
        }
        if (received_.size() > reply_limit_octets) co_return failure(ErrorKind::limit, "the reply has no end");
        RELEVO_CO_TRY(const auto octets, co_await stream_->read(deadline_));
        received_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
    }
}

Task<Result<smtp::Reply>> SmtpProbe::say(std::string line) {
    line += "\r\n";
    RELEVO_CO_CHECK(co_await stream_->write(line, deadline_));
    co_return co_await read_reply();
}

Task<Result<TlsInfo>> SmtpProbe::start_tls(TlsClientOptions options) {
    co_return co_await stream_->start_tls_client(std::move(options), deadline_);
}

}  // namespace relevo::setup
