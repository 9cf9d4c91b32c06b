#include "lib/acme/failure_text.h"

#include <fmt/format.h>

namespace relevo::acme {
namespace {

// Texts with "{}" for the name in both.
struct Advice {
    std::string_view english, spanish;
};

Advice unreached(ChallengeKind challenge) {
    switch (challenge) {
        case ChallengeKind::http_01:
            return {
                "port 80 of {} does not reach this server: open it in the firewall, or forward it to an [[http]] "
                "listener with tls = false",
                "el puerto 80 de {} no llega a este servidor: ábralo en el cortafuegos, o rediríjalo a un "
                "[[http]] con tls = false"};
        case ChallengeKind::tls_alpn_01:
            return {
                "port 443 of {} does not reach this server: open it in the firewall, or forward it (TLS and all) "
                "to an [[http]] listener with tls = true",
                "el puerto 443 de {} no llega a este servidor: ábralo en el cortafuegos, o rediríjalo (con TLS "
                "incluido) a un [[http]] con tls = true"};
        case ChallengeKind::dns_01: break;
    }
    return {"the name servers of {} do not answer the authority",
            "los servidores de nombres de {} no contestan a la autoridad"};
}

Advice wrong_answer(ChallengeKind challenge) {
    switch (challenge) {
        case ChallengeKind::http_01:
            return {
                "something other than this server answers on port 80 of {}: look where the name leads (A and "
                "AAAA), and let /.well-known/acme-challenge/ through to this server",
                "en el puerto 80 de {} contesta otra cosa que este servidor: mire a dónde lleva el nombre (A y "
                "AAAA), y deje pasar /.well-known/acme-challenge/ hasta este servidor"};
        case ChallengeKind::tls_alpn_01:
            return {
                "something other than this server ends TLS on port 443 of {}: look where the name leads (A and "
                "AAAA), and at proxies before it",
                "en el puerto 443 de {} otra cosa que este servidor termina TLS: mire a dónde lleva el nombre (A "
                "y AAAA), y los proxies que haya delante"};
        case ChallengeKind::dns_01: break;
    }
    return {
        "the TXT record _acme-challenge.{} does not hold what it should: look at what acme.hook does, and give the "
        "name servers more time with acme.dns_wait",
        "el registro TXT _acme-challenge.{} no tiene lo que debe: mire qué hace acme.hook, y dé más tiempo a los "
        "servidores de nombres con acme.dns_wait"};
}

// By the types of RFC 8555 §6.7; nothing for those that say all themselves.
Advice advice_of(const Refusal& refusal, ChallengeKind challenge) {
    const std::string_view type = refusal.problem ? std::string_view(refusal.problem->type) : std::string_view();
    if (type == "connection") return unreached(challenge);
    if (type == "tls")
        return {"TLS on port 443 of {} fails: does a proxy before this server end it?",
                "falla TLS en el puerto 443 de {}: ¿lo termina un proxy delante de este servidor?"};
    if (type == "unauthorized" || type == "incorrectResponse")
        return refusal.stage == Stage::challenge || refusal.stage == Stage::finalize
                   ? wrong_answer(challenge)
                   : Advice{"the authority does not take our account: is it blocked there?",
                            "la autoridad no acepta nuestra cuenta: ¿está bloqueada allí?"};
    if (type == "dns" && challenge == ChallengeKind::dns_01) return unreached(challenge);
    if (type == "dns")
        return {"the authority does not find {} in the DNS: add its A or AAAA record",
                "la autoridad no encuentra {} en el DNS: añada su registro A o AAAA"};
    if (type == "caa")
        return {"the CAA record of {} forbids this authority: add it there, or take another one",
                "el registro CAA de {} prohíbe esta autoridad: añádala allí, o elija otra"};
    if (type == "rateLimited")
        return {"the authority's limit is reached: nothing to do but to wait",
                "se alcanzó el límite de la autoridad: solo queda esperar"};
    if (type == "rejectedIdentifier" || type == "unsupportedIdentifier")
        return {"the authority gives no certificates for {}: take it out of acme.names",
                "la autoridad no da certificados para {}: quítelo de acme.names"};
    if (type == "externalAccountRequired")
        return {"make an account at the authority and set acme.eab_key_id and acme.eab_key_file to what it gives you",
                "abra una cuenta en la autoridad y ponga lo que le dé en acme.eab_key_id y acme.eab_key_file"};
    if (type == "invalidContact" || type == "unsupportedContact")
        return {"the authority does not take the addresses in acme.contact",
                "la autoridad no acepta las direcciones de acme.contact"};
    if (type == "userActionRequired")
        return {"the authority's terms have changed: read them, then restart Relevo",
                "las condiciones de la autoridad han cambiado: léalas y reinicie Relevo"};
    if (type == "serverInternal")
        return {"the fault is the authority's; it is asked again later",
                "el fallo es de la autoridad; se le pedirá otra vez más tarde"};
    if (refusal.stage == Stage::directory)
        return {
            "look at acme.directory, at the way out of this machine (firewall, DNS), and at acme.trust_file if the "
            "authority is your own",
            "mire acme.directory, la salida de esta máquina (cortafuegos, DNS), y acme.trust_file si la autoridad "
            "es suya"};
    return {};
}

// How far it came; the text of the refusal says more, in English.
std::string_view step_in_spanish(Stage stage) {
    switch (stage) {
        case Stage::directory: return "no se pudo hablar con la autoridad";
        case Stage::account: return "no se pudo usar la cuenta en la autoridad";
        case Stage::order: return "no se pudo hacer el pedido";
        case Stage::challenge: return "la autoridad no pudo comprobar el nombre";
        case Stage::finalize: return "no se pudo terminar el pedido";
        case Stage::download: break;
    }
    return "no se pudo recoger el certificado";
}

std::string said_by(const Refusal& refusal) {
    if (!refusal.problem || (refusal.problem->type.empty() && refusal.problem->detail.empty())) return {};
    const bool has_both = !refusal.problem->type.empty() && !refusal.problem->detail.empty();
    return fmt::format("{}{}{}", refusal.problem->type, has_both ? ": " : "", refusal.problem->detail);
}

}  // namespace

Explanation explain(const Refusal& refusal, std::string_view name, ChallengeKind challenge,
                    std::string_view authority) {
    Explanation text{.english = fmt::format("no certificate for {} by {}: {}", name, name_of(challenge), refusal.text),
                     .spanish = fmt::format("no hay certificado de {} por {}: {}", name, name_of(challenge),
                                            step_in_spanish(refusal.stage))};
    if (const Advice advice = advice_of(refusal, challenge); !advice.english.empty()) {
        text.english += "; " + fmt::format(fmt::runtime(advice.english), name);
        text.spanish += "; " + fmt::format(fmt::runtime(advice.spanish), name);
    }
    const std::string said = said_by(refusal);
    if (!said.empty()) text.english += fmt::format(". {} said: {}", authority, said);
    text.spanish +=
        said.empty() ? fmt::format(". Detalle: {}", refusal.text) : fmt::format(". {} dijo: {}", authority, said);
    return text;
}

}  // namespace relevo::acme
