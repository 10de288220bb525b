// Streams between real Fabric peers, as they were recorded (tests/data/fabric-2.5.5/transcripts).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "wire/envelope.h"
#include "wire/message.h"

namespace grapevine::transcripts {

struct RecordedMessage {
  base::Duration at{};  // since the beginning
  std::string remote;   // "peer0.org1"
  int stream = 0;
  bool received = false;  // by the observer; otherwise sent
  std::string type;       // as the index names it: "mem_req", "hello_identity"
  wire::Envelope envelope;
  wire::Message message;
};

struct Recording {
  // What the observer sent on a stream.
  std::vector<wire::Message> Sent(int stream) const;
  // Numbers of the blocks in the updates that the observer received.
  std::set<std::uint64_t> BlocksPulled() const;

  base::WallTime start;
  std::vector<RecordedMessage> messages;  // in the observer's order
};

// Throws if the files are missing or malformed. Of recordings with two observers only the messages of `observer`.
Recording ReadRecording(const std::string& name, const std::string& observer);

}  // namespace grapevine::transcripts
