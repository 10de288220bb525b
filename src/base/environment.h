// Everything outside that a component may use, passed in by its constructor. No globals, no singletons.
#pragma once

#include "base/executor.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/workers.h"

namespace grapevine::base {

// References only; whoever builds a node owns the objects and keeps them alive longer than the node.
struct Environment {
  Executor& executor;
  Workers& workers;
  Random& random;
  Metrics& metrics;
  Logger log;
};

}  // namespace grapevine::base
