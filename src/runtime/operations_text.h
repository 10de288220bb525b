// Metrics in Prometheus' text format, version 0.0.4.
#pragma once

#include <string>

#include "base/metrics.h"

namespace grapevine::runtime {

inline constexpr char kPrometheusContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// All metrics, sorted by kind, name and labels. Called on the executor of `metrics`.
std::string PrometheusText(const base::Metrics& metrics);

}  // namespace grapevine::runtime
