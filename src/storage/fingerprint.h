// Fingerprints: label sets of different stores told apart without their texts. A set's fingerprint
// is the sum of those of its labels, 128 bits wide and seeded anew by every process: no two sets
// share one, neither by accident nor by a sender's aim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/hash.h"
#include "model/labels.h"

namespace tributary::storage {

using Fingerprint = base::Hash128;

Fingerprint FingerprintOf(const model::Label& label);

inline Fingerprint operator+(Fingerprint a, Fingerprint b) {
  Fingerprint sum{.low = a.low + b.low, .high = a.high + b.high};
  sum.high += sum.low < a.low ? 1 : 0;
  return sum;
}

// Fingerprints of label sets that come as numbers: every label is hashed once, and one that the
// set before had in the same place is not even looked up. Thread-compatible.
class FingerprintBuilder {
 public:
  void Begin() {
    sum_ = {};
    place_ = 0;
  }
  // `id` means the same label each time; text() is that label.
  template <class Text>
  void Add(uint64_t id, Text&& text) {
    if (place_ == last_.size()) last_.push_back({.id = ~id, .fingerprint = {}});
    Known& last = last_[place_++];
    if (last.id != id) {
      const auto [it, is_new] = known_.try_emplace(id);
      if (is_new) it->second = FingerprintOf(text());
      last = {.id = id, .fingerprint = it->second};
    }
    sum_ = sum_ + last.fingerprint;
  }
  Fingerprint sum() const { return sum_; }

 private:
  struct Known {
    uint64_t id;
    Fingerprint fingerprint;
  };
  Fingerprint sum_;
  size_t place_ = 0;
  std::vector<Known> last_;  // by place
  absl::flat_hash_map<uint64_t, Fingerprint> known_;
};

}  // namespace tributary::storage
