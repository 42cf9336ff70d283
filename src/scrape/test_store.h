// What scrape tests read back: a recording Appendable that renders every commit as text.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/strings.h"
#include "model/float_histogram.h"
#include "storage/appender.h"

namespace tributary::scrape {

// Committed samples in order, as "up{…} <t> <v>"; "stale" stands for the staleness marker, and
// histograms are written as promqltest does.
// Thread-safe.
class RecordingStore final : public storage::Appendable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<Recorder>(*this);
  }

  std::vector<std::string> Take() {
    base::MutexLock lock(mutex_);
    return std::exchange(committed_, {});
  }
  // Forgets all series: their refs become unknown, as after a store's garbage collection.
  void ForgetSeries() {
    base::MutexLock lock(mutex_);
    first_ref_ += series_.size();
    series_.clear();
    by_labels_.clear();
  }

 private:
  class Recorder final : public storage::Appender {
   public:
    explicit Recorder(RecordingStore& store) : store_(store) {}

    base::Result<model::SeriesRef> GetOrCreate(model::LabelSpan labels, uint64_t hash) override {
      EXPECT_EQ(hash, model::HashLabels(labels));
      base::MutexLock lock(store_.mutex_);
      const std::string text = model::Labels::FromSpan(labels).ToMetricString();
      const auto [it, is_new] =
          store_.by_labels_.try_emplace(text, store_.first_ref_ + store_.series_.size());
      if (is_new) {
        store_.series_.push_back(text);
        ++stats_.series_created;
      }
      return model::SeriesRef(it->second);
    }

    void Append(std::span<const storage::RefSample> samples,
                std::span<storage::AppendOutcome> outcomes) override {
      base::MutexLock lock(store_.mutex_);
      for (size_t i = 0; i < samples.size(); ++i) {
        const uint64_t ref = samples[i].ref.value();
        if (ref < store_.first_ref_ || ref - store_.first_ref_ >= store_.series_.size()) {
          outcomes[i] = storage::AppendOutcome::kUnknownSeries;
          continue;
        }
        outcomes[i] = storage::AppendOutcome::kAppended;
        staged_.push_back(
            store_.series_[ref - store_.first_ref_] + " " + std::to_string(samples[i].t) + " " +
            (model::IsStaleNaN(samples[i].v) ? "stale" : base::FormatFloat(samples[i].v)));
      }
    }

    void AppendWithStarts(std::span<const storage::RefSample> samples,
                          const storage::Starts& starts,
                          std::span<storage::AppendOutcome> outcomes) override {
      for (size_t i = 0; i < samples.size(); ++i) {
        Append(samples.subspan(i, 1), outcomes.subspan(i, 1));
        if (starts[i] != 0 && outcomes[i] == storage::AppendOutcome::kAppended) {
          staged_.back() += " since " + std::to_string(starts[i]);
        }
      }
    }

    storage::AppendOutcome AppendHistogramWithStart(model::SeriesRef ref, model::Timestamp t,
                                                    model::Timestamp start,
                                                    const model::Histogram& h) override {
      const storage::AppendOutcome outcome = AppendHistogram(ref, t, h);
      if (start != 0 && outcome == storage::AppendOutcome::kAppended) {
        staged_.back() += " since " + std::to_string(start);
      }
      return outcome;
    }
    storage::AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                           const model::Histogram& h) override {
      return AppendHistogram(ref, t, model::ToFloat(h));
    }
    storage::AppendOutcome AppendHistogram(model::SeriesRef ref, model::Timestamp t,
                                           const model::FloatHistogram& h) override {
      base::MutexLock lock(store_.mutex_);
      if (ref.value() < store_.first_ref_) {
        return storage::AppendOutcome::kUnknownSeries;
      }
      if (!model::Validate(h)) {
        return storage::AppendOutcome::kInvalid;
      }
      staged_.push_back(store_.series_[ref.value() - store_.first_ref_] + " " + std::to_string(t) +
                        " " + model::ToTestExpression(h));
      return storage::AppendOutcome::kAppended;
    }
    void AppendExemplar(model::SeriesRef, const model::Exemplar&) override {}
    void UpdateMetadata(model::SeriesRef, const model::Metadata&) override {}

    base::Status Commit() override {
      base::MutexLock lock(store_.mutex_);
      std::move(staged_.begin(), staged_.end(), std::back_inserter(store_.committed_));
      staged_.clear();
      return {};
    }
    void Rollback() override { staged_.clear(); }
    const storage::AppenderStats& stats() const override { return stats_; }

   private:
    RecordingStore& store_;
    std::vector<std::string> staged_;
    storage::AppenderStats stats_;
  };

  base::Mutex mutex_;
  uint64_t first_ref_ TB_GUARDED_BY(mutex_) = 1;
  std::vector<std::string> series_ TB_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> by_labels_ TB_GUARDED_BY(mutex_);
  std::vector<std::string> committed_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::scrape
