// A plain TCP connection that sends and receives any bytes: the misbehaving other end.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/io_loop.h"
#include "rpc/http2_frames.h"

namespace grapevine::rpc {

class RawPeer {
 public:
  // Takes over a connected descriptor.
  RawPeer(base::IoLoop& loop, int descriptor);
  // Connects to a port of 127.0.0.1.
  static std::unique_ptr<RawPeer> Connect(base::IoLoop& loop, int port);
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer();

  void Send(std::string_view bytes);
  void StopReading();
  void Close();

  // Complete frames received so far.
  const std::vector<Frame>& frames() const { return frames_; }
  // The first frame of this type (on this stream, unless 0), or null.
  const Frame* Find(FrameType type, std::uint32_t stream = 0) const;
  std::size_t Count(FrameType type) const;
  // The other end has closed or reset the connection.
  bool closed() const { return closed_; }
  // Bytes that the other end has not taken yet.
  std::size_t unsent() const { return out_.size(); }
  // Bytes in front of the frames to drop: a client's preface.
  void SkipPreface() { skip_ = kPreface.size(); }

 private:
  void OnReady(base::IoReady ready);
  void Read();
  void Write();
  void UpdateInterest();

  int descriptor_;
  std::unique_ptr<base::IoWatch> watch_;
  std::string in_;
  std::string out_;
  std::size_t skip_ = 0;
  std::vector<Frame> frames_;
  bool reading_ = true;
  bool closed_ = false;
};

// Accepts connections on a port of 127.0.0.1 and keeps them.
class RawListener {
 public:
  explicit RawListener(base::IoLoop& loop, std::function<void(int descriptor)> accepted);
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener();
  int port() const { return port_; }

 private:
  int descriptor_ = -1;
  int port_ = 0;
  std::function<void(int)> accepted_;
  std::unique_ptr<base::IoWatch> watch_;
};

// A connected, non-blocking descriptor to a port of 127.0.0.1.
int ConnectTo(int port);

}  // namespace grapevine::rpc
