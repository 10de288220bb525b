// What the process costs and what the nodes say to each other, counted from outside of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/workers.h"
#include "wire/message.h"

namespace grapevine::bench {

// CPU of this process since its start, in microseconds, and of the whole machine in its own ticks.
struct CpuUsage {
  std::int64_t user = 0;
  std::int64_t system = 0;
  std::int64_t loop = 0;  // the calling thread alone
  std::int64_t machine_busy_ticks = 0;
  std::int64_t machine_ticks = 0;

  std::int64_t process() const { return user + system; }
};
CpuUsage ReadCpu();
// What others on this machine used between the two, in permille of its processors.
double OthersPermille(const CpuUsage& before, const CpuUsage& after);
// The load average of the last minute, as `uptime` shows it.
double LoadAverage();

struct MemoryUsage {
  std::int64_t resident_bytes = 0;   // after malloc_trim
  std::int64_t allocated_bytes = 0;  // by malloc: what the program holds, without kernel buffers
};
MemoryUsage ReadMemory();

// Workers that count the jobs of each kind and their CPU. Must outlive the jobs: destroy the pool first.
class MeteredWorkers final : public base::Workers {
 public:
  static constexpr std::size_t kKinds = 6;
  static constexpr std::array<const char*, kKinds> kNames = {"sign", "verify", "identity", "block", "disk", "resolve"};
  struct Totals {
    std::array<std::int64_t, kKinds> jobs{};
    std::array<std::int64_t, kKinds> microseconds{};
  };

  explicit MeteredWorkers(base::Workers& workers) : workers_(workers) {}
  base::Handle Submit(base::WorkKind kind, base::Task job, base::Task done) override;
  Totals totals() const;

 private:
  struct Meter {
    std::atomic<std::int64_t> jobs = 0;
    std::atomic<std::int64_t> nanoseconds = 0;
  };

  base::Workers& workers_;
  std::array<Meter, kKinds> meters_;
};

// The rows of the table in specification 11.15, and what is beside it.
enum class Traffic : std::uint8_t {
  kAlive,
  kStateInfo,
  kMembership,     // request and response
  kIdentityPull,   // hello, digest, request, update
  kStateInfoPull,  // request and snapshot
  kBlockHello,     // hello and digest
  kBlockFetch,     // request and update
  kBlock,          // pushed
  kOther,
};
inline constexpr std::size_t kTrafficKinds = 9;
const char* ToString(Traffic traffic);
Traffic TrafficOf(const wire::Message& message);

struct Census {
  std::array<std::int64_t, kTrafficKinds> messages{};
  std::array<std::int64_t, kTrafficKinds> bytes{};

  std::int64_t& messages_of(Traffic traffic) { return messages[static_cast<std::size_t>(traffic)]; }
  void Count(const wire::Message& message, std::size_t size) {
    const auto kind = static_cast<std::size_t>(TrafficOf(message));
    ++messages[kind];
    bytes[kind] += static_cast<std::int64_t>(size);
  }
};

// Messages per node and second that the model of specification 11.15 gives for one channel with all nodes in it.
struct Model {
  double nodes;
  bool ledger_moves;

  double Of(Traffic traffic) const;
  // Without pushed and fetched blocks, which the model leaves out.
  double Total() const;
};

}  // namespace grapevine::bench
