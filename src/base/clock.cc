#include "base/clock.h"

#include <chrono>

namespace tributary::base {
namespace {

class RealClock final : public Clock {
 public:
  int64_t NowMs() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  int64_t MonotonicNs() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

const Clock& SystemClock() {
  // Never destroyed: threads that live as long as the process still ask at its end.
  static const RealClock& clock = *new RealClock;
  return clock;
}

}  // namespace tributary::base
