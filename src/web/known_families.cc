#include "web/known_families.h"

#include <iterator>

namespace tributary::web {

std::vector<std::pair<std::string, model::Metadata>> KnownFamilies(const Context& context) {
  std::vector<std::pair<std::string, model::Metadata>> all;
  for (scrape::FamilyMetadata& family : context.services.scrape->Metadata()) {
    all.emplace_back(std::move(family.family), std::move(family.metadata));
  }
  if (context.services.write != nullptr) {
    auto told = context.services.write->Families();
    all.insert(all.end(), std::move_iterator(told.begin()), std::move_iterator(told.end()));
  }
  return all;
}

}  // namespace tributary::web
