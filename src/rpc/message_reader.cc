#include "rpc/message_reader.h"

#include <algorithm>
#include <utility>

namespace grapevine::rpc {

namespace {
// A length is a claim: memory grows as bytes come, in two steps. What is reserved after the second is not written to
// before its bytes come, costs nothing until then, and nothing large is copied twice.
constexpr std::size_t kFirstStep = 64UL << 10;
constexpr std::size_t kSecondStep = 1UL << 20;
}  // namespace

MessageReader::Outcome MessageReader::Feed(base::ByteView& input) {
  if (!in_body_) {
    const std::size_t part = std::min(header_.size() - header_size_, input.size());
    std::copy_n(input.begin(), part, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    input.remove_prefix(part);
    header_size_ += part;
    if (header_size_ < header_.size()) return Outcome::kNeedMore;
    if (const Outcome parsed = ParseHeader(); parsed != Outcome::kMessage) return parsed;
    body_.reserve(std::min(length_, kFirstStep));
  }
  const std::size_t part = std::min(length_ - body_.size(), input.size());
  if (const std::size_t size = body_.size() + part; size > body_.capacity()) {
    body_.reserve(size <= kSecondStep ? std::min(length_, kSecondStep) : length_);
  }
  body_.append(input.substr(0, part));
  input.remove_prefix(part);
  return body_.size() == length_ ? Outcome::kMessage : Outcome::kNeedMore;
}

MessageReader::Outcome MessageReader::ParseHeader() {
  if (header_[0] > 1) return Outcome::kBadFlags;
  if (header_[0] == 1) return Outcome::kCompressed;
  length_ = (std::size_t{header_[1]} << 24) | (std::size_t{header_[2]} << 16) | (std::size_t{header_[3]} << 8) |
            std::size_t{header_[4]};
  if (length_ > limit_) return Outcome::kTooLarge;
  in_body_ = true;
  return Outcome::kMessage;
}

base::Bytes MessageReader::Take() {
  in_body_ = false;
  header_size_ = 0;
  length_ = 0;
  return base::Bytes(std::exchange(body_, {}));
}

}  // namespace grapevine::rpc
