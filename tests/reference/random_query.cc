#include "random_query.h"

#include <fmt/format.h>

#include "random_data.h"

namespace tributary::reference {
namespace {

// Query times of the 2.x dialect lie this much beside whole seconds and beside the samples.
constexpr int64_t kOffBeat = 7;

std::string Seconds(int64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

}  // namespace

RandomQuery QueryGenerator::Next() {
  RandomQuery query;
  const int depth = 1 + static_cast<int>(random_.Below(4));
  query.text = random_.OneIn(15) ? Scalar(depth) : Vector(depth);
  if (random_.OneIn(60)) query.text = Matrix(1);
  const int64_t whole = (kDataStart / 60'000) * 60'000;
  const int64_t base = !modern() ? whole + kOffBeat : random_.OneIn(2) ? whole : kDataStart;
  query.time = base + static_cast<int64_t>(random_.Below(kScrapes + 20)) * kScrapeInterval;
  query.start = base + static_cast<int64_t>(random_.Below(kScrapes)) * kScrapeInterval;
  query.step = random_.Pick<int64_t>({15'000, 30'000, 45'000, 60'000, 300'000});
  query.end = query.start + query.step * static_cast<int64_t>(random_.Below(30));
  return query;
}

std::string QueryGenerator::Duration() {
  return random_.Pick({"15s", "30s", "1m", "1m30s", "2m", "5m", "10m", "45s"});
}

std::string QueryGenerator::Number() {
  return random_.Pick({"0", "1", "2", "3", "0.5", "0.9", "-1", "10", "100", "1e3", "NaN", "Inf",
                       "-Inf", "20", "0.25", "1.5"});
}

std::string QueryGenerator::Metric() {
  if (dialect_ == Dialect::kFull && random_.OneIn(5)) {
    return random_.Pick({"native_seconds", "native_gauge", "custom_seconds", "mixed"});
  }
  return random_.Pick({"up", "requests_total", "requests_total", "temperature", "temperature",
                       "load", "tied", modern() ? "odd" : "load", "latency_bucket", "build_info",
                       "target_info", "missing"});
}

std::string QueryGenerator::Matchers() {
  std::string out;
  const size_t n = random_.Pick<size_t>({0, 0, 0, 1, 1, 2});
  for (size_t i = 0; i < n; i++) {
    if (!out.empty()) out += ",";
    out += random_.Pick({R"(job="api")", R"(job!="api")", R"(job=~"api|web")", R"(job!~"d.*")",
                         R"(instance="host-1")", R"(instance=~"host-[12]")", R"(code="200")",
                         R"(code=~"[45].*")", R"(room="a")", R"(room="")", R"(le="+Inf")",
                         R"(le=~".+")", R"(job=~".*")"});
  }
  return out;
}

std::string QueryGenerator::Modifiers() {
  std::string at, offset;
  if (random_.OneIn(8)) {
    const int64_t t = kDataStart - kDataStart % 1000 + (modern() ? 0 : 1000 + kOffBeat) +
                      static_cast<int64_t>(random_.Below(kScrapes * 15)) * 1000;
    at = random_.OneIn(3) ? random_.Pick({" @ start()", " @ end()"}) : " @ " + Seconds(t);
  }
  if (random_.OneIn(8)) {
    offset = std::string(" offset ") + (random_.OneIn(4) ? "-" : "") + Duration();
  }
  return random_.OneIn(2) ? at + offset : offset + at;
}

std::string QueryGenerator::Selector() {
  const std::string matchers = Matchers();
  if (random_.OneIn(25))
    return "{__name__=~\"load|tied|up\"" + (matchers.empty() ? "" : "," + matchers) + "}";
  return Metric() + (matchers.empty() ? "" : "{" + matchers + "}");
}

std::string QueryGenerator::Matrix(int depth) {
  if (depth > 0 && random_.OneIn(4)) {
    if (!modern()) {
      // Within another, the steps of a subquery lie on the left ends of its ranges.
      const std::string operand = Vector(depth - 1);
      if (operand.find(':') != std::string::npos) return Selector() + "[" + Duration() + "]";
      return operand + random_.Pick({"[2m:30s]", "[5m:1m]", "[10m:15s]"}) + Modifiers();
    }
    return Vector(depth - 1) + "[" + Duration() + ":" + (random_.OneIn(3) ? "" : Duration()) + "]" +
           Modifiers();
  }
  if (modern() && random_.OneIn(25)) {
    return Selector() + random_.Pick({"[1m + 30s]", "[2 * 1m]", "[max_of(step(), 1m)]", "[300]"}) +
           Modifiers();
  }
  return Selector() + "[" + Duration() + "]" + Modifiers();
}

std::string QueryGenerator::Labels() {
  return random_.Pick({"job", "instance", "code", "job, instance", "room", "le", "__name__", "",
                       "job, le", "missing"});
}

std::string QueryGenerator::Scalar(int depth) {
  switch (depth > 0 ? random_.Below(modern() ? 10 : 7) : random_.Below(2)) {
    case 0:
    case 1:
      return Number();
    case 2:
      return "time()";
    case 3:
      return "scalar(" + Vector(depth - 1) + ")";
    case 4:
      return fmt::format("({} {} {})", Scalar(depth - 1),
                         random_.Pick({"+", "-", "*", "/", "%", "^", modern() ? "atan2" : "*",
                                       "== bool", "< bool"}),
                         Scalar(depth - 1));
    case 5:
      return random_.Pick({"-", "+"}) + ("(" + Scalar(depth - 1) + ")");
    case 6:
      return "pi()";
    case 7:
      return fmt::format("{}({}, {})", random_.Pick({"min_of", "max_of"}), Scalar(depth - 1),
                         Scalar(depth - 1));
    default:
      return random_.Pick({"start()", "end()", "range()", "step()"});
  }
}

std::string QueryGenerator::Vector(int depth) {
  if (depth <= 0) return Selector() + Modifiers();
  switch (random_.Below(14)) {
    case 0:
    case 1:
      return Selector() + Modifiers();
    case 2:
    case 3:
    case 4:
      return OverTime(depth);
    case 5:
    case 6:
    case 7:
      return Aggregation(depth);
    case 8:
    case 9:
      return Binary(depth);
    case 10:
      return Function(depth);
    case 11:
      return HistogramFunction(depth);
    case 12:
      return LabelFunction(depth);
    default:
      return random_.Pick({"-", "+"}) + Vector(depth - 1);
  }
}

std::string QueryGenerator::Aggregation(int depth) {
  std::string grouping;
  if (!random_.OneIn(3)) {
    grouping = fmt::format(" {} ({}) ", random_.Pick({"by", "by", "without"}), Labels());
  }
  const std::string operand = Vector(depth - 1);
  const size_t kind = random_.Below(modern() ? 15 : 11);
  if (kind < 9) {
    return fmt::format(
        "{}{}({})",
        random_.Pick({"sum", "avg", "min", "max", "count", modern() ? "stddev" : "max",
                      modern() ? "stdvar" : "min", "group", "sum", "avg"}),
        grouping, operand);
  }
  if (kind == 9) return fmt::format("count_values{}(\"value\", {})", grouping, operand);
  if (kind == 10) {
    return fmt::format("quantile{}({}, {})", grouping,
                       random_.Pick({"0.5", "0.9", "0", "1", "1.5", "-1", "NaN"}), operand);
  }
  if (kind < 13) {
    return fmt::format("{}{}({}, {})", random_.Pick({"topk", "bottomk"}), grouping,
                       random_.Pick({"1", "2", "3", "5", "0", "scalar(up{instance=\"host-1\"})"}),
                       operand);
  }
  if (kind == 13) {
    return fmt::format("limitk{}({}, {})", grouping, random_.Pick({"1", "2", "3", "0"}), operand);
  }
  return fmt::format("limit_ratio{}({}, {})", grouping,
                     random_.Pick({"0.5", "-0.5", "0.25", "1", "2", "-2", "0"}), operand);
}

std::string QueryGenerator::Matching(bool set_operator) {
  if (random_.OneIn(3)) return " ";
  std::string out = fmt::format(
      " {} ({}) ", random_.Pick({"on", "ignoring"}),
      random_.Pick({"job", "instance", "job, instance", "code", "room", "le", "job, le", ""}));
  if (set_operator) return out;
  if (random_.OneIn(3)) {
    out += fmt::format("{} ({}) ", random_.Pick({"group_left", "group_right"}),
                       random_.Pick({"", "", "version", "zone", "job"}));
  }
  if (modern() && random_.OneIn(8)) {
    out += fmt::format("{} ({}) ", random_.Pick({"fill", "fill_left", "fill_right"}),
                       random_.Pick({"0", "-1", "NaN"}));
  }
  return out;
}

std::string QueryGenerator::Binary(int depth) {
  const size_t kind = random_.Below(10);
  if (kind < 3) {
    const std::string op =
        random_.Pick({"+", "-", "*", "/", "%", "^", modern() ? "atan2" : "*", "==", "!=", ">", "<",
                      ">=", "<=", "> bool", "== bool", "<= bool"});
    if (dialect_ == Dialect::kFull && random_.OneIn(12)) {
      return fmt::format("({} {} {})", Vector(depth - 1), random_.Pick({"</", ">/"}),
                         Scalar(depth - 1));
    }
    return random_.OneIn(3) ? fmt::format("({} {} {})", Scalar(depth - 1), op, Vector(depth - 1))
                            : fmt::format("({} {} {})", Vector(depth - 1), op, Scalar(depth - 1));
  }
  if (kind < 5) {
    return fmt::format("({} {}{}{})", Vector(depth - 1), random_.Pick({"and", "or", "unless"}),
                       Matching(true), Vector(depth - 1));
  }
  const std::string op = random_.Pick({"+", "-", "*", "/", "%", "^", modern() ? "atan2" : "*",
                                       modern() ? "==" : "== bool", modern() ? "!=" : "-",
                                       modern() ? ">" : "> bool", modern() ? "<" : "+", ">= bool"});
  if (kind < 7) {  // what can be matched
    const std::string metric = Metric(), other = random_.OneIn(2) ? metric : "load";
    return fmt::format("({}{} {}{}{}{})", metric, Modifiers(), op, Matching(false), other,
                       Modifiers());
  }
  if (kind == 7) {
    const std::string by = random_.Pick({"job", "instance", "job, instance"});
    return fmt::format("(sum by ({}) ({}) {} avg by ({}) ({}))", by, Vector(depth - 1), op, by,
                       Vector(depth - 1));
  }
  return fmt::format("({} {}{}{})", Vector(depth - 1), op, Matching(false), Vector(depth - 1));
}

std::string QueryGenerator::OverTime(int depth) {
  const size_t kind = random_.Below(modern() ? 12 : 9);
  const std::string matrix = Matrix(depth - 1);
  if (kind < 3) {
    return fmt::format("{}({})",
                       random_.Pick({modern() ? "rate" : "delta", modern() ? "increase" : "delta",
                                     "delta", "irate", "idelta", modern() ? "rate" : "irate"}),
                       matrix);
  }
  if (kind < 7) {
    return fmt::format(
        "{}({})",
        random_.Pick({"avg_over_time", "min_over_time", "max_over_time", "sum_over_time",
                      "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time",
                      "present_over_time", "changes", "resets", "deriv", "absent_over_time"}),
        matrix);
  }
  if (kind == 7) {
    return fmt::format(
        "quantile_over_time({}, {})",
        random_.Pick({"0.5", "0.9", "0", "1", "2", modern() ? "scalar(load)" : "0.1"}), matrix);
  }
  if (kind == 8) {
    return fmt::format("{}({}, {})", modern() ? "predict_linear" : "clamp_min",
                       modern() ? matrix : "deriv(" + matrix + ")",
                       modern() ? random_.Pick({"60", "3600", "-30"}) : "0");
  }
  if (kind == 9 && random_.OneIn(2)) {
    return fmt::format("double_exponential_smoothing({}, {}, {})", matrix,
                       random_.Pick({"0.5", "0.1"}), random_.Pick({"0.3", "0.9"}));
  }
  if (kind == 10 && random_.OneIn(3)) {
    return fmt::format("{}({}[{}] {})", random_.Pick({"rate", "increase", "delta"}), Selector(),
                       Duration(), random_.Pick({"anchored", "smoothed"}));
  }
  return fmt::format(
      "{}({})",
      random_.Pick({"mad_over_time", "first_over_time", "ts_of_first_over_time",
                    "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"}),
      matrix);
}

std::string QueryGenerator::Function(int depth) {
  const std::string operand = Vector(depth - 1);
  switch (random_.Below(9)) {
    case 0:
      return fmt::format("clamp({}, {}, {})", operand, Scalar(depth - 1), Scalar(depth - 1));
    case 1:
      return fmt::format("{}({}, {})", random_.Pick({"clamp_min", "clamp_max"}), operand,
                         Scalar(depth - 1));
    case 2:
      return random_.OneIn(2)
                 ? fmt::format("round({})", operand)
                 : fmt::format("round({}, {})", operand, random_.Pick({"0.1", "5", "-2", "0"}));
    case 3:
      return fmt::format("timestamp({})", random_.OneIn(2) ? Selector() + Modifiers() : operand);
    case 4:
      return fmt::format("{}({})",
                         random_.Pick({"hour", "minute", "month", "year", "day_of_month",
                                       "day_of_week", "day_of_year", "days_in_month"}),
                         operand);
    case 5:
      return fmt::format("{}({})", random_.Pick({"absent", "sort", "sort_desc"}), operand);
    case 6:
      return fmt::format("vector({})", Scalar(depth - 1));
    default:
      return fmt::format("{}({})", random_.Pick({"abs",   "ceil",  "floor", "exp",  "sqrt", "ln",
                                                 "log2",  "log10", "sgn",   "sin",  "cos",  "tan",
                                                 "asin",  "acos",  "atan",  "sinh", "cosh", "tanh",
                                                 "asinh", "acosh", "atanh", "deg",  "rad"}),
                         operand);
  }
}

std::string QueryGenerator::HistogramFunction(int depth) {
  const std::string buckets =
      random_.OneIn(2)
          ? fmt::format("{}(latency_bucket[{}])",
                        modern() ? random_.Pick({"rate", "increase"}) : "delta", Duration())
          : fmt::format("sum by (le, job) ({}(latency_bucket[{}]))", modern() ? "rate" : "delta",
                        Duration());
  std::string operand = random_.OneIn(4) ? Vector(depth - 1) : buckets;
  if (dialect_ == Dialect::kFull && random_.OneIn(2)) {
    operand = random_.Pick({"native_seconds", "custom_seconds", "native_gauge", "mixed"});
    operand = random_.OneIn(2)
                  ? operand + Modifiers()
                  : fmt::format("{}({}[{}])", random_.Pick({"rate", "increase", "sum_over_time"}),
                                operand, Duration());
    if (random_.OneIn(3)) operand = fmt::format("sum by (job) ({})", operand);
  }
  const std::string q =
      random_.Pick({"0.5", "0.9", "0.99", "0", "1", "2", "-1", modern() ? "NaN" : "0.2"});
  if (dialect_ != Dialect::kFull || random_.OneIn(3)) {
    return fmt::format("histogram_quantile({}, {})", q, operand);
  }
  if (random_.OneIn(5)) {
    return fmt::format("histogram_fraction({}, {}, {})", random_.Pick({"0", "-Inf", "0.2"}),
                       random_.Pick({"1", "Inf", "0.2", "3"}), operand);
  }
  if (random_.OneIn(6)) return fmt::format("histogram_quantiles({}, \"q\", 0.5, {})", operand, q);
  return fmt::format("{}({})",
                     random_.Pick({"histogram_count", "histogram_sum", "histogram_avg",
                                   "histogram_stddev", "histogram_stdvar"}),
                     operand);
}

std::string QueryGenerator::LabelFunction(int depth) {
  const std::string operand = Vector(depth - 1);
  switch (random_.Below(modern() ? 5 : 3)) {
    case 0:
      return fmt::format(R"(label_join({}, "{}", "{}", "job", "{}"))", operand,
                         random_.Pick({"joined", "instance", modern() ? "__name__" : "job"}),
                         random_.Pick({"-", ""}), random_.Pick({"instance", "code"}));
    case 1:
    case 2:
      return fmt::format(R"(label_replace({}, "{}", "{}", "{}", "{}"))", operand,
                         random_.Pick({"short", "job", "instance", modern() ? "__name__" : "job"}),
                         random_.Pick({"$1", "x-$1", "", "fixed"}),
                         random_.Pick({"instance", "job", "__name__"}),
                         random_.Pick({"host-(.*)", "(.*)", "a(.).*", "(d|w).*"}));
    case 3:
      return fmt::format("{}({}, \"{}\")", random_.Pick({"sort_by_label", "sort_by_label_desc"}),
                         operand, random_.Pick({"job", "instance", "code"}));
    default:
      return random_.OneIn(3) ? fmt::format("info({}, {{zone=~\"{}\"}})", operand,
                                            random_.Pick({".+", "east", ".*"}))
                              : fmt::format("info({})", operand);
  }
}

}  // namespace tributary::reference
