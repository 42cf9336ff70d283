// Budget: what one query may hold in memory. Samples are counted as Prometheus counts them: a float
// is one, a histogram is its size in units of 16 bytes. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "promql/engine.h"

namespace tributary::promql {

class Budget {
 public:
  // 0: no limit, except that bytes are limited in proportion to samples. Counters that others may
  // watch are kept in `progress`, when there is one; it must outlive the budget.
  Budget(uint64_t max_samples, uint64_t max_bytes, QueryProgress* progress);
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  base::Status Charge(uint64_t samples, uint64_t bytes);
  void Release(uint64_t samples, uint64_t bytes);
  // Refuses to evaluate anything at so many times that one row would be too much.
  base::Status CheckSteps(uint64_t steps) const;
  // A peak reached and left again.
  base::Status Touch(uint64_t samples);

  // Samples looked at while evaluating, for statistics.
  void CountRead(uint64_t samples) {
    progress_.samples.fetch_add(samples, std::memory_order_relaxed);
  }
  uint64_t read() const { return progress_.samples.load(std::memory_order_relaxed); }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  uint64_t max_bytes() const { return max_bytes_; }
  // More bytes were asked for than there may be.
  bool over_bytes() const { return over_bytes_.load(std::memory_order_relaxed); }
  uint64_t peak_bytes() const { return progress_.peak_bytes.load(std::memory_order_relaxed); }

 private:
  base::Status Check(uint64_t samples, uint64_t bytes);
  static void NotePeak(uint64_t now, std::atomic<uint64_t>* peak);

  const uint64_t max_samples_;
  const uint64_t max_bytes_;
  std::atomic<uint64_t> samples_{0};
  std::atomic<uint64_t> peak_{0};
  std::atomic<bool> over_bytes_{false};
  QueryProgress unwatched_;
  QueryProgress& progress_;
};

// What something alive has charged; given back when it dies. Movable.
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept { *this = std::move(other); }
  Charge& operator=(Charge&& other) noexcept {
    if (this != &other) {
      Release();
      budget_ = std::exchange(other.budget_, nullptr);
      samples_ = std::exchange(other.samples_, 0);
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  ~Charge() { Release(); }

  base::Status Add(Budget* budget, uint64_t samples, uint64_t bytes) {
    RETURN_IF_ERROR(budget->Charge(samples, bytes));
    budget_ = budget;
    samples_ += samples;
    bytes_ += bytes;
    return {};
  }
  // Takes over what another one holds. REQUIRES: the same budget, or none yet.
  void Absorb(Charge&& other) {
    if (other.budget_ != nullptr) budget_ = other.budget_;
    samples_ += std::exchange(other.samples_, 0);
    bytes_ += std::exchange(other.bytes_, 0);
    other.budget_ = nullptr;
  }
  void Release() {
    if (budget_ != nullptr) budget_->Release(samples_, bytes_);
    budget_ = nullptr;
    samples_ = bytes_ = 0;
  }

 private:
  Budget* budget_ = nullptr;
  uint64_t samples_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace tributary::promql
