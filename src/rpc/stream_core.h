// One gRPC stream, either side: messages, credit, deadline and status. HTTP/2 frames are the Session's affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"
#include "base/transport.h"
#include "rpc/headers.h"
#include "rpc/message_queue.h"
#include "rpc/message_reader.h"

namespace grapevine::rpc {

class Session;

// Shared by the session, as long as HTTP/2 knows the stream, and by the user's base::Stream. Methods of the first group
// are called by the user and cause events later; those of the second by the session inside events, and call handlers.
class StreamCore : public std::enable_shared_from_this<StreamCore> {
 public:
  enum class Side { kClient, kServer };
  StreamCore(Session& session, Side side);

  // --- The user's calls, as base::Stream has them.
  void SetHandler(base::StreamHandler& handler);
  void Send(base::Bytes message);
  void Read(std::size_t messages);
  void SetReceiveLimit(std::size_t bytes);
  void HalfClose();
  void Finish(base::Status status);
  // The user has destroyed its Stream.
  void LetGo();
  std::size_t unsent() const { return unsent_; }
  const base::Metadata& metadata() const { return metadata_; }
  const base::PeerInfo& peer() const { return *peer_; }
  const std::string& method() const { return method_; }

  // --- The session's calls.
  void SetTimeout(base::Duration timeout);
  void SetRequest(std::string method, base::Metadata metadata);
  // Client: a header block of the answer, its start or its trailers.
  void ReceiveHeaders(HeaderBlock& block, bool end_stream);
  void ReceiveData(base::ByteView data);
  // The remote has ended its direction without trailers.
  void ReceiveEnd();
  // HTTP/2 has closed the stream.
  void Closed(std::uint32_t http2_error, bool going_away);
  // Server: refuses what the client did; the status is sent and is the end here as well.
  void Abort(const base::Status& status);
  // The last event, unless it has been.
  void End(const base::Status& status);
  // The session is gone, or never took the stream.
  void Unlink() { session_ = nullptr; }
  // The session is gone; no event follows.
  void Orphan();
  void Sent(std::size_t messages);

  // What HTTP/2 may take now.
  std::size_t queued_bytes() const { return queue_.bytes(); }
  bool output_ends() const { return half_closed_ || finish_.has_value(); }
  const std::optional<base::Status>& finish() const { return finish_; }
  void Prepared(std::size_t bytes) { prepared_ = bytes; }
  std::size_t Write(std::size_t bytes, std::string& out);
  bool ended() const { return ended_; }

  // Kept for the session.
  std::int32_t id = 0;      // 0 as soon as HTTP/2 has closed the stream
  std::int32_t number = 0;  // the same, but for ever
  bool headers_sent = false;
  bool deferred = false;  // HTTP/2 waits to be told of more output
  bool remote_ended = false;
  bool end_produced = false;              // the own END_STREAM is on its way
  std::unique_ptr<HeaderBlock> incoming;  // while a header block is being received

 private:
  bool client() const { return side_ == Side::kClient; }
  void Advance();
  // Hands on what `input` completes; returns how many bytes were used.
  std::size_t Deliver(base::ByteView input);
  bool DeliverOne(MessageReader::Outcome outcome);
  void DeliverEnd();
  void GrowWindow(std::uint32_t bytes);
  void ScheduleAdvance();
  void Violated(const base::Status& status);
  void MarkEnded();
  void DropQueue();
  void DropInput();

  Session* session_;
  Side side_;
  std::shared_ptr<const base::PeerInfo> peer_;
  base::StreamHandler* handler_ = nullptr;
  std::string method_;
  base::Metadata metadata_;

  MessageQueue queue_;
  std::size_t unsent_ = 0;
  std::size_t prepared_ = 0;  // of queue_, already announced in a frame header
  bool half_closed_ = false;
  std::optional<base::Status> finish_;
  bool dropping_ = false;

  MessageReader reader_;
  std::string held_;           // received without credit
  std::size_t held_from_ = 0;  // what of it has been used
  std::size_t credit_ = 0;
  bool delivering_ = false;
  bool advance_scheduled_ = false;
  bool half_close_reported_ = false;
  std::uint32_t window_;  // what the remote may send ahead of the consumer
  bool has_delivered_ = false;
  std::optional<base::Status> trailers_;

  bool ended_ = false;
  base::Handle deadline_;
};

// What users hold.
std::unique_ptr<base::Stream> MakeStream(std::shared_ptr<StreamCore> core);

}  // namespace grapevine::rpc
