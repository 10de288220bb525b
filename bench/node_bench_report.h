// The figures of one run: a table for people and one line of JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace grapevine::bench {

class Report {
 public:
  explicit Report(std::size_t nodes) : nodes_(nodes) {}

  // What the next figures belong to.
  void Part(std::string name) { part_ = std::move(name); }
  // `at_most`: what is wanted.
  void Add(std::string what, double value, std::string unit, std::optional<double> at_most = std::nullopt);
  void Print() const;

 private:
  struct Row {
    std::string part;
    std::string what;
    double value;
    std::string unit;
    std::optional<double> at_most;
  };

  std::size_t nodes_;
  std::string part_;
  std::vector<Row> rows_;
};

// The value below which `permille` / 1000 of the sorted values lie; 0 if there are none.
double Quantile(const std::vector<double>& sorted, std::size_t permille);

}  // namespace grapevine::bench
