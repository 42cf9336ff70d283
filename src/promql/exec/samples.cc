#include "promql/exec/samples.h"

#include <algorithm>

namespace tributary::promql {

void Samples::DropStale() {
  const auto stale = std::ranges::find_if(v, [](double x) { return model::IsStaleNaN(x); });
  if (stale == v.end()) return;
  size_t n = stale - v.begin();
  for (size_t i = n; i < v.size(); i++) {
    if (model::IsStaleNaN(v[i])) continue;
    t[n] = t[i];
    v[n] = v[i];
    if (!st.empty()) st[n] = st[i];
    n++;
  }
  t.resize(n);
  v.resize(n);
  if (!st.empty()) st.resize(n);
}

}  // namespace tributary::promql
