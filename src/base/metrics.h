// Metrics of one node: counters, gauges and histograms by name and labels, read by the operations endpoint, the demo
// and tests. Names are Fabric's where Fabric has the metric. One executor only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace grapevine::base {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void Add(std::uint64_t amount = 1) { value_ += amount; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

class Gauge {
 public:
  void Set(std::int64_t value) { value_ = value; }
  void Add(std::int64_t amount) { value_ += amount; }
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_ = 0;
};

// Counts of observations at or below each bound; the last count has no bound.
class Histogram {
 public:
  // `per_unit` observed units are one unit of what the operations endpoint shows: 10^9 for nanoseconds shown as
  // seconds.
  explicit Histogram(std::vector<std::uint64_t> bounds, std::uint64_t per_unit = 1)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1), per_unit_(per_unit) {}
  void Observe(std::uint64_t value);
  // For GetTimeHistogram.
  void Observe(std::chrono::nanoseconds time) {
    Observe(time.count() < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(time.count()));
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  // Smallest bound below which at least `permille` / 1000 of the observations lie; 0 without observations, the largest
  // bound if it lies beyond all of them.
  std::uint64_t Quantile(std::uint32_t permille) const;
  const std::vector<std::uint64_t>& bounds() const { return bounds_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  std::uint64_t per_unit() const { return per_unit_; }

 private:
  std::vector<std::uint64_t> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t per_unit_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

// Owns the metrics of a node. References stay valid as long as the registry lives: look them up once.
class Metrics {
 public:
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& GetHistogram(const std::string& name, const std::string& help, std::vector<std::uint64_t> bounds,
                          const Labels& labels = {});
  // Observes nanoseconds, shown in seconds, with Prometheus' usual bounds (5 ms to 10 s).
  Histogram& GetTimeHistogram(const std::string& name, const std::string& help, const Labels& labels = {});

  // All metrics of one name.
  template <typename T>
  struct Family {
    std::string help;
    std::map<Labels, std::unique_ptr<T>> members;
  };
  template <typename T>
  using Families = std::map<std::string, Family<T>>;  // by name
  // For whoever shows them all.
  const Families<Counter>& counters() const { return counters_; }
  const Families<Gauge>& gauges() const { return gauges_; }
  const Families<Histogram>& histograms() const { return histograms_; }

  // Value of a counter, 0 if it does not exist: for tests and tables.
  std::uint64_t CounterValue(const std::string& name, const Labels& labels = {}) const;
  // name{label="value",...} -> value, of counters and gauges, sorted by name.
  std::map<std::string, std::int64_t> Snapshot() const;

 private:
  Families<Counter> counters_;
  Families<Gauge> gauges_;
  Families<Histogram> histograms_;
};

}  // namespace grapevine::base
