// Workers whose jobs can be waited for.
#pragma once

#include <memory>

#include "base/workers.h"

namespace grapevine::runtime {

// Passes everything on to `workers`, which must outlive it. Its destructor blocks until no job of its own runs or will
// run: what jobs use may be destroyed then. One executor.
class TrackedWorkers final : public base::Workers {
 public:
  explicit TrackedWorkers(base::Workers& workers);
  ~TrackedWorkers() override;
  TrackedWorkers(const TrackedWorkers&) = delete;
  TrackedWorkers& operator=(const TrackedWorkers&) = delete;

  base::Handle Submit(base::WorkKind kind, base::Task job, base::Task done) override;

 private:
  class Count;
  base::Workers& workers_;
  std::shared_ptr<Count> count_;
};

}  // namespace grapevine::runtime
