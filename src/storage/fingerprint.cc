#include "storage/fingerprint.h"

#include "storage/querier.h"

namespace tributary::storage {

Fingerprint FingerprintOf(const model::Label& label) {
  // Two hashes, not one of both texts put together: "a","bc" and "ab","c" are different labels.
  const Fingerprint name = base::HashTo128(label.name, base::ProcessSeed());
  return base::HashTo128(label.value, name.low ^ name.high);
}

std::vector<Fingerprint> SeriesSelection::Fingerprints() const {
  std::vector<Fingerprint> out;
  out.reserve(size());
  for (size_t i = 0; i < size(); ++i) {
    Fingerprint sum;
    for (const model::Label& label : LabelsOf(i)) sum = sum + FingerprintOf(label);
    out.push_back(sum);
  }
  return out;
}

}  // namespace tributary::storage
