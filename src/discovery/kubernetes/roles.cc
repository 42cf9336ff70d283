#include "discovery/kubernetes/roles.h"

#include <algorithm>
#include <array>

namespace tributary::discovery::kubernetes {

const Role* FindRole(std::string_view name) {
  static constexpr std::array<Role, 6> kRoles = {{
      {"pod", Kind::kPod, "pod", BuildPod},
      {"service", Kind::kService, "svc", BuildService},
      {"node", Kind::kNode, "node", BuildNode},
      {"endpoints", Kind::kEndpoints, "endpoints", BuildEndpoints},
      {"endpointslice", Kind::kEndpointSlice, "endpointslice", BuildEndpointSlice},
      {"ingress", Kind::kIngress, "ingress", BuildIngress},
  }};
  const auto* const found = std::ranges::find(kRoles, name, &Role::name);
  return found == kRoles.end() ? nullptr : found;
}

void AddNamespaceLabels(const Meta& meta, ClusterView& view, const RoleOptions& options,
                        MetaLabels* labels) {
  if (!options.attach_namespace) return;
  const auto* name_space = view.Find<Namespace>(meta.name_space);
  if (name_space != nullptr) labels->AddLabelsAndAnnotations("namespace", name_space->meta);
}

}  // namespace tributary::discovery::kubernetes
