// One page over HTTPS.
#pragma once

#include "core/ports/web_pages.h"

#include <atomic>

namespace relevo::https {

// Blocks. TLS 1.2 or newer, the system's trust store, which the environment variable SSL_CERT_FILE replaces as
// everywhere in OpenSSL. Errors: as WebPages::fetch(). `cancelled`, if not null, ends it within a second once it is
// true.
[[nodiscard]] Result<Page> fetch_page(const PageRequest& request, const std::atomic<bool>* cancelled = nullptr);

}  // namespace relevo::https
