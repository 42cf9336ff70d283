// Series of samples of many shapes, for the tests of chunk codecs. Random, with a fixed seed.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/sample.h"

namespace tributary::chunk {

inline std::vector<std::pair<std::string, std::vector<model::Sample>>> SampleShapes() {
  std::mt19937_64 random(20);
  const auto uniform = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  using Step = std::function<int64_t(size_t)>;
  using Value = std::function<double(size_t)>;
  const std::vector<std::pair<std::string, Step>> steps = {
      {"regular", [](size_t) { return 15000; }},
      {"jitter", [&](size_t) { return 15000 + uniform(-5, 5); }},
      {"wide jitter", [&](size_t) { return uniform(1, 200000); }},
      {"gaps", [&](size_t i) { return i % 7 == 0 ? uniform(1, 1LL << 40) : 1000; }},
      {"same time", [](size_t) { return 0; }},
      {"bin borders",
       [](size_t i) {
         static constexpr int64_t kSteps[] = {
             0, 8192,   0,       8191, 16383,  0,    65536, 0,    65535, 131070,  0, 524288,
             0, 524287, 1048574, 0,    524289, 4096, 0,     4095, 8190,  1048575, 0, 1 << 19};
         return kSteps[i % std::size(kSteps)];
       }},
  };
  double counter = 0;
  const std::vector<std::pair<std::string, Value>> values = {
      {"constant", [](size_t) { return 42.5; }},
      {"zero", [](size_t) { return 0; }},
      {"counter",
       [&](size_t i) {
         if (i == 0) counter = 1e6;
         return counter += static_cast<double>(uniform(0, 1000));
       }},
      {"gauge", [&](size_t) { return static_cast<double>(uniform(0, 100000)) / 100; }},
      {"floats", [&](size_t) { return std::sin(static_cast<double>(uniform(0, 1000000))); }},
      {"any bits", [&](size_t) { return std::bit_cast<double>(random()); }},
      {"sparse", [&](size_t i) { return i % 10 == 0 ? 1.0 : 0.0; }},
      {"special",
       [&](size_t) {
         const double kValues[] = {model::StaleNaN(),
                                   model::NormalNaN(),
                                   std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity(),
                                   0.0,
                                   -0.0,
                                   1.0,
                                   std::numeric_limits<double>::denorm_min(),
                                   std::numeric_limits<double>::max()};
         return kValues[static_cast<size_t>(uniform(0, 8))];
       }},
  };
  std::vector<std::pair<std::string, std::vector<model::Sample>>> shapes;
  for (const auto& [step_name, step] : steps) {
    for (const auto& [value_name, value] : values) {
      for (const size_t n : {1U, 2U, 3U, 4U, 5U, 120U, 500U}) {
        std::vector<model::Sample> samples;
        int64_t t = n % 2 == 0 ? 1'700'000'000'000 : -5'000'000;
        for (size_t i = 0; i < n; ++i) {
          samples.push_back({t, value(i)});
          t += step(i);
        }
        shapes.emplace_back(step_name + ", " + value_name + ", " + std::to_string(n),
                            std::move(samples));
      }
    }
  }
  return shapes;
}

}  // namespace tributary::chunk
