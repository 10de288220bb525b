#include "comm/received_message.h"

namespace grapevine::comm {

void ReceivedMessage::Ack(const std::string& error) const {
  Respond(wire::UnsignedEnvelope(wire::NewMessage(wire::Acknowledgement{error}, {}, message_.nonce)));
}

}  // namespace grapevine::comm
