// Serves the admin socket of a running node (admin_protocol.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/io_loop.h"
#include "base/transport.h"
#include "runtime/peer.h"

namespace grapevine::rpc {
class GrpcServer;
}

namespace grapevine::app {

// One executor, the loop's; destroying it ends it. Who may connect is the operating system's business: the socket is
// for the own user only.
class AdminService {
 public:
  // Listens at `socket`, an absolute path. `loop` and `peer` are borrowed and must outlive it. `version`: of the
  // program.
  static base::Result<std::unique_ptr<AdminService>> Listen(base::IoLoop& loop, runtime::Peer& peer,
                                                            const std::string& socket, std::string version);
  ~AdminService();
  AdminService(const AdminService&) = delete;
  AdminService& operator=(const AdminService&) = delete;

 private:
  using CallPtr = std::shared_ptr<base::UnaryCall>;

  AdminService(runtime::Peer& peer, std::string version, std::unique_ptr<rpc::GrpcServer> server);
  void Serve(const char* method, void (AdminService::*handler)(const CallPtr& call));
  void Status(const CallPtr& call);
  void Channels(const CallPtr& call);
  void GetInfo(const CallPtr& call);
  void Join(const CallPtr& call);
  void Leave(const CallPtr& call);
  void Fetch(const CallPtr& call);
  void Peers(const CallPtr& call);
  // Reads a block for `use`; at most kMaxReads at a time.
  void Read(const CallPtr& call, ledger::Ledger& ledger, std::uint64_t number,
            std::move_only_function<void(const base::Bytes& block)> use);

  runtime::Peer& peer_;
  std::string version_;
  std::unique_ptr<rpc::GrpcServer> server_;
  std::vector<base::Handle> served_;
  std::map<std::uint64_t, base::Handle> reads_;
  std::uint64_t next_read_ = 0;
  base::Lifetime lifetime_;
};

}  // namespace grapevine::app
