// Random PromQL, type-correct by construction, over the metrics of random_data.h, with the times at
// which to ask it.
#pragma once

#include <cstdint>
#include <string>

#include "random.h"

namespace tributary::reference {

// Times in milliseconds.
struct RandomQuery {
  std::string text;
  int64_t time = 0;  // of the instant query
  int64_t start = 0, end = 0, step = 0;
};

enum class Dialect : uint8_t {
  kFull,  // all of Prometheus 3.14's with its experimental features
  // What Prometheus 2.42 has and answers alike. It is asked where no sample or step of a subquery
  // lies on the left end of a range, which 2.x includes. It has another rule for extrapolation to
  // zero (so there is no rate), keeps names through atan2, and treats NaN differently here and
  // there.
  kVersion2,
};

class QueryGenerator {
 public:
  QueryGenerator(uint64_t seed, Dialect dialect) : random_(seed), dialect_(dialect) {}

  RandomQuery Next();

 private:
  std::string Scalar(int depth);
  std::string Vector(int depth);
  std::string Matrix(int depth);

  std::string Selector();
  std::string Metric();
  std::string Matchers();
  std::string Modifiers();
  std::string Duration();
  std::string Number();
  std::string Labels();
  std::string Aggregation(int depth);
  std::string Binary(int depth);
  std::string Matching(bool set_operator);
  std::string OverTime(int depth);
  std::string Function(int depth);
  std::string HistogramFunction(int depth);
  std::string LabelFunction(int depth);
  bool modern() const { return dialect_ != Dialect::kVersion2; }

  Random random_;
  const Dialect dialect_;
};

}  // namespace tributary::reference
