#include "runtime/signal_watch.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace grapevine::runtime {
namespace {

sigset_t SetOf(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

int OpenDescriptor(int signal) {
  const sigset_t set = SetOf(signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0) std::abort();
  return descriptor;
}

}  // namespace

SignalWatch::SignalWatch(base::IoLoop& loop, int signal, std::function<void()> received)
    : signal_(signal), descriptor_(OpenDescriptor(signal)) {
  watch_ = loop.Watch(descriptor_, [this, received = std::move(received)](base::IoReady) {
    signalfd_siginfo info;
    bool any = false;
    while (read(descriptor_, &info, sizeof(info)) == sizeof(info)) any = true;
    if (any) received();
  });
  watch_->SetInterest(true, false);
}

SignalWatch::~SignalWatch() {
  watch_.reset();
  close(descriptor_);
  const sigset_t set = SetOf(signal_);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace grapevine::runtime
