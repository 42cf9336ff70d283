#include "discovery/kubernetes/objects.h"

#include "discovery/kubernetes/json.h"

namespace tributary::discovery::kubernetes {
namespace {

NameValues ReadNameValues(const Json& json) {
  NameValues out;
  json.EachField(
      [&](std::string_view name, const Json& value) { out.emplace_back(name, value.Text()); });
  out.shrink_to_fit();
  return out;
}

template <class T>
std::shared_ptr<Object> ReadControlled(const Json& json) {
  auto object = std::make_shared<T>();
  object->controller = ReadController(json["metadata"]);
  return object;
}

bool KeepsLabels(Kind kind) { return kind != Kind::kReplicaSet && kind != Kind::kJob; }

std::shared_ptr<Object> ReadKind(Kind kind, const Json& json) {
  switch (kind) {
    case Kind::kPod:
      return ReadPod(json);
    case Kind::kService:
      return ReadService(json);
    case Kind::kNode:
      return ReadNode(json);
    case Kind::kNamespace:
      return std::make_shared<Namespace>();
    case Kind::kEndpoints:
      return ReadEndpoints(json);
    case Kind::kEndpointSlice:
      return ReadEndpointSlice(json);
    case Kind::kIngress:
      return ReadIngress(json);
    case Kind::kReplicaSet:
      return ReadControlled<ReplicaSet>(json);
    case Kind::kJob:
      return ReadControlled<Job>(json);
  }
  return nullptr;
}

}  // namespace

std::string_view Meta::Label(std::string_view label_name) const {
  for (const auto& [key, value] : labels) {
    if (key == label_name) return value;
  }
  return {};
}

std::string Meta::Key() const {
  return name_space.empty() ? name : NamespacedName(name_space, name);
}

std::string NamespacedName(std::string_view name_space, std::string_view name) {
  std::string key;
  key.reserve(name_space.size() + 1 + name.size());
  key += name_space;
  key += '/';
  key += name;
  return key;
}

ObjectPtr ReadObject(Kind kind, const Json& json) {
  const Json meta = json["metadata"];
  if (meta["name"].Text().empty()) return nullptr;
  std::shared_ptr<Object> object = ReadKind(kind, json);
  object->meta.name = meta["name"].String();
  object->meta.name_space = meta["namespace"].String();
  if (KeepsLabels(kind)) {
    object->meta.labels = ReadNameValues(meta["labels"]);
    object->meta.annotations = ReadNameValues(meta["annotations"]);
  }
  return object;
}

std::optional<ObjectReference> ReadReference(const Json& json) {
  if (!json.present()) return std::nullopt;
  return ObjectReference{json["kind"].String(), json["namespace"].String(), json["name"].String()};
}

Controller ReadController(const Json& metadata) {
  std::optional<Controller> controller;
  metadata["ownerReferences"].Each([&](const Json& owner) {
    if (controller || !owner["controller"].Bool().value_or(false)) return;
    controller = Controller{owner["kind"].String(), owner["name"].String()};
  });
  return controller.value_or(Controller{});
}

}  // namespace tributary::discovery::kubernetes
