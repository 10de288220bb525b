#include "runtime/operations_text.h"

#include <fmt/core.h>

#include <cstdint>
#include <string_view>

namespace grapevine::runtime {

using base::Histogram;
using base::Labels;

namespace {

std::string EscapeHelp(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string EscapeValue(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      escaped += '\\';
      escaped += c;
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      // One value that is not UTF-8 would make Prometheus refuse everything.
      escaped += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
  }
  return escaped;
}

// {a="b",le="1"}; `bound` is empty for what is not a bucket.
std::string LabelText(const Labels& labels, std::string_view bound = {}) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, EscapeValue(value));
  if (!bound.empty()) text += fmt::format("{}le=\"{}\"", text.empty() ? "" : ",", bound);
  return text.empty() ? "" : "{" + text + "}";
}

std::string InUnits(std::uint64_t value, std::uint64_t per_unit) {
  if (per_unit == 1) return fmt::format("{}", value);
  return fmt::format("{}", static_cast<double>(value) / static_cast<double>(per_unit));
}

void AppendHead(std::string& output, const std::string& name, const std::string& help, std::string_view type) {
  output += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, EscapeHelp(help), name, type);
}

template <typename Families>
void AppendValues(std::string& output, const Families& families, std::string_view type) {
  for (const auto& [name, family] : families) {
    AppendHead(output, name, family.help, type);
    for (const auto& [labels, metric] : family.members) {
      output += fmt::format("{}{} {}\n", name, LabelText(labels), metric->value());
    }
  }
}

void AppendHistogram(std::string& output, const std::string& name, const Labels& labels, const Histogram& histogram) {
  std::uint64_t at_or_below = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    at_or_below += histogram.counts()[i];
    const std::string bound = InUnits(histogram.bounds()[i], histogram.per_unit());
    output += fmt::format("{}_bucket{} {}\n", name, LabelText(labels, bound), at_or_below);
  }
  output += fmt::format("{}_bucket{} {}\n", name, LabelText(labels, "+Inf"), histogram.count());
  output += fmt::format("{}_sum{} {}\n", name, LabelText(labels), InUnits(histogram.sum(), histogram.per_unit()));
  output += fmt::format("{}_count{} {}\n", name, LabelText(labels), histogram.count());
}

}  // namespace

std::string PrometheusText(const base::Metrics& metrics) {
  std::string output;
  AppendValues(output, metrics.counters(), "counter");
  AppendValues(output, metrics.gauges(), "gauge");
  for (const auto& [name, family] : metrics.histograms()) {
    AppendHead(output, name, family.help, "histogram");
    for (const auto& [labels, histogram] : family.members) AppendHistogram(output, name, labels, *histogram);
  }
  return output;
}

}  // namespace grapevine::runtime
