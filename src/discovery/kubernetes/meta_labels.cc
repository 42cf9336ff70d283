#include "discovery/kubernetes/meta_labels.h"

namespace tributary::discovery::kubernetes {
namespace {

constexpr std::string_view kPrefix = "__meta_kubernetes_";

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string Concat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

}  // namespace

std::string SanitizeLabelName(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (const char c : name) {
    const bool continues_rune = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    if (continues_rune) continue;
    out += IsNameByte(c) ? c : '_';
  }
  return out;
}

std::string JoinHostPort(std::string_view host, int64_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return Concat({is_v6 ? "[" : "", host, is_v6 ? "]:" : ":", std::to_string(port)});
}

void MetaLabels::Add(std::string_view name, std::string_view value) {
  pairs_.emplace_back(Concat({kPrefix, name}), value);
}

void MetaLabels::AddMeta(std::string_view kind, const Meta& meta) {
  Add(Concat({kind, "_name"}), meta.name);
  AddLabelsAndAnnotations(kind, meta);
}

void MetaLabels::AddLabelsAndAnnotations(std::string_view kind, const Meta& meta) {
  const auto add = [&](std::string_view what, const NameValues& pairs) {
    for (const auto& [key, value] : pairs) {
      const std::string name = SanitizeLabelName(key);
      Add(Concat({kind, "_", what, "_", name}), value);
      Add(Concat({kind, "_", what, "present_", name}), "true");
    }
  };
  add("label", meta.labels);
  add("annotation", meta.annotations);
}

void MetaLabels::AddAll(const model::Labels& labels) {
  for (const model::Label& label : labels) pairs_.emplace_back(label.name, label.value);
}

model::Labels MetaLabels::Build() { return model::Labels::FromPairs(std::exchange(pairs_, {})); }

}  // namespace tributary::discovery::kubernetes
