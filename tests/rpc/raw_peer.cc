#include "rpc/raw_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace grapevine::rpc {

namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

int ConnectTo(int port) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  // Blocking, which on loopback the listening kernel answers at once.
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

RawPeer::RawPeer(base::IoLoop& loop, int descriptor) : descriptor_(descriptor) {
  watch_ = loop.Watch(descriptor_, [this](base::IoReady ready) { OnReady(ready); });
  UpdateInterest();
}

std::unique_ptr<RawPeer> RawPeer::Connect(base::IoLoop& loop, int port) {
  return std::make_unique<RawPeer>(loop, ConnectTo(port));
}

RawPeer::~RawPeer() { Close(); }

void RawPeer::Close() {
  if (descriptor_ < 0) return;
  watch_.reset();
  close(descriptor_);
  descriptor_ = -1;
  closed_ = true;
}

void RawPeer::Send(std::string_view bytes) {
  if (closed_) return;
  out_ += bytes;
  Write();
  UpdateInterest();
}

void RawPeer::StopReading() {
  reading_ = false;
  UpdateInterest();
}

const Frame* RawPeer::Find(FrameType type, std::uint32_t stream) const {
  auto found = std::find_if(frames_.begin(), frames_.end(), [&](const Frame& frame) {
    return frame.type == type && (stream == 0 || frame.stream == stream);
  });
  return found == frames_.end() ? nullptr : &*found;
}

std::size_t RawPeer::Count(FrameType type) const {
  return static_cast<std::size_t>(
      std::count_if(frames_.begin(), frames_.end(), [&](const Frame& frame) { return frame.type == type; }));
}

void RawPeer::OnReady(base::IoReady ready) {
  if (ready.writable) Write();
  if ((ready.readable || ready.failed) && !closed_) Read();
  UpdateInterest();
}

void RawPeer::Read() {
  char buffer[16384];
  ssize_t size = recv(descriptor_, buffer, sizeof buffer, 0);
  if (size == 0 || (size < 0 && errno != EAGAIN)) {
    closed_ = true;
    out_.clear();
    return;
  }
  if (size < 0) return;
  in_.append(buffer, static_cast<std::size_t>(size));
  std::size_t skipped = std::min(skip_, in_.size());
  in_.erase(0, skipped);
  skip_ -= skipped;
  if (skip_ > 0) return;
  for (Frame& frame : TakeFrames(in_)) frames_.push_back(std::move(frame));
}

void RawPeer::Write() {
  if (closed_ || out_.empty()) return;
  ssize_t size = send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (size > 0) out_.erase(0, static_cast<std::size_t>(size));
  // What a dead connection did not take is of no interest; Read learns that it is dead.
  if (size < 0 && errno != EAGAIN) out_.clear();
}

void RawPeer::UpdateInterest() {
  if (watch_) watch_->SetInterest(reading_ && !closed_, !out_.empty() && !closed_);
}

RawListener::RawListener(base::IoLoop& loop, std::function<void(int)> accepted) : accepted_(std::move(accepted)) {
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  if (bind(descriptor_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(descriptor_, 16) != 0 ||
      getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  watch_ = loop.Watch(descriptor_, [this](base::IoReady) {
    int connection = accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0) accepted_(connection);
  });
  watch_->SetInterest(true, false);
}

RawListener::~RawListener() {
  watch_.reset();
  close(descriptor_);
}

}  // namespace grapevine::rpc
