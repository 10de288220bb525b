// Settings that both variants of the gRPC C++ library share.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "comm_bench.h"

namespace grapevine::bench {

inline std::shared_ptr<grpc::Channel> NewChannel(const std::string& target) {
  TlsFiles files = Tls(1);
  auto credentials = grpc::SslCredentials({ReadFile(files.ca), ReadFile(files.key), ReadFile(files.certificate)});
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own for every channel
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

inline std::shared_ptr<grpc::ServerCredentials> ServerCredentials() {
  TlsFiles files = Tls(0);
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = ReadFile(files.ca);
  tls.pem_key_cert_pairs.push_back({ReadFile(files.key), ReadFile(files.certificate)});
  return grpc::SslServerCredentials(tls);
}

inline grpc::ByteBuffer Message(std::size_t size) {
  grpc::Slice slice(std::string(size, 'm'));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace grapevine::bench
