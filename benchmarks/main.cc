#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "loadgen.h"

namespace {

int Usage() {
  fmt::print(stderr,
             "usage: loadgen ingest|live URL SERIES TICKS INTERVAL_MS BATCH CONNECTIONS "
             "[REPLACE_TICKS]\n"
             "       loadgen farm PORT TARGETS SAMPLES [churn]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using tributary::base::ParseUint;
  const std::string_view command = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return ParseUint(argv[i]).value_or(0); };
  if ((command == "ingest" || command == "live") && (argc == 8 || argc == 9)) {
    return tributary::loadgen::RunIngest({.url = argv[2],
                                          .series = number(3),
                                          .ticks = number(4),
                                          .interval_ms = static_cast<int64_t>(number(5)),
                                          .batch = number(6),
                                          .connections = number(7),
                                          .live = command == "live",
                                          .replace_ticks = argc == 9 ? number(8) : 0});
  }
  if (command == "farm" && (argc == 5 || argc == 6)) {
    return tributary::loadgen::RunFarm(static_cast<uint16_t>(number(2)), number(3), number(4),
                                       argc == 6);
  }
  return Usage();
}
