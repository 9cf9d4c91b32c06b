// LAN mode: an office names the device that a message comes from, a central relay believes it from an office alone.
#include "core/policy/sending.h"
#include "core/reception/session.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {

void ReceptionSession::note_device_refusal(const smtp::Reply& reply) {
    LanBook* const book = reception_.ports_.shared.lan;
    if (book == nullptr || !identity_.is_known()) return;
    const auto table = book->table();
    LanOrigin origin{.office = table->office_of(identity_.credential),
                     .device = std::string(table->device_of(identity_))};
    if (message_.lan_origin()) origin = *message_.lan_origin();
    if (origin != LanOrigin{}) book->note_refusal(origin, reply.one_line(), WallClock::now());
}

}  // namespace relevo
