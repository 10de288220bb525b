// What the operations endpoint answers, apart from how requests arrive (operations_server.h). Paths, bodies and codes
// are those of Fabric's operations service; a wrong method is answered with 405.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/metrics.h"
#include "runtime/log_output.h"

namespace grapevine::runtime {

struct FailedCheck {
  std::string component;
  std::string reason;
};

// What is shown. The references must outlive the handler; everything is used on its executor.
struct OperationsSources {
  base::Metrics& metrics;
  bool show_metrics = false;  // metrics.provider is prometheus
  LogOutput& log;
  std::function<std::vector<FailedCheck>()> check_health;  // nothing failed: healthy. Must not block.
  std::string version;
  std::string commit;
};

struct OperationsRequest {
  std::string_view method;
  std::string_view path;
  std::string_view body;
  // Neither logs nor metrics are for everybody who reaches a port with TLS: only for clients with a certificate.
  bool trusted = true;
};

struct OperationsResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // of 405
};

// /metrics, /healthz, /version and /logspec.
class OperationsHandler {
 public:
  OperationsHandler(const base::Executor& executor, OperationsSources sources);
  // Counts what is refused: operations_refused{reason}.
  OperationsResponse Handle(const OperationsRequest& request);
  void CountRefused(const std::string& reason);

 private:
  OperationsResponse Metrics() const;
  OperationsResponse Health() const;
  OperationsResponse Version() const;
  OperationsResponse LogSpec(const OperationsRequest& request);
  OperationsResponse WrongMethod(std::string allow);

  const base::Executor& executor_;
  OperationsSources sources_;
};

}  // namespace grapevine::runtime
