#include "transcripts/recording.h"

#include <stdexcept>

#include "support/fixtures.h"

namespace grapevine::transcripts {

std::vector<wire::Message> Recording::Sent(int stream) const {
  std::vector<wire::Message> sent;
  for (const RecordedMessage& message : messages) {
    if (!message.received && message.stream == stream) sent.push_back(message.message);
  }
  return sent;
}

std::set<std::uint64_t> Recording::BlocksPulled() const {
  std::set<std::uint64_t> numbers;
  for (const RecordedMessage& message : messages) {
    const auto* update = message.received ? message.message.As<wire::PullUpdate>() : nullptr;
    if (update == nullptr) continue;
    for (const wire::Envelope& item : update->data) {
      const auto inside = wire::DecodeMessage(item.payload());
      const auto* data = inside ? inside->As<wire::DataMessage>() : nullptr;
      if (data != nullptr) numbers.insert(data->payload.number);
    }
  }
  return numbers;
}

Recording ReadRecording(const std::string& name, const std::string& observer) {
  const auto index = testing::ReadFixtureJson("transcripts/" + name + ".json");
  const base::Bytes bytes(testing::ReadFixture("transcripts/" + name + ".bin"));
  Recording recording;
  recording.start = base::WallTime(base::Duration(std::stoll(index["start_ns"].get<std::string>())));
  for (const auto& record : index["records"]) {
    if (record.contains("event") || record["observer"] != observer) continue;
    RecordedMessage message;
    message.at = std::chrono::microseconds(record["us"].get<std::int64_t>());
    message.remote = record["remote"];
    message.stream = record["stream"];
    message.received = record["direction"] == "received";
    message.type = record["type"];
    const auto envelope = wire::Envelope::Decode(
        base::Bytes::Copy(bytes.Slice(record["offset"].get<std::size_t>(), record["size"].get<std::size_t>())));
    if (!envelope) throw std::runtime_error(name + ": an envelope does not decode");
    const auto decoded = wire::DecodeMessage(envelope->payload());
    if (!decoded) throw std::runtime_error(name + ": a message does not decode");
    message.envelope = *envelope;
    message.message = *decoded;
    recording.messages.push_back(std::move(message));
  }
  return recording;
}

}  // namespace grapevine::transcripts
