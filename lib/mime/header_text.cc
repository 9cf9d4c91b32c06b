#include "lib/mime/header_text.h"

#include "lib/mail/message.h"
#include "lib/mime/gmime.h"

namespace relevo::mime {

std::string header_text(std::string_view value) {
    start_gmime();
    std::string raw = mail::unfolded(value);
    std::erase(raw, '\0');
    const std::unique_ptr<char, decltype(&g_free)> decoded(g_mime_utils_header_decode_text(nullptr, raw.c_str()),
                                                           g_free);
    std::string text = decoded ? decoded.get() : raw;
    if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) == FALSE) {
        gsize size = 0;
        const std::unique_ptr<char, decltype(&g_free)> converted(
            g_convert(text.data(), static_cast<gssize>(text.size()), "UTF-8", "ISO-8859-1", nullptr, &size, nullptr),
            g_free);
        text = converted ? std::string(converted.get(), size) : std::string();
    }
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return std::string(trimmed(text));
}

}  // namespace relevo::mime
