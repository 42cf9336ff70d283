// Functions over time that pick or count samples: count, present, first, last, min, max and the
// times of those.
#include <cmath>
#include <memory>

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

}  // namespace

std::unique_ptr<RangeFunction> MakeSelectOverTimeFunction(FunctionId id,
                                                          const RangeFunctionEnv& env) {
  auto extreme = [&](auto better, bool answer_time) {
    return MakeWindowed(env, ExtremeKernel(better, answer_time));
  };
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
      return extreme(greater, false);
    case FunctionId::kMinOverTime:
      return extreme(less, false);
    case FunctionId::kTsOfMaxOverTime:
      return extreme(greater_equal, true);
    case FunctionId::kTsOfMinOverTime:
      return extreme(less_equal, true);
    default:
      return nullptr;
  }
}

}  // namespace tributary::promql
