#include "runtime/operations_handler.h"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/operations_text.h"

namespace grapevine::runtime {

using Json = nlohmann::ordered_json;

namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";

OperationsResponse Text(unsigned status, std::string text) {
  return {.status = status, .content_type = kPlainText, .body = std::move(text), .allow = {}};
}

OperationsResponse AsJson(unsigned status, const Json& body) {
  // Texts of others may not be UTF-8.
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace), .allow = {}};
}

OperationsResponse BadSpec(const std::string& why) { return AsJson(400, {{"error", why}}); }

bool IsRead(std::string_view method) { return method == "GET" || method == "HEAD"; }

std::string Rfc3339(base::WallTime time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds.count()), (milliseconds - seconds).count());
}

}  // namespace

OperationsHandler::OperationsHandler(const base::Executor& executor, OperationsSources sources)
    : executor_(executor), sources_(std::move(sources)) {}

void OperationsHandler::CountRefused(const std::string& reason) {
  sources_.metrics
      .GetCounter("operations_refused", "Requests and connections that the operations endpoint refused.",
                  {{"reason", reason}})
      .Add();
}

OperationsResponse OperationsHandler::Handle(const OperationsRequest& request) {
  const bool protects = request.path == "/metrics" || request.path == "/logspec";
  if (protects && !request.trusted) {
    CountRefused("no_client_certificate");
    return Text(401, "a client certificate of a CA in operations.tls.clientRootCAs.files is required\n");
  }
  if (request.path == "/logspec") return LogSpec(request);
  const bool known = request.path == "/metrics" || request.path == "/healthz" || request.path == "/version";
  if (!known) {
    CountRefused("unknown_path");
    return Text(404, "404 page not found; there are /metrics, /healthz, /version and /logspec\n");
  }
  if (!IsRead(request.method)) return WrongMethod("GET, HEAD");
  if (request.path == "/metrics") return Metrics();
  return request.path == "/healthz" ? Health() : Version();
}

OperationsResponse OperationsHandler::WrongMethod(std::string allow) {
  CountRefused("wrong_method");
  OperationsResponse response = AsJson(405, {{"error", "wrong method; allowed: " + allow}});
  response.allow = std::move(allow);
  return response;
}

OperationsResponse OperationsHandler::Metrics() const {
  if (!sources_.show_metrics) {
    return Text(404,
                "metrics are not shown; set metrics.provider to prometheus in core.yaml "
                "(CORE_METRICS_PROVIDER=prometheus)\n");
  }
  return {.content_type = kPrometheusContentType, .body = PrometheusText(sources_.metrics), .allow = {}};
}

OperationsResponse OperationsHandler::Health() const {
  const auto failed = sources_.check_health ? sources_.check_health() : std::vector<FailedCheck>();
  Json body = {{"status", failed.empty() ? "OK" : "Service Unavailable"}, {"time", Rfc3339(executor_.WallNow())}};
  for (const auto& check : failed) {
    body["failed_checks"].push_back({{"component", check.component}, {"reason", check.reason}});
  }
  return AsJson(failed.empty() ? 200 : 503, body);
}

OperationsResponse OperationsHandler::Version() const {
  return AsJson(200, {{"CommitSHA", sources_.commit}, {"Version", sources_.version}});
}

OperationsResponse OperationsHandler::LogSpec(const OperationsRequest& request) {
  if (IsRead(request.method)) return AsJson(200, {{"spec", sources_.log.spec().ToString()}});
  if (request.method != "PUT") return WrongMethod("GET, HEAD, PUT");
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("spec") || !body["spec"].is_string()) {
    CountRefused("malformed_logspec");
    return BadSpec(R"(the body must be like {"spec":"gossip=debug:info"})");
  }
  const auto spec = ParseLogSpec(body["spec"].get<std::string>());
  if (!spec) {
    CountRefused("malformed_logspec");
    return BadSpec(spec.error().message);
  }
  sources_.log.SetSpec(*spec);
  return {.status = 204, .body = {}, .allow = {}};
}

}  // namespace grapevine::runtime
