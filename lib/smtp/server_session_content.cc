#include "lib/base/octets.h"
#include "lib/smtp/server_session_state.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

Reply too_large(Octets limit) {
    return {552, EnhancedStatus{5, 3, 4}, "Message too big: the limit is " + std::to_string(limit) + " octets"};
}

Reply reply_to(ContentFault fault, std::uint32_t line_limit_octets) {
    if (fault == ContentFault::nul)
        return {550, EnhancedStatus{5, 6, 0}, "NUL octet in message: send it encoded (MIME, base64)"};
    if (fault == ContentFault::long_line)
        return {500, EnhancedStatus{5, 5, 2},
                "A line of the message is too long: the limit is " + std::to_string(line_limit_octets) +
                    " octets; send it encoded (MIME, quoted-printable)"};
    return {550, EnhancedStatus{5, 6, 11},
            "The message has a bare CR or LF: every line must end with CRLF; correct the line ends in the program "
            "that made it"};
}

const char* reason_of(ContentFault fault) {
    if (fault == ContentFault::nul) return "NUL octet in message";
    if (fault == ContentFault::long_line) return "a line of the message is too long";
    return "bare CR or LF in message";
}

}  // namespace

// --- DATA and BDAT as commands

std::optional<Reply> ServerSession::State::content_objection() const {
    if (!in_transaction) return Reply{503, EnhancedStatus{5, 5, 1}, "Send MAIL and RCPT first"};
    if (envelope.recipients.empty()) return Reply{554, EnhancedStatus{5, 5, 1}, "No valid recipients"};
    return std::nullopt;
}

MaybeStep ServerSession::State::begin_data(const Command& command) {
    // RFC 2920 §3.1: DATA "can only appear as the last command in a group". What follows it unasked may be content as
    // well as commands, whatever DATA is answered with.
    if (!input.empty()) {
        refuse_early_octets("DATA");
        return std::nullopt;
    }
    if (refuses_argument(command)) return std::nullopt;
    auto objection = content_objection();
    if (!objection && has_chunks) objection = Reply{503, EnhancedStatus{5, 5, 1}, "BDAT has begun: go on with BDAT"};
    if (!objection && envelope.body == mail::BodyType::binary_mime)
        objection = Reply{503, EnhancedStatus{5, 5, 1}, "BODY=BINARYMIME needs BDAT (RFC 3030)"};
    if (objection) {
        refuse_command(*objection);
        return std::nullopt;
    }
    awaited = AwaitedVerdict::data;
    return BeginContent{};
}

void ServerSession::State::judge_data(const Reply& verdict) {
    if (!input.empty()) return refuse_early_octets("DATA");
    if (!verdict.is_positive()) return append_wire(output, verdict);
    output += "354 Send the message, end it with <CR><LF>.<CR><LF>\r\n";
    decoder = DataDecoder(ContentFraming::dot_stuffed, options->bare_newlines, options->content_line_limit_octets);
    mode = ServerMode::data;
}

// The octets of a chunk follow its command whatever it is answered with, so they are counted off first.
MaybeStep ServerSession::State::begin_chunk(const Command& command) {
    const std::optional<Chunk> chunk = parse_chunk(command.argument);
    if (!chunk) {
        say(501, {5, 5, 4}, "Syntax: BDAT octets [LAST]; where the chunk ends is unknown, closing");
        close("BDAT without a usable size");
        return std::nullopt;
    }
    mode = ServerMode::chunk;
    chunk_remaining = chunk->octets;
    last_chunk = chunk->last;
    auto objection = content_objection();
    if (!options->offers_chunking) objection = Reply{502, EnhancedStatus{5, 5, 1}, "BDAT is not offered"};
    if (objection) {
        content_refusal = std::move(objection);
        return std::nullopt;
    }
    const Octets limit = options->message_size_limit;
    if (limit != 0 && chunk->octets > limit - std::min(limit, content_size)) {
        refuse_content(too_large(limit), "message too big");
        return std::nullopt;
    }
    if (has_chunks) return std::nullopt;
    awaited = AwaitedVerdict::chunk;
    return BeginContent{};
}

void ServerSession::State::judge_chunk(const Reply& verdict) {
    if (verdict.code == 421) return append_wire(output, verdict);  // the session ends: the octets are not waited for
    if (!verdict.is_positive()) return refuse_content(verdict, "content refused");
    has_chunks = true;
    const bool binary = envelope.body == mail::BodyType::binary_mime;
    decoder = DataDecoder(binary ? ContentFraming::binary : ContentFraming::counted, options->bare_newlines,
                          options->content_line_limit_octets);
}

void ServerSession::State::refuse_early_octets(std::string_view command) {
    const std::string what = "octets sent before the answer to " + std::string(command);
    say(554, {5, 5, 1}, "Protocol error: " + what + ", closing");
    close(what);
}

// --- content

MaybeStep ServerSession::State::take_data() {
    if (input.empty()) return NeedBytes{};
    const DataDecoder::Piece piece = decoder.decode(input.view());
    input.consume(piece.consumed);
    if (piece.finished) mode = ServerMode::content_end;
    return hand_out(piece.content);
}

MaybeStep ServerSession::State::take_chunk() {
    if (chunk_remaining == 0) return end_chunk();
    if (input.empty()) return NeedBytes{};
    const std::string_view arrived =
        input.view().substr(0, static_cast<std::size_t>(std::min<Octets>(chunk_remaining, input.view().size())));
    DataDecoder::Piece piece{{}, arrived.size(), false};
    if (!content_refusal) piece = decoder.decode(arrived);
    input.consume(piece.consumed);
    chunk_remaining -= piece.consumed;
    return hand_out(piece.content);
}

MaybeStep ServerSession::State::end_chunk() {
    if (content_refusal) {
        answer_refused_content();
        return std::nullopt;
    }
    if (last_chunk) {
        mode = ServerMode::content_end;
        return hand_out(decoder.finish());
    }
    mode = ServerMode::command;
    say(250, {2, 0, 0}, std::to_string(content_size) + " octets received");
    return std::nullopt;
}

// Hands out what keeps to the limits; what breaks them ends the transaction at once, so that nobody has to keep it, and
// is answered when its octets are over.
MaybeStep ServerSession::State::hand_out(std::string_view content) {
    if (content_refusal) return std::nullopt;
    const Octets limit = options->message_size_limit;
    const bool fits = limit == 0 || content.size() <= limit - content_size;
    if (!fits) content = content.substr(0, static_cast<std::size_t>(limit - content_size));
    content_size += content.size();
    if (!fits)
        refuse_content(too_large(limit), "message too big");
    else if (decoder.fault() != ContentFault::none)
        refuse_content(reply_to(decoder.fault(), options->content_line_limit_octets), reason_of(decoder.fault()));
    if (content.empty()) return std::nullopt;
    return Content{as_octets(content)};
}

MaybeStep ServerSession::State::end_content() {
    if (content_refusal) {
        answer_refused_content();
        return std::nullopt;
    }
    mode = ServerMode::command;
    awaited = AwaitedVerdict::message;
    return EndContent{};
}

void ServerSession::State::refuse_content(Reply reply, const char* reason) {
    content_refusal = std::move(reply);
    end_transaction(reason);
}

void ServerSession::State::answer_refused_content() {
    mode = ServerMode::command;
    const Reply reply = std::move(*content_refusal);
    content_refusal.reset();
    const bool is_protocol_error = reply.status && reply.status->subject == 5;
    if (is_protocol_error)
        refuse_command(reply);
    else
        append_wire(output, reply);
}

}  // namespace relevo::smtp
