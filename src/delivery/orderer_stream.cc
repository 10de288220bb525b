#include "delivery/orderer_stream.h"

#include <utility>

#include "delivery/deliver_messages.h"
#include "msp/block.h"

namespace grapevine::delivery {

namespace {

constexpr char kDeliverMethod[] = "/orderer.AtomicBroadcast/Deliver";
constexpr std::size_t kMaxReasonLength = 256;  // of what a remote gives as its reason

}  // namespace

OrdererStream::OrdererStream(const OrdererStreamContext& context, const OrdererAddress& address,
                             OrdererStreamOptions options, OrdererStreamUser& user)
    : context_(context), options_(options), user_(user), next_(options.start) {
  pending_ = context_.dialer.Dial(
      address, context_.conn_timeout,
      [this](base::Result<std::unique_ptr<base::Connection>> connection) { Connected(std::move(connection)); });
}

void OrdererStream::Connected(base::Result<std::unique_ptr<base::Connection>> connection) {
  if (!connection) return Fail({"dial", "cannot connect: " + connection.error().message});
  connection_ = std::move(*connection);
  const DeliverRequest request{context_.channel,
                               context_.identity,
                               context_.dialer.client_certificate(),
                               context_.environment.executor.WallNow(),
                               options_.start,
                               options_.headers_only};
  base::Bytes payload = MakeRequestPayload(request, context_.environment.random);
  pending_ = context_.crypto.Sign(
      payload, [this, payload](base::Result<base::Bytes> signature) { Signed(payload, std::move(signature)); });
}

void OrdererStream::Signed(const base::Bytes& payload, base::Result<base::Bytes> signature) {
  if (!signature) return Fail({"signing", "the request cannot be signed: " + signature.error().message, true});
  stream_ = connection_->Open(kDeliverMethod, {});
  stream_->SetHandler(*this);
  stream_->SetReceiveLimit(options_.max_message_bytes);
  stream_->Send(MakeRequestEnvelope(payload, *signature));
  if (wanted_ > 0) stream_->Read(std::exchange(wanted_, 0));
  user_.OnOpened();
}

void OrdererStream::Read() {
  if (stream_ != nullptr) {
    stream_->Read(1);
  } else {
    ++wanted_;
  }
}

void OrdererStream::OnMessage(base::Bytes message) {
  auto response = ParseDeliverResponse(message);
  if (!response) return Fail({"malformed", response.error().message});
  if (!response->block) {
    return Fail({"status", "it ended the delivery with status " + StatusName(response->status)});
  }
  const auto block = msp::ParseBlock(*response->block);
  if (!block) return Fail({"malformed", block.error().message});
  if (!block->has_header) return Fail({"malformed", "it sent a block without header"});
  if (block->header.number != next_) {
    return Fail({"wrong_number", fmt::format("it sent block {} instead of {}", block->header.number, next_)});
  }
  user_.OnBlock(next_++, std::move(*response->block));
}

void OrdererStream::OnHalfClose() { Fail({"stream_ended", "it ended the delivery"}); }

void OrdererStream::OnEnd(const base::Status& status) {
  Fail({"stream_ended",
        fmt::format("the stream ended: {} {}", ToString(status.code), status.message.substr(0, kMaxReasonLength))});
}

void OrdererStream::Fail(DeliverFailure failure) {
  stream_.reset();
  connection_.reset();
  user_.OnStreamFailed(std::move(failure));
}

}  // namespace grapevine::delivery
