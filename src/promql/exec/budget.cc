#include "promql/exec/budget.h"

#include <algorithm>

#include <fmt/format.h>

namespace tributary::promql {
namespace {

// Rows are dense, so few samples at many steps need more memory than a sample does; this much more
// and no further.
constexpr uint64_t kBytesPerSample = 64;
constexpr uint64_t kLeastSteps = 1'000'000;

uint64_t DefaultMaxBytes(uint64_t max_samples) {
  return max_samples == 0 ? 0 : std::max(max_samples, kLeastSteps) * kBytesPerSample;
}

base::Error TooManySamples() {
  return {base::ErrorCode::kExecution,
          "query processing would load too many samples into memory in query execution"};
}

}  // namespace

Budget::Budget(uint64_t max_samples, uint64_t max_bytes, QueryProgress* progress)
    : max_samples_(max_samples),
      max_bytes_(max_bytes != 0 ? max_bytes : DefaultMaxBytes(max_samples)),
      progress_(progress != nullptr ? *progress : unwatched_) {}

base::Status Budget::CheckSteps(uint64_t steps) const {
  if (max_samples_ != 0 && steps > std::max(max_samples_, kLeastSteps)) return TooManySamples();
  return {};
}

base::Status Budget::Check(uint64_t samples, uint64_t bytes) {
  if (max_samples_ != 0 && samples > max_samples_) {
    return TooManySamples();
  }
  if (max_bytes_ != 0 && bytes > max_bytes_) {
    over_bytes_.store(true, std::memory_order_relaxed);
    return base::Error(
        base::ErrorCode::kExecution,
        fmt::format("query processing would hold more than {} bytes of memory in query execution",
                    max_bytes_));
  }
  return {};
}

void Budget::NotePeak(uint64_t now, std::atomic<uint64_t>* peak) {
  uint64_t before = peak->load(std::memory_order_relaxed);
  while (now > before && !peak->compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
}

base::Status Budget::Charge(uint64_t samples, uint64_t bytes) {
  const uint64_t samples_now = samples_.fetch_add(samples, std::memory_order_relaxed) + samples;
  const uint64_t bytes_now = progress_.bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  NotePeak(samples_now, &peak_);
  NotePeak(bytes_now, &progress_.peak_bytes);
  auto status = Check(samples_now, bytes_now);
  if (!status) Release(samples, bytes);
  return status;
}

void Budget::Release(uint64_t samples, uint64_t bytes) {
  samples_.fetch_sub(samples, std::memory_order_relaxed);
  progress_.bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

base::Status Budget::Touch(uint64_t samples) {
  const uint64_t now = samples_.load(std::memory_order_relaxed) + samples;
  NotePeak(now, &peak_);
  return Check(now, 0);
}

}  // namespace tributary::promql
