#include "lib/webauthn/client_data.h"

#include "lib/json/json.h"

namespace relevo::webauthn {
namespace {

constexpr std::size_t depth_limit = 8;

Result<Ceremony> ceremony_of(std::string_view type) {
    if (type == "webauthn.create") return Ceremony::create;
    if (type == "webauthn.get") return Ceremony::get;
    return failure(ErrorKind::invalid, "the client data has another type than \"webauthn.create\" or \"webauthn.get\"");
}

}  // namespace

Result<ClientData> parse_client_data(std::string_view json) {
    RELEVO_TRY(
        const boost::json::value parsed,
        json::parse(json, {.octets = client_data_limit, .depth = depth_limit, .same_names = json::SameNames::refused}));
    ClientData data;
    RELEVO_TRY(data.ceremony, ceremony_of(json::text_of(json::member(parsed, "type"))));
    data.challenge = json::text_of(json::member(parsed, "challenge"));
    data.origin = json::text_of(json::member(parsed, "origin"));
    if (data.challenge.empty() || data.origin.empty())
        return failure(ErrorKind::invalid, "the client data has no challenge, or no origin");
    if (const boost::json::value* cross = json::member(parsed, "crossOrigin"); cross != nullptr) {
        if (!cross->is_bool()) return failure(ErrorKind::invalid, "\"crossOrigin\" of the client data is no boolean");
        data.cross_origin = cross->get_bool();
    }
    return data;
}

}  // namespace relevo::webauthn
