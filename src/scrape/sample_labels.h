// From the labels of an exposed line to the labels of a stored series: target labels joined in,
// honor_labels, metric relabelling, limits. Source: prometheus scrape/scrape.go,
// mutateSampleLabels, verifyLabelLimits.
#pragma once

#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "model/labels.h"

namespace tributary::scrape {

class SampleLabels {
 public:
  // Both are borrowed and must outlive it.
  SampleLabels(const config::ScrapeConfig& config, const model::Labels& target_labels)
      : config_(config), target_labels_(target_labels) {}

  // `scraped` is sorted, with __name__. True: `out` holds the series' labels, borrowed from this
  // object until the next call. False: dropped by relabelling. An error fails the scrape.
  base::Result<bool> Build(model::LabelSpan scraped, std::vector<model::Label>* out);

  // Labels of a synthetic series (up, scrape_*): the target's and the name, no relabelling.
  void BuildReport(std::string_view name, std::vector<model::Label>* out);

 private:
  void JoinTargetLabels(model::LabelSpan scraped);
  base::Status CheckLimits(model::LabelSpan labels) const;

  const config::ScrapeConfig& config_;
  const model::Labels& target_labels_;
  model::LabelsBuilder builder_;
};

}  // namespace tributary::scrape
