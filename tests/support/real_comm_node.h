// A node's communication layer in the real world: sockets, mutual TLS and X.509 identities of a test network.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "comm/comm.h"
#include "msp/identity_mapper.h"
#include "msp/msp_folder.h"
#include "msp/msp_message_crypto.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "runtime/event_loop.h"
#include "testnet/network.h"

namespace grapevine::testing {

// The TLS files of one member, parsed once and shared by all nodes that use them.
struct TlsMaterial {
  TlsMaterial(const testnet::Network& network, const testnet::Member& member)
      : identity(rpc::TlsIdentity::FromPem(member.tls_certificate, member.tls_key.PrivatePem()).value()) {
    std::vector<std::string> authorities;
    for (const auto& organization : network.organizations()) authorities.push_back(organization.tls_ca.certificate);
    trust = rpc::TlsTrust::FromPem(authorities).value();
  }
  rpc::TlsIdentitySource IdentitySource() const {
    return [identity = identity] { return identity; };
  }
  rpc::TlsTrustSource TrustSource() const {
    return [trust = trust] { return trust; };
  }
  std::shared_ptr<const rpc::TlsIdentity> identity;
  std::shared_ptr<const rpc::TlsTrust> trust;
};

// Uses the loop and the workers of the test; everything else is its own. Destroying it is a crash of the node.
struct RealCommNode {
  RealCommNode(runtime::EventLoop& on, base::Workers& with, const testnet::Organization& organization,
               const testnet::Member& member, const TlsMaterial& tls, std::uint64_t seed, comm::CommConfig config = {})
      : loop(on),
        workers(with),
        random(seed),
        crypto(environment(), Load(organization, member, on.WallNow())),
        mapper(environment(), crypto, crypto.own_identity()),
        server(rpc::GrpcServer::Listen(on, ServerOptions(tls), &metrics).value()),
        transport(on, with, ClientOptions(tls), &metrics),
        comm(std::make_unique<comm::Comm>(environment(), transport, *server, mapper, crypto, config)) {
    observer = comm->OnPresumedDead([this](const wire::PkiId&) { ++presumed_dead; });
  }

  base::Environment environment() { return {loop, workers, random, metrics, base::Logger()}; }
  wire::PkiId pki_id() const { return mapper.own_pki_id(); }
  comm::RemotePeer remote() const { return {server->address(), pki_id()}; }

  static msp::LocalMsp Load(const testnet::Organization& organization, const testnet::Member& member,
                            base::WallTime now) {
    return msp::LoadLocalMsp(testnet::LocalMspFolder(organization, member), member.msp_id, msp::MspVersion::kV1_4_3,
                             now)
        .value();
  }
  static rpc::ServerOptions ServerOptions(const TlsMaterial& tls) {
    rpc::ServerOptions options;
    options.tls = rpc::TlsServerConfig{
        .identity = tls.IdentitySource(), .client_trust = tls.TrustSource(), .require_client_certificate = true};
    return options;
  }
  static rpc::ClientOptions ClientOptions(const TlsMaterial& tls) {
    rpc::ClientOptions options;
    options.tls = rpc::TlsClientConfig{.identity = tls.IdentitySource(), .trust = tls.TrustSource()};
    return options;
  }

  runtime::EventLoop& loop;
  base::Workers& workers;
  base::Random random;
  base::Metrics metrics;
  msp::MspMessageCrypto crypto;
  msp::IdentityMapper mapper;
  std::unique_ptr<rpc::GrpcServer> server;
  rpc::GrpcTransport transport;
  std::unique_ptr<comm::Comm> comm;
  base::Handle observer;
  int presumed_dead = 0;
};

}  // namespace grapevine::testing
