#include "node_bench_meter.h"

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace grapevine::bench {
namespace {

std::int64_t Microseconds(const timeval& time) { return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; }

std::int64_t ThreadNanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A hello or digest looks for news; a request or update fetches it.
Traffic OfPull(wire::PullType type, bool fetches) {
  if (type == wire::PullType::kIdentity) return Traffic::kIdentityPull;
  if (type != wire::PullType::kBlock) return Traffic::kOther;
  return fetches ? Traffic::kBlockFetch : Traffic::kBlockHello;
}

}  // namespace

CpuUsage ReadCpu() {
  CpuUsage usage;
  rusage process{};
  rusage thread{};
  getrusage(RUSAGE_SELF, &process);
  getrusage(RUSAGE_THREAD, &thread);
  usage.user = Microseconds(process.ru_utime);
  usage.system = Microseconds(process.ru_stime);
  usage.loop = Microseconds(thread.ru_utime) + Microseconds(thread.ru_stime);
  std::ifstream stat("/proc/stat");
  std::string name;
  stat >> name;
  for (int column = 0; column < 8; ++column) {  // user nice system idle iowait irq softirq steal
    std::int64_t ticks = 0;
    stat >> ticks;
    usage.machine_ticks += ticks;
    if (column != 3 && column != 4) usage.machine_busy_ticks += ticks;
  }
  return usage;
}

double OthersPermille(const CpuUsage& before, const CpuUsage& after) {
  const double ticks = static_cast<double>(after.machine_ticks - before.machine_ticks);
  if (ticks <= 0) return 0;
  const double busy = static_cast<double>(after.machine_busy_ticks - before.machine_busy_ticks);
  const double own =
      static_cast<double>(after.process() - before.process()) * 1e-6 * static_cast<double>(sysconf(_SC_CLK_TCK));
  return std::max(0.0, (busy - own) / ticks * 1000);
}

double LoadAverage() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

MemoryUsage ReadMemory() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  const auto heap = mallinfo2();
  return {.resident_bytes = resident * sysconf(_SC_PAGESIZE),
          .allocated_bytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd)};
}

base::Handle MeteredWorkers::Submit(base::WorkKind kind, base::Task job, base::Task done) {
  Meter& meter = meters_[static_cast<std::size_t>(kind)];
  return workers_.Submit(
      kind,
      [&meter, job = std::move(job)]() mutable {
        const std::int64_t start = ThreadNanoseconds();
        job();
        meter.nanoseconds += ThreadNanoseconds() - start;
        ++meter.jobs;
      },
      std::move(done));
}

MeteredWorkers::Totals MeteredWorkers::totals() const {
  Totals totals;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    totals.jobs[kind] = meters_[kind].jobs;
    totals.microseconds[kind] = meters_[kind].nanoseconds / 1000;
  }
  return totals;
}

const char* ToString(Traffic traffic) {
  switch (traffic) {
    case Traffic::kAlive:
      return "alive push";
    case Traffic::kStateInfo:
      return "state info push";
    case Traffic::kMembership:
      return "membership sync";
    case Traffic::kIdentityPull:
      return "identity pull";
    case Traffic::kStateInfoPull:
      return "state info pull";
    case Traffic::kBlockHello:
      return "block hello, digest";
    case Traffic::kBlockFetch:
      return "block request, update";
    case Traffic::kBlock:
      return "block push";
    case Traffic::kOther:
      break;
  }
  return "other";
}

Traffic TrafficOf(const wire::Message& message) {
  if (message.As<wire::AliveMessage>() != nullptr) return Traffic::kAlive;
  if (message.As<wire::StateInfo>() != nullptr) return Traffic::kStateInfo;
  if (message.As<wire::DataMessage>() != nullptr) return Traffic::kBlock;
  if (message.As<wire::MembershipRequest>() != nullptr || message.As<wire::MembershipResponse>() != nullptr) {
    return Traffic::kMembership;
  }
  if (message.As<wire::StateInfoPullRequest>() != nullptr || message.As<wire::StateInfoSnapshot>() != nullptr) {
    return Traffic::kStateInfoPull;
  }
  if (const auto* hello = message.As<wire::PullHello>()) return OfPull(hello->type, false);
  if (const auto* digest = message.As<wire::PullDigest>()) return OfPull(digest->type, false);
  if (const auto* request = message.As<wire::PullRequest>()) return OfPull(request->type, true);
  if (const auto* update = message.As<wire::PullUpdate>()) return OfPull(update->type, true);
  return Traffic::kOther;
}

double Model::Of(Traffic traffic) const {
  switch (traffic) {
    case Traffic::kAlive:
      return 0.564 * nodes;
    case Traffic::kStateInfo:
      return ledger_moves ? 0.705 * nodes : 0;
    case Traffic::kMembership:
    case Traffic::kIdentityPull:
    case Traffic::kStateInfoPull:
      return 1.5;
    case Traffic::kBlockHello:
      return ledger_moves ? 1.5 : 0.75;  // digests come only when blocks are gossiped
    default:
      return 0;
  }
}

double Model::Total() const {
  double total = 0;
  for (std::size_t kind = 0; kind < kTrafficKinds; ++kind) total += Of(static_cast<Traffic>(kind));
  return total;
}

}  // namespace grapevine::bench
