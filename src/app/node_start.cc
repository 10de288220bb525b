#include "app/node_start.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/admin_service.h"
#include "node/config_check.h"
#include "runtime/configuration_file.h"
#include "runtime/event_loop.h"
#include "runtime/file_watch.h"
#include "runtime/log_output.h"
#include "runtime/operations_peer.h"
#include "runtime/operations_server.h"
#include "runtime/peer.h"
#include "runtime/posix_files.h"
#include "runtime/signal_watch.h"
#include "runtime/worker_pool.h"

namespace grapevine::app {

using base::ErrorCode;
using base::Fail;
using base::Result;

namespace {

constexpr base::Duration kLogSummaryInterval = std::chrono::seconds(10);

// FABRIC_LOGGING_SPEC and FABRIC_LOGGING_FORMAT.
Result<runtime::LogOptions> ReadLogOptions(const runtime::ProcessEnvironment& environment) {
  runtime::LogOptions options;
  const auto text = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  auto spec = runtime::ParseLogSpec(text("FABRIC_LOGGING_SPEC"));
  if (!spec) return base::Wrap(spec.error(), "FABRIC_LOGGING_SPEC");
  options.spec = std::move(*spec);
  const auto format = runtime::ParseLogFormat(text("FABRIC_LOGGING_FORMAT"));
  if (!format) return base::Wrap(format.error(), "FABRIC_LOGGING_FORMAT");
  options.format = *format;
  return options;
}

// All that the operations endpoint uses, to see whether it was renewed.
std::vector<std::string> TextOf(const runtime::TlsMaterial& tls) {
  std::vector<std::string> text = tls.client_authorities;
  if (tls.server != nullptr) text.insert(text.end(), {tls.server->ChainPem(), tls.server->KeyPem()});
  return text;
}

// Everything of a running node, in the order in which it is made.
class NodeProcess {
 public:
  NodeProcess(const NodeStartOptions& options, runtime::LogOptions log, std::ostream& out)
      : options_(options), out_(out), sink_(std::move(log)) {}

  Result<void> Run() {
    if (auto read = ReadConfiguration(); !read) return read;
    if (auto opened = OpenPeer(); !opened) return opened;
    if (auto started = StartServices(); !started) return started;
    Announce();
    loop_.Run();
    log_.Info("stopped");
    return {};
  }

 private:
  Result<void> ReadConfiguration() {
    auto loaded = runtime::LoadConfiguration(options_.config, runtime::ReadProcessEnvironment());
    if (!loaded) return std::unexpected(loaded.error());
    configuration_ = std::move(loaded->reading.configuration);
    node::ConfigFindings findings = std::move(loaded->reading.findings);
    std::ranges::move(node::Check(configuration_), std::back_inserter(findings));
    for (const auto& finding : findings) {
      if (finding.severity == node::Severity::kNote) log_.Info("{}", ToString(finding));
      if (finding.severity == node::Severity::kWarning) log_.Warn("{}", ToString(finding));
      if (finding.severity == node::Severity::kError) log_.Error("{}", ToString(finding));
    }
    if (!node::HasError(findings)) return {};
    return Fail(ErrorCode::kInvalid,
                "the configuration '{}' has errors, listed above: `grapevine node check` lists all", loaded->path);
  }

  Result<runtime::PeerFiles> LoadFiles() {
    auto files = runtime::LoadPeerFiles(configuration_);
    if (!files) return files;
    for (const auto& finding : files->warnings) log_.Warn("{}", ToString(finding));
    return files;
  }

  Result<void> OpenPeer() {
    auto files = LoadFiles();
    if (!files) return std::unexpected(files.error());
    operations_tls_ = files->operations_tls;
    auto peer =
        runtime::Peer::Open({.loop = loop_, .workers = workers_, .files = file_system_, .log = sink_},
                            {.configuration = configuration_, .files = std::move(*files), .hooks = {}, .seed = {}});
    if (!peer) return std::unexpected(peer.error());
    peer_ = std::move(*peer);
    workers_.ShowIn(peer_->metrics());
    return {};
  }

  Result<void> StartServices() {
    auto admin = AdminService::Listen(loop_, *peer_, configuration_.admin_socket, options_.version);
    if (!admin) return std::unexpected(admin.error());
    admin_ = std::move(*admin);
    if (auto listening = ListenForOperations(); !listening) return listening;
    WriteLogSummaries();
    auto watch = runtime::FileWatch::Start(loop_, runtime::WatchedPaths(configuration_), [this] { Reload(); });
    if (watch) {
      file_watch_ = std::move(*watch);
    } else {
      log_.Warn("renewed certificates are taken up on SIGHUP only: {}", watch.error().message);
    }
    return peer_->Start();
  }

  Result<void> ListenForOperations() {
    auto operations = runtime::ListenForOperations(loop_, *peer_, sink_, operations_tls_,
                                                   {.version = options_.version, .commit = options_.commit});
    if (!operations) return std::unexpected(operations.error());
    operations_ = std::move(*operations);
    if (operations_) log_.Info("operations endpoint at {}", operations_->address());
    return {};
  }

  // Also when nothing more is logged.
  void WriteLogSummaries() {
    sink_.WriteSummaries();
    log_summaries_ = loop_.After(kLogSummaryInterval, [this] { WriteLogSummaries(); });
  }

  void Announce() {
    const auto channels = peer_->Channels();
    const std::string joined = channels.empty() ? "no channels yet: grapevine channel join -b BLOCK"
                                                : fmt::format("channels {}", fmt::join(channels, ", "));
    fmt::print(out_, "grapevine {}: {} of {} at {}, {}\n", options_.version, configuration_.id,
               configuration_.organization, peer_->endpoint(), joined);
    out_.flush();
    if (options_.ready_fd < 0) return;
    constexpr std::string_view kReady = "ready\n";
    if (write(options_.ready_fd, kReady.data(), kReady.size()) < 0) {
      log_.Warn("nobody reads from descriptor {} (--ready-fd)", options_.ready_fd);
    }
    close(options_.ready_fd);
  }

  void Reload() {
    if (stopping_) return;
    auto files = LoadFiles();
    if (files) RenewOperations(files->operations_tls);
    const Result<void> taken = files ? peer_->Reload(std::move(*files)) : std::unexpected(files.error());
    if (!taken) log_.Error("renewed certificates and keys are not taken up: {}", taken.error().message);
  }

  // The endpoint reads its certificate only when it begins to listen.
  void RenewOperations(const runtime::TlsMaterial& tls) {
    const bool renewed = TextOf(tls) != TextOf(std::exchange(operations_tls_, tls));
    if (!renewed && operations_ != nullptr) return;
    operations_.reset();
    if (const auto again = ListenForOperations(); !again) log_.Error("{}", again.error().message);
  }

  void Stop() {
    // The next signal has its default effect.
    terminate_.reset();
    interrupt_.reset();
    stopping_ = true;
    log_.Info("stopping");
    file_watch_.reset();
    admin_.reset();
    operations_.reset();
    peer_->Stop([this] { loop_.Stop(); });
  }

  const NodeStartOptions& options_;
  std::ostream& out_;
  node::Configuration configuration_;
  runtime::LogOutput sink_;
  base::Logger log_{&sink_, "node"};
  runtime::PosixFileSystem file_system_;
  runtime::EventLoop loop_;
  // Before the first thread.
  std::optional<runtime::SignalWatch> terminate_{std::in_place, loop_, SIGTERM, [this] { Stop(); }};
  std::optional<runtime::SignalWatch> interrupt_{std::in_place, loop_, SIGINT, [this] { Stop(); }};
  runtime::SignalWatch hang_up_{loop_, SIGHUP, [this] { Reload(); }};
  runtime::WorkerPool workers_{loop_, std::max(2U, std::thread::hardware_concurrency())};
  std::unique_ptr<runtime::Peer> peer_;
  std::unique_ptr<AdminService> admin_;
  runtime::TlsMaterial operations_tls_;
  std::unique_ptr<runtime::OperationsServer> operations_;
  base::Handle log_summaries_;
  std::unique_ptr<runtime::FileWatch> file_watch_;
  bool stopping_ = false;
};

}  // namespace

int RunNodeStart(const NodeStartOptions& options, std::ostream& out, std::ostream& err) {
  auto log = ReadLogOptions(runtime::ReadProcessEnvironment());
  const auto run = log ? NodeProcess(options, std::move(*log), out).Run() : std::unexpected(log.error());
  if (run) return 0;
  fmt::print(err, "Error: {}\n", run.error().message);
  return 1;
}

}  // namespace grapevine::app
