#include "promql/observe/observed_engine.h"

#include <optional>
#include <utility>

namespace tributary::promql {
namespace {

class ObservedEngine final : public Engine {
 public:
  ObservedEngine(std::unique_ptr<Engine> engine, Observers observers)
      : engine_(std::move(engine)), observers_(observers) {}

  base::Result<QueryResult> Instant(storage::Queryable& source, std::string_view query,
                                    model::Timestamp t, const QueryOptions& options) override {
    return Observe({query, t, t, 0}, options, [&](const QueryOptions& observed) {
      return engine_->Instant(source, query, t, observed);
    });
  }

  base::Result<QueryResult> Range(storage::Queryable& source, std::string_view query,
                                  model::Timestamp start, model::Timestamp end, int64_t step_ms,
                                  const QueryOptions& options) override {
    return Observe({query, start, end, step_ms}, options, [&](const QueryOptions& observed) {
      return engine_->Range(source, query, start, end, step_ms, observed);
    });
  }

  void SetDefaultStep(int64_t step_ms) override { engine_->SetDefaultStep(step_ms); }
  const EngineOptions& options() const override { return engine_->options(); }

 private:
  struct Question {
    std::string_view query;
    model::Timestamp start, end;
    int64_t step_ms;
  };

  // Its slot in the file, from the moment the query runs.
  struct Slot {
    ActiveQueryFile* file;
    int slot = -1;
    ~Slot() {
      if (file != nullptr) file->Remove(slot);
    }
  };

  template <class Ask>
  base::Result<QueryResult> Observe(const Question& question, const QueryOptions& options,
                                    const Ask& ask) {
    QueryOptions observed = options;
    std::optional<ActiveQueries::Entry> entry;
    // Who brought counters of their own watches those.
    if (observers_.active != nullptr && options.progress == nullptr) {
      ActiveQuery about;
      about.query = question.query;
      about.origin = options.origin;
      about.start = question.start;
      about.end = question.end;
      about.step_ms = question.step_ms;
      about.since_ms = observers_.clock->NowMs();
      entry.emplace(*observers_.active, std::move(about));
      observed.progress = &entry->progress();
    }
    if (observers_.log != nullptr && observers_.log->enabled()) observed.count_samples = true;
    bool started = false;
    Slot slot{observers_.file};
    observed.started = [&] {
      started = true;
      if (slot.file != nullptr) {
        slot.slot = slot.file->Insert(question.query, observers_.clock->NowMs());
      }
      if (options.started) options.started();
    };
    base::Result<QueryResult> result = ask(observed);
    Log(question, options.origin, started, result);
    return result;
  }

  // As in Prometheus, a text that is no query is not logged.
  void Log(const Question& question, const QueryOrigin& origin, bool started,
           const base::Result<QueryResult>& result) {
    if (observers_.log == nullptr || !observers_.log->enabled()) return;
    if (!result && (!started || result.error().code() == base::ErrorCode::kInvalidArgument)) return;
    const QueryStats none;
    QueryLogEntry line;
    line.time_ms = observers_.clock->NowMs();
    line.query = question.query;
    line.start = question.start;
    line.end = question.end;
    line.step_ms = question.step_ms;
    line.stats = result ? &result->stats : &none;
    line.error = result ? nullptr : &result.error();
    line.origin = &origin;
    observers_.log->Write(line);
  }

  const std::unique_ptr<Engine> engine_;
  const Observers observers_;
};

}  // namespace

std::unique_ptr<Engine> ObserveEngine(std::unique_ptr<Engine> engine, Observers observers) {
  return std::make_unique<ObservedEngine>(std::move(engine), observers);
}

}  // namespace tributary::promql
