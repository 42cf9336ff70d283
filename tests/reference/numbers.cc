// Arithmetic: functions of one number, operators, sums, quantiles.
#include <algorithm>
#include <cmath>
#include <ctime>

#include "evaluator.h"

namespace tributary::reference {
namespace {

using promql::BinaryOp;
using promql::FunctionId;

// Adds with what the sum so far has lost, after Kahan and Neumaier.
struct Compensated {
  double sum = 0, lost = 0;
  void Add(double x) {
    const double t = sum + x;
    if (std::isinf(t)) {
      lost = 0;
    } else {
      lost += std::abs(sum) >= std::abs(x) ? (sum - t) + x : (x - t) + sum;
    }
    sum = t;
  }
};

std::optional<double> Calendar(FunctionId id, double v) {
  if (!(std::abs(v) < 1e11)) return std::nullopt;
  const auto seconds = static_cast<std::time_t>(v);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  switch (id) {
    case FunctionId::kHour:
      return utc.tm_hour;
    case FunctionId::kMinute:
      return utc.tm_min;
    case FunctionId::kMonth:
      return utc.tm_mon + 1;
    case FunctionId::kYear:
      return utc.tm_year + 1900;
    case FunctionId::kDayOfMonth:
      return utc.tm_mday;
    case FunctionId::kDayOfWeek:
      return utc.tm_wday;
    case FunctionId::kDayOfYear:
      return utc.tm_yday + 1;
    default: {
      const int year = utc.tm_year + 1900;
      const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
      constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
      return kDays[utc.tm_mon] + (leap && utc.tm_mon == 1);
    }
  }
}

}  // namespace

double Sum(const std::vector<double>& values) {
  Compensated total;
  for (const double v : values) total.Add(v);
  return total.sum + total.lost;
}

double Mean(const std::vector<double>& values) {
  Compensated total;
  for (const double v : values) total.Add(v);
  const auto n = static_cast<double>(values.size());
  const bool overflows =
      std::isinf(total.sum) && std::ranges::none_of(values, [](double v) { return std::isinf(v); });
  if (!overflows) return total.sum / n + total.lost / n;
  Compensated parts;
  for (const double v : values) parts.Add(v / n);
  return parts.sum + parts.lost;
}

// The mean square of distances from the mean.
double Variance(const std::vector<double>& values) {
  const double mean = Mean(values);
  std::vector<double> squares;
  for (const double v : values) squares.push_back((v - mean) * (v - mean));
  return Mean(squares);
}

double Quantile(double q, std::vector<double> values) {
  if (values.empty() || std::isnan(q)) return NAN;
  if (q < 0) return -INFINITY;
  if (q > 1) return INFINITY;
  std::ranges::sort(values, [](double a, double b) {  // NaN comes first
    return std::isnan(a) ? !std::isnan(b) : a < b;
  });
  const double rank = q * static_cast<double>(values.size() - 1);
  const double below = std::floor(rank);
  const size_t lower = static_cast<size_t>(below);
  const size_t upper = std::min(lower + 1, values.size() - 1);
  const double weight = rank - below;
  return values[lower] * (1 - weight) + values[upper] * weight;
}

double Larger(double a, double b) {
  if (a == INFINITY || b == INFINITY) return INFINITY;
  return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
}

double Smaller(double a, double b) { return -Larger(-a, -b); }

std::pair<double, bool> Operate(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return {a + b, true};
    case BinaryOp::kSub:
      return {a - b, true};
    case BinaryOp::kMul:
      return {a * b, true};
    case BinaryOp::kDiv:
      return {a / b, true};
    case BinaryOp::kMod:
      return {std::fmod(a, b), true};
    case BinaryOp::kPow:
      return {std::pow(a, b), true};
    case BinaryOp::kAtan2:
      return {std::atan2(a, b), true};
    case BinaryOp::kEq:
      return {a, a == b};
    case BinaryOp::kNe:
      return {a, a != b};
    case BinaryOp::kGt:
      return {a, a > b};
    case BinaryOp::kGe:
      return {a, a >= b};
    case BinaryOp::kLt:
      return {a, a < b};
    case BinaryOp::kLe:
      return {a, a <= b};
    default:
      return {NAN, false};
  }
}

base::Result<std::optional<Combined>> Combine(BinaryOp op, const Element& a, const Element& b) {
  if (IsTrimOperator(op)) return Unimplemented("trim");
  if (!a.h && !b.h) {
    const auto [v, keep] = Operate(op, a.v, b.v);
    return std::optional(Combined{{v}, keep});
  }
  if (a.h && b.h) {
    if (op == BinaryOp::kEq || op == BinaryOp::kNe) return Unimplemented("equal histograms");
    if (op != BinaryOp::kAdd && op != BinaryOp::kSub) return std::optional<Combined>();
    ASSIGN_OR_RETURN(const auto sum, Plus(*a.h, *b.h, op == BinaryOp::kAdd ? 1 : -1));
    return sum ? std::optional(Combined{{0, sum}}) : std::nullopt;
  }
  const bool divides = op == BinaryOp::kDiv && a.h;
  if (op != BinaryOp::kMul && !divides) return std::optional<Combined>();
  const double factor = a.h ? b.v : a.v;
  if (!std::isfinite(factor) || (divides && factor == 0)) {
    return Unimplemented("histograms that become infinite");
  }
  return std::optional(Combined{{0, Times(a.h ? *a.h : *b.h, divides ? 1 / factor : factor)}});
}

std::optional<double> MathFunction(FunctionId id, double v) {
  constexpr double kDegree = M_PI / 180;
  switch (id) {
    case FunctionId::kAbs:
      return std::abs(v);
    case FunctionId::kCeil:
      return std::ceil(v);
    case FunctionId::kFloor:
      return std::floor(v);
    case FunctionId::kExp:
      return std::exp(v);
    case FunctionId::kSqrt:
      return std::sqrt(v);
    case FunctionId::kLn:
      return std::log(v);
    case FunctionId::kLog2:
      return std::log2(v);
    case FunctionId::kLog10:
      return std::log10(v);
    case FunctionId::kSgn:
      return v < 0 ? -1 : v > 0 ? 1 : v;
    case FunctionId::kSin:
      return std::sin(v);
    case FunctionId::kCos:
      return std::cos(v);
    case FunctionId::kTan:
      return std::tan(v);
    case FunctionId::kAsin:
      return std::asin(v);
    case FunctionId::kAcos:
      return std::acos(v);
    case FunctionId::kAtan:
      return std::atan(v);
    case FunctionId::kSinh:
      return std::sinh(v);
    case FunctionId::kCosh:
      return std::cosh(v);
    case FunctionId::kTanh:
      return std::tanh(v);
    case FunctionId::kAsinh:
      return std::asinh(v);
    case FunctionId::kAcosh:
      return std::acosh(v);
    case FunctionId::kAtanh:
      return std::atanh(v);
    case FunctionId::kDeg:
      return v / kDegree;
    case FunctionId::kRad:
      return v * kDegree;
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kDaysInMonth:
      return Calendar(id, v);
    default:
      return std::nullopt;
  }
}

}  // namespace tributary::reference
