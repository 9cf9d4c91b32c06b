#include "adapters/https/page.h"

#include "lib/base/text.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <curl/curl.h>
#include <memory>

namespace relevo::https {
namespace {

struct Taken {
    std::string body;
    std::size_t limit_octets;
    LongPage long_page;
    bool is_over = false;
};

std::size_t take(char* octets, std::size_t size, std::size_t count, void* user) {
    auto& taken = *static_cast<Taken*>(user);
    if (size * count > taken.limit_octets - taken.body.size()) {
        taken.is_over = true;
        if (taken.long_page == LongPage::cut) taken.body.append(octets, taken.limit_octets - taken.body.size());
        return 0;  // ends the transfer
    }
    taken.body.append(octets, size * count);
    return size * count;
}

// OpenSSL's places for certificates instead of the one that libcurl was built with, or the request's file.
CURLcode use_trust(CURL* /*curl*/, void* context, void* user) {
    const auto& file = *static_cast<const std::string*>(user);
    auto* tls = static_cast<SSL_CTX*>(context);
    const bool trusts =
        file.empty() ? SSL_CTX_set_default_verify_paths(tls) == 1 : SSL_CTX_load_verify_file(tls, file.c_str()) == 1;
    ERR_clear_error();
    return trusts ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

struct Fields {
    const std::vector<std::string>& wanted;
    std::map<std::string, std::string> found;
};

// One line of the answer's head. What is too long is as if it had not come.
std::size_t take_field(char* octets, std::size_t size, std::size_t count, void* user) {
    auto& fields = *static_cast<Fields*>(user);
    const std::string_view line(octets, size * count);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || line.size() > Page::field_limit_octets) return line.size();
    std::string name = to_lower(trimmed(line.substr(0, colon)));
    if (std::ranges::find(fields.wanted, name) != fields.wanted.end())
        fields.found[std::move(name)] = trimmed(line.substr(colon + 1));
    return line.size();
}

// Called at least once a second; anything but 0 ends the transfer.
int look_at_cancellation(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

ErrorKind kind_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT: return ErrorKind::timeout;
        case CURLE_ABORTED_BY_CALLBACK: return ErrorKind::cancelled;
        case CURLE_PEER_FAILED_VERIFICATION: return ErrorKind::refused;
        case CURLE_COULDNT_CONNECT:
        case CURLE_SSL_CONNECT_ERROR: return ErrorKind::closed;
        default: return ErrorKind::io;
    }
}

// "host:443:192.0.2.1,[2001:db8::1]": libcurl then asks no resolver.
std::string resolve_entry(const PageRequest& request) {
    std::string entry = fmt::format("{}:{}:", request.host, request.port);
    for (const dns::IpAddress& address : request.addresses) {
        if (!entry.ends_with(':')) entry += ',';
        entry += address.is_v4() ? address.text() : fmt::format("[{}]", address.text());
    }
    return entry;
}

void set_options(CURL* curl, const PageRequest& request, const std::string& url, curl_slist* addresses, Taken& taken,
                 Fields& fields, char* problem) {
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, request.scheme == WebScheme::http ? "http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // RFC 8461 §3.3: "HTTP 3xx redirects MUST NOT be followed"
    curl_easy_setopt(curl, CURLOPT_PROXY, "");           // whatever the environment says
    curl_easy_setopt(curl, CURLOPT_RESOLVE, addresses);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.time_limit.count()));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, &use_trust);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, const_cast<std::string*>(&request.trust_file));
    if (request.long_page == LongPage::refused)
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.limit_octets));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "relevo");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
    if (!request.wanted_fields.empty()) {
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_field);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &fields);
    }
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
}

using HeaderLines = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// False: no memory. libcurl reads the octets from where they are.
bool set_body(CURL* curl, const PostedBody& body, HeaderLines& lines) {
    lines.reset(curl_slist_append(nullptr, ("Content-Type: " + body.content_type).c_str()));
    // Without waiting for "100 Continue", which many servers never send.
    if (!lines || curl_slist_append(lines.get(), "Expect:") == nullptr) return false;
    for (const std::string& field : body.fields)
        if (curl_slist_append(lines.get(), field.c_str()) == nullptr) return false;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.octets.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.octets.data());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines.get());
    return true;
}

}  // namespace

Result<Page> fetch_page(const PageRequest& request, const std::atomic<bool>* cancelled) {
    if (request.addresses.empty()) return failure(ErrorKind::not_found, fmt::format("{} has no address", request.host));
    if (request.post && request.post->octets.size() > posted_limit)
        return failure(ErrorKind::limit,
                       fmt::format("{} octets are more than may be posted", request.post->octets.size()));
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> addresses(
        curl_slist_append(nullptr, resolve_entry(request).c_str()), &curl_slist_free_all);
    if (!curl || !addresses) return failure(ErrorKind::io, "libcurl has no memory");
    const bool is_v6 = request.host.find(':') != std::string::npos;
    const std::string url =
        fmt::format(fmt::runtime(is_v6 ? "{}://[{}]:{}{}" : "{}://{}:{}{}"),
                    request.scheme == WebScheme::http ? "http" : "https", request.host, request.port, request.path);
    Taken taken{.body = {}, .limit_octets = request.limit_octets, .long_page = request.long_page};
    Fields fields{.wanted = request.wanted_fields, .found = {}};
    char problem[CURL_ERROR_SIZE] = "";
    set_options(curl.get(), request, url, addresses.get(), taken, fields, problem);
    HeaderLines lines(nullptr, &curl_slist_free_all);
    if (request.post && !set_body(curl.get(), *request.post, lines))
        return failure(ErrorKind::io, "libcurl has no memory");
    if (cancelled != nullptr) {
        curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &look_at_cancellation);
        curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(cancelled));
    }
    const CURLcode code = curl_easy_perform(curl.get());
    const bool is_cut = taken.is_over && request.long_page == LongPage::cut;
    if ((taken.is_over && !is_cut) || code == CURLE_FILESIZE_EXCEEDED)
        return failure(ErrorKind::limit, fmt::format("the page is larger than {} octets", request.limit_octets));
    if (code != CURLE_OK && !is_cut)
        return failure(kind_of(code), *problem == '\0' ? std::string(curl_easy_strerror(code)) : problem);
    Page page;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &page.status);
    const char* type = nullptr;
    curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) page.content_type = type;
    page.body = std::move(taken.body);
    page.fields = std::move(fields.found);
    return page;
}

}  // namespace relevo::https
