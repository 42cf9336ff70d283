// Functions over time that pick or count samples: count, present, first, last, min, max and the
// times of those.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "promql/functions/windowed_function.h"

namespace tributary::promql {
namespace {

double Seconds(int64_t t) { return static_cast<double>(t) / 1000; }

struct CountKernel {
  void operator()(const Window& w, Row* out) const {
    out->Set(w.step, static_cast<double>(w.t.size() + w.h.size()));
  }
};

struct PresentKernel {
  void operator()(const Window& w, Row* out) const { out->Set(w.step, 1.0); }
};

// Of a float and a histogram at the same time the histogram counts.
struct FirstKernel {
  void operator()(const Window& w, Row* out) const {
    if (w.h.empty() || (!w.t.empty() && w.t.front() < w.h.front().t)) {
      out->Set(w.step, w.v.front());
    } else {
      out->Set(w.step, w.h.front().h);
    }
  }
};

struct LastKernel {
  void operator()(const Window& w, Row* out) const {
    if (w.h.empty() || (!w.t.empty() && w.h.back().t < w.t.back())) {
      out->Set(w.step, w.v.back());
    } else {
      out->Set(w.step, w.h.back().h);
    }
  }
};

struct TimeOfFirstKernel {
  void operator()(const Window& w, Row* out) const {
    const int64_t t = w.t.empty()   ? w.h.front().t
                      : w.h.empty() ? w.t.front()
                                    : std::min(w.t.front(), w.h.front().t);
    out->Set(w.step, Seconds(t));
  }
};

struct TimeOfLastKernel {
  void operator()(const Window& w, Row* out) const {
    // Times before 1970 count as none, as upstream.
    const int64_t last_float = w.t.empty() ? 0 : w.t.back();
    const int64_t last_histogram = w.h.empty() ? 0 : w.h.back().t;
    const int64_t t = std::max(last_float, last_histogram);
    out->Set(w.step, Seconds(t));
  }
};

// Better(x, best): whether x takes the place of the best so far. NaN gives way to anything.
template <class Better>
class ExtremeKernel {
 public:
  ExtremeKernel(Better better, bool answer_time) : better_(better), answer_time_(answer_time) {}

  void operator()(const Window& w, Row* out) const {
    if (w.t.empty()) return;
    if (!w.h.empty()) w.NoteIgnoredHistograms();
    size_t best = 0;
    for (size_t i = 0; i < w.v.size(); i++) {
      if (better_(w.v[i], w.v[best]) || std::isnan(w.v[best])) best = i;
    }
    out->Set(w.step, answer_time_ ? Seconds(w.t[best]) : w.v[best]);
  }

 private:
  const Better better_;
  const bool answer_time_;
};

// min and max over windows that overlap much: a queue of the samples that can still become the
// extreme of a window, best first. Each sample enters and leaves it once.
template <class Better>
class SlidingExtremeFunction final : public RangeFunction {
 public:
  SlidingExtremeFunction(const RangeFunctionEnv& env, Better better)
      : env_(env), better_(better), general_(env, ExtremeKernel<Better>(better, false)) {}

  base::Status Run(const Samples& s, const MetricName& metric, Row* out) const override {
    const int64_t overlap = env_.window.range_ms / env_.steps.step_ms;
    if (overlap < kWorthwhileOverlap || env_.steps.count < 2 || !s.h.empty()) {
      return general_.Run(s, metric, out);
    }
    std::vector<size_t> queue(s.v.size());
    size_t front = 0, back = 0;  // the queue is [front, back)
    size_t entered = 0;
    WindowCursor window;
    uint64_t read = 0, largest = 0;
    for (size_t step = 0; step < env_.steps.count; step++) {
      const auto end = env_.window.when(env_.steps.at(step));
      window.Move(s.t.size(), end - env_.window.range_ms, end, [&](size_t i) { return s.t[i]; });
      for (; entered < window.end; entered++) {
        if (std::isnan(s.v[entered])) continue;
        while (back > front && better_(s.v[entered], s.v[queue[back - 1]])) back--;
        queue[back++] = entered;
      }
      while (front < back && queue[front] < window.begin) front++;
      const size_t n = window.end - window.begin;
      if (n == 0) continue;
      read += n;
      largest = std::max<uint64_t>(largest, n);
      // Nothing queued: all of them are NaN.
      out->values[step] = front < back ? s.v[queue[front]] : s.v[window.end - 1];
    }
    env_.context->budget().CountRead(read);
    return env_.context->budget().Touch(largest);
  }

 private:
  static constexpr int64_t kWorthwhileOverlap = 4;

  const RangeFunctionEnv env_;
  const Better better_;
  const WindowedFunction<ExtremeKernel<Better>> general_;
};

}  // namespace

std::unique_ptr<RangeFunction> MakeSelectOverTimeFunction(FunctionId id,
                                                          const RangeFunctionEnv& env) {
  auto time_of = [&](auto better) { return MakeWindowed(env, ExtremeKernel(better, true)); };
  auto greater = [](double x, double best) { return x > best; };
  auto less = [](double x, double best) { return x < best; };
  auto greater_equal = [](double x, double best) { return x >= best; };
  auto less_equal = [](double x, double best) { return x <= best; };
  switch (id) {
    case FunctionId::kCountOverTime:
      return MakeWindowed(env, CountKernel());
    case FunctionId::kPresentOverTime:
      return MakeWindowed(env, PresentKernel());
    case FunctionId::kFirstOverTime:
      return MakeWindowed(env, FirstKernel());
    case FunctionId::kLastOverTime:
      return MakeWindowed(env, LastKernel());
    case FunctionId::kTsOfFirstOverTime:
      return MakeWindowed(env, TimeOfFirstKernel());
    case FunctionId::kTsOfLastOverTime:
      return MakeWindowed(env, TimeOfLastKernel());
    case FunctionId::kMaxOverTime:
      return std::make_unique<SlidingExtremeFunction<decltype(greater)>>(env, greater);
    case FunctionId::kMinOverTime:
      return std::make_unique<SlidingExtremeFunction<decltype(less)>>(env, less);
    case FunctionId::kTsOfMaxOverTime:
      return time_of(greater_equal);
    case FunctionId::kTsOfMinOverTime:
      return time_of(less_equal);
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
