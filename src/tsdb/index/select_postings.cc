#include "tsdb/index/select_postings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/container/flat_hash_map.h>

namespace tributary::tsdb {
namespace {

using model::Matcher;
using model::MatchType;

// A regexp looks through all values of its name when that is this much cheaper than being asked
// about each candidate.
constexpr size_t kValuesPerCandidate = 8;

std::vector<uint32_t> ToVector(const PostingList& list) {
  std::vector<uint32_t> out(list.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = list[i];
  return out;
}

// Keeps of `refs` what is in `list`.
void IntersectWith(const PostingList& list, std::vector<uint32_t>* refs) {
  size_t kept = 0;
  size_t at = 0;
  for (const uint32_t ref : *refs) {
    // Gallop: near when both are of a size, far when the list is much longer.
    size_t step = 1;
    size_t low = at;
    while (at < list.size() && list[at] < ref) {
      low = at + 1;
      at += step;
      step *= 2;
    }
    size_t high = std::min(at, list.size());
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (list[middle] < ref) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    at = low;
    if (at == list.size()) break;
    if (list[at] == ref) (*refs)[kept++] = ref;
  }
  refs->resize(kept);
}

void IntersectWith(const std::vector<uint32_t>& other, std::vector<uint32_t>* refs) {
  std::vector<uint32_t> both;
  std::ranges::set_intersection(*refs, other, std::back_inserter(both));
  *refs = std::move(both);
}

// A matcher as a question about one series, remembering its answer for each value.
class Probe {
 public:
  Probe(const IndexReader& index, const Matcher& matcher)
      : index_(index),
        matcher_(matcher),
        name_(index.FindSymbol(matcher.name())),
        matches_empty_(matcher.MatchesEmpty()) {}

  bool Matches(const std::vector<IndexReader::LabelPair>& labels) {
    if (!name_) return matches_empty_;
    const auto it = std::ranges::lower_bound(labels, *name_, {}, &IndexReader::LabelPair::name);
    if (it == labels.end() || it->name != *name_) return matches_empty_;
    const auto [known, added] = known_.try_emplace(it->value, false);
    if (added) known->second = matcher_.Matches(index_.Symbol(it->value));
    return known->second;
  }

 private:
  const IndexReader& index_;
  const Matcher& matcher_;
  const std::optional<uint32_t> name_;
  const bool matches_empty_;
  absl::flat_hash_map<uint32_t, bool> known_;
};

class Selection {
 public:
  explicit Selection(const IndexReader& index) : index_(index) {}

  base::Result<std::vector<uint32_t>> Run(storage::Matchers matchers) {
    std::vector<const Matcher*> regexps;
    std::vector<const Matcher*> others;
    for (const Matcher& m : matchers) {
      if (m.MatchesEmpty()) {
        others.push_back(&m);
        continue;
      }
      const IndexReader::Name* name = index_.FindName(m.name());
      if (name == nullptr) return std::vector<uint32_t>();
      if (m.type() == MatchType::kEqual) {
        const auto place = index_.FindValue(*name, m.value());
        if (!place) return std::vector<uint32_t>();
        ASSIGN_OR_RETURN(const PostingList list, index_.PostingsAt(*place));
        lists_.push_back(list);
      } else if (m.type() == MatchType::kRegexp && !m.regex()->set_matches().empty()) {
        ASSIGN_OR_RETURN(std::vector<uint32_t> refs, OfValues(*name, m.regex()->set_matches()));
        unions_.push_back(std::move(refs));
      } else {
        regexps.push_back(&m);
      }
    }
    RETURN_IF_ERROR(Intersect());
    for (const Matcher* m : regexps) {
      const IndexReader::Name& name = *index_.FindName(m->name());
      if (started_ && name.count > refs_.size() / kValuesPerCandidate) {
        others.push_back(m);
        continue;
      }
      ASSIGN_OR_RETURN(std::vector<uint32_t> refs, OfMatching(name, *m));
      if (started_) {
        IntersectWith(refs, &refs_);
      } else {
        refs_ = std::move(refs);
        started_ = true;
      }
    }
    if (!started_) {
      ASSIGN_OR_RETURN(const PostingList all, index_.AllPostings());
      refs_ = ToVector(all);
    }
    RETURN_IF_ERROR(Ask(others));
    return std::move(refs_);
  }

 private:
  base::Status Intersect() {
    std::ranges::sort(lists_, {}, &PostingList::size);
    std::ranges::sort(unions_, {}, &std::vector<uint32_t>::size);
    started_ = !lists_.empty() || !unions_.empty();
    if (!started_) return {};
    size_t next_list = 0;
    size_t next_union = 0;
    if (!lists_.empty()) {
      refs_ = ToVector(lists_[next_list++]);
    } else {
      refs_ = std::move(unions_[next_union++]);
    }
    for (; next_list < lists_.size(); ++next_list) IntersectWith(lists_[next_list], &refs_);
    for (; next_union < unions_.size(); ++next_union) IntersectWith(unions_[next_union], &refs_);
    return {};
  }

  base::Result<std::vector<uint32_t>> Union(const std::vector<uint32_t>& places) {
    std::vector<uint32_t> refs;
    for (const uint32_t place : places) {
      ASSIGN_OR_RETURN(const PostingList list, index_.PostingsAt(place));
      for (size_t i = 0; i < list.size(); ++i) refs.push_back(list[i]);
    }
    std::ranges::sort(refs);
    refs.erase(std::ranges::unique(refs).begin(), refs.end());
    return refs;
  }

  base::Result<std::vector<uint32_t>> OfValues(const IndexReader::Name& name,
                                               const std::vector<std::string>& values) {
    std::vector<uint32_t> places;
    for (const std::string& value : values) {
      if (const auto place = index_.FindValue(name, value)) places.push_back(*place);
    }
    return Union(places);
  }

  base::Result<std::vector<uint32_t>> OfMatching(const IndexReader::Name& name,
                                                 const Matcher& matcher) {
    std::vector<uint32_t> places;
    for (uint32_t place = name.first; place < name.first + name.count; ++place) {
      if (matcher.Matches(index_.ValueAt(place))) places.push_back(place);
    }
    return Union(places);
  }

  // Every candidate is read here once, so that who uses the refs need not fear a damaged series.
  base::Status Ask(const std::vector<const Matcher*>& matchers) {
    std::vector<Probe> probes;
    for (const Matcher* m : matchers) probes.emplace_back(index_, *m);
    std::vector<IndexReader::LabelPair> labels;
    size_t kept = 0;
    for (size_t i = 0; i < refs_.size(); ++i) {
      // Lists of a damaged file need not ascend.
      if (kept > 0 && refs_[i] <= refs_[kept - 1]) continue;
      ASSIGN_OR_RETURN(const base::Bytes rest, index_.ReadSeries(refs_[i], &labels));
      (void)rest;
      const bool all = std::ranges::all_of(probes, [&](Probe& p) { return p.Matches(labels); });
      if (all) refs_[kept++] = refs_[i];
    }
    refs_.resize(kept);
    return {};
  }

  const IndexReader& index_;
  std::vector<PostingList> lists_;
  std::vector<std::vector<uint32_t>> unions_;
  std::vector<uint32_t> refs_;
  bool started_ = false;  // refs_ is no longer "all"
};

}  // namespace

base::Result<std::vector<uint32_t>> SelectPostings(const IndexReader& index,
                                                   storage::Matchers matchers) {
  return Selection(index).Run(matchers);
}

}  // namespace tributary::tsdb
