// Any text, and any query of the generator, has an answer or an error that says something, within
// its budget. The first byte chooses: even, the rest is a query; odd, it is a seed of the
// generator.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/metrics.h"
#include "base/threads.h"
#include "promql/engine.h"
#include "random_data.h"
#include "random_query.h"
#include "storage/memory_store.h"

namespace {

using namespace tributary;  // NOLINT(google-build-using-namespace)

struct Setup {
  Setup() {
    CHECK(reference::StoreData(reference::RandomData(1, /*with_histograms=*/true), store),
          "the data is stored");
    promql::EngineOptions options;
    options.timeout_ms = 2'000;
    options.max_samples = 200'000;
    options.max_bytes = 64 << 20;
    options.features = {.experimental_functions = true,
                        .extended_range_selectors = true,
                        .binop_fill_modifiers = true};
    engine = promql::Engine::Create(options, pool, metrics);
  }
  storage::MemoryStore store;
  base::ThreadPool pool{"fuzz", 1};
  base::MetricsRegistry metrics;
  std::unique_ptr<promql::Engine> engine;
};

void Ask(const std::string& query) {
  static Setup& setup = *new Setup();  // outlives whatever runs at exit
  const auto check = [](const auto& answer) {
    CHECK(answer || !answer.error().message().empty(), "an error says something");
  };
  const int64_t start = reference::kDataStart;
  check(setup.engine->Instant(setup.store, query, start + reference::kDataLength / 2, {}));
  check(setup.engine->Range(setup.store, query, start, start + reference::kDataLength, 60'000, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    Ask(std::string(rest));
    return 0;
  }
  uint64_t seed = 0;
  std::memcpy(&seed, rest.data(), std::min(rest.size(), sizeof(seed)));
  reference::QueryGenerator generator(seed, reference::Dialect::kFull);
  Ask(generator.Next().text);
  return 0;
}
