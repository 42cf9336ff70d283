#include "storage/wal_source.h"

namespace tributary::storage {

void WalBatch::Clear() {
  samples.clear();
  starts.clear();
  histograms.clear();
  exemplars.clear();
  end = {};
}

}  // namespace tributary::storage
