// changes and resets: how often consecutive samples differ, or a counter began anew.
#include <cmath>
#include <memory>
#include <optional>

#include "model/float_histogram.h"
#include "promql/functions/start_timestamps.h"
#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

struct Point {
  int64_t t = 0;
  int64_t st = 0;
  double v = 0;
  const model::FloatHistogram* h = nullptr;
};

bool Changed(const Point& a, const Point& b) {
  if ((a.h == nullptr) != (b.h == nullptr)) return true;
  if (b.h != nullptr) return !model::Equals(*a.h, *b.h);
  return a.v != b.v && !(std::isnan(a.v) && std::isnan(b.v));
}

bool WasReset(const Point& a, const Point& b) {
  if ((a.h == nullptr) != (b.h == nullptr)) return true;
  if (IsStartTimestampReset(a.st, a.t, b.st, b.t)) return true;
  return b.h != nullptr ? model::DetectReset(*b.h, *a.h) : b.v < a.v;
}

struct First {
  size_t f = 0;
  size_t h = 0;
};

// An anchored range starts with the last sample at or before its start. Nothing when no sample
// follows that start.
std::optional<First> FirstSamples(const Window& w) {
  if (!w.env.window.anchored) return First{};
  size_t f = 0, h = 0;  // how many are at or before the start
  while (f < w.t.size() && w.t[f] <= w.start) f++;
  while (h < w.h.size() && w.h[h].t <= w.start) h++;
  if (f == w.t.size() && h == w.h.size()) return std::nullopt;
  if (f == 0 && h == 0) return First{};
  if (h == 0 || (f > 0 && w.t[f - 1] >= w.h[h - 1].t)) return First{f - 1, h};
  return First{f, h - 1};
}

template <class Differs>
class CountPairsKernel {
 public:
  explicit CountPairsKernel(Differs differs) : differs_(differs) {}

  void operator()(const Window& w, Row* out) const {
    const auto first = FirstSamples(w);
    if (!first) return;
    auto [f, h] = *first;
    double count = 0;
    std::optional<Point> before;
    while (f < w.t.size() || h < w.h.size()) {
      Point point;
      if (h >= w.h.size() || (f < w.t.size() && w.t[f] <= w.h[h].t)) {
        point = {w.t[f], w.st.empty() ? 0 : w.st[f], w.v[f], nullptr};
        f++;
      } else {
        point = {w.h[h].t, w.hst.empty() ? 0 : w.hst[h], 0, w.h[h].h.get()};
        h++;
      }
      if (before && differs_(*before, point)) count++;
      before = point;
    }
    out->Set(w.step, count);
  }

 private:
  const Differs differs_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeChangesFunction(FunctionId id, const RangeFunctionEnv& env) {
  switch (id) {
    case FunctionId::kChanges:
      return MakeWindowed(env, CountPairsKernel(&Changed));
    case FunctionId::kResets:
      return MakeWindowed(env, CountPairsKernel(&WasReset));
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
