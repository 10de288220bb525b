#include "base/metrics.h"

#include <algorithm>

namespace grapevine::base {

void Histogram::Observe(std::uint64_t value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  ++count_;
  sum_ += value;
}

std::uint64_t Histogram::Quantile(std::uint32_t permille) const {
  if (count_ == 0 || bounds_.empty()) return 0;
  const std::uint64_t wanted = (count_ * permille + 999) / 1000;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return bounds_[i];
  }
  return bounds_.back();
}

namespace {
template <typename Families, typename Make>
auto& FindOrMake(Families& families, const std::string& name, const std::string& help, const Labels& labels,
                 Make make) {
  auto& family = families[name];
  if (family.help.empty()) family.help = help;
  auto& member = family.members[labels];
  if (!member) member = make();
  return *member;
}

std::string FullName(const std::string& name, const Labels& labels) {
  if (labels.empty()) return name;
  std::string full = name + "{";
  for (const auto& [key, value] : labels) {
    if (full.back() != '{') full += ",";
    full += key + "=\"" + value + "\"";
  }
  return full + "}";
}
}  // namespace

Counter& Metrics::GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return FindOrMake(counters_, name, help, labels, [] { return std::make_unique<Counter>(); });
}

Gauge& Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return FindOrMake(gauges_, name, help, labels, [] { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::GetHistogram(const std::string& name, const std::string& help, std::vector<std::uint64_t> bounds,
                                 const Labels& labels) {
  return FindOrMake(histograms_, name, help, labels, [&] { return std::make_unique<Histogram>(std::move(bounds)); });
}

Histogram& Metrics::GetTimeHistogram(const std::string& name, const std::string& help, const Labels& labels) {
  static constexpr std::uint64_t kMillisecond = 1'000'000;
  static constexpr std::uint64_t kSecond = 1000 * kMillisecond;
  return FindOrMake(histograms_, name, help, labels, [] {
    std::vector<std::uint64_t> bounds;
    for (const std::uint64_t milliseconds : {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000}) {
      bounds.push_back(milliseconds * kMillisecond);
    }
    return std::make_unique<Histogram>(std::move(bounds), kSecond);
  });
}

std::uint64_t Metrics::CounterValue(const std::string& name, const Labels& labels) const {
  const auto family = counters_.find(name);
  if (family == counters_.end()) return 0;
  const auto member = family->second.members.find(labels);
  return member == family->second.members.end() ? 0 : member->second->value();
}

std::map<std::string, std::int64_t> Metrics::Snapshot() const {
  std::map<std::string, std::int64_t> values;
  for (const auto& [name, family] : counters_) {
    for (const auto& [labels, counter] : family.members) {
      values[FullName(name, labels)] = static_cast<std::int64_t>(counter->value());
    }
  }
  for (const auto& [name, family] : gauges_) {
    for (const auto& [labels, gauge] : family.members) values[FullName(name, labels)] = gauge->value();
  }
  return values;
}

}  // namespace grapevine::base
