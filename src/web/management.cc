// /-/healthy, /-/ready, /-/reload, /-/quit, /metrics, /version and the redirects of the root.
#include <atomic>
#include <memory>

#include "web/build_info.h"
#include "web/federation_encoder.h"
#include "web/global_url.h"
#include "web/routes.h"
#include "web/self_metrics.h"

namespace tributary::web {
namespace {

std::string AppName(const Context& context) {
  return context.options.agent ? "Prometheus Agent" : "Prometheus Server";
}

void Redirect(Call& call, const std::string& location) {
  RespondRedirect(call.request, call.response, 302, location);
}

void Reload(const Context& context, Call& call) {
  if (const base::Status status = context.services.reload(); !status) {
    RespondText(call.response, 500, "failed to reload config: " + status.error().message());
  }
}

void AddLifecycle(Router& router, const Context& context) {
  RouteOptions change;
  change.methods = kPost | kPut;
  change.needs = Needs::kNothing;
  if (context.services.reload) {
    router.Add("/-/reload", change, [&context](Call& call) { Reload(context, call); });
    auto asked = std::make_shared<std::atomic<bool>>(false);
    router.Add("/-/quit", change, [&context, asked](Call& call) {
      if (asked->exchange(true)) {
        return RespondPlain(call.response, 200, "Termination already in progress.");
      }
      RespondPlain(call.response, 200, "Requesting termination... Goodbye!");
      context.services.quit();
    });
  } else {
    for (const char* pattern : {"/-/reload", "/-/quit"}) {
      router.Add(pattern, change, [](Call& call) {
        RespondPlain(call.response, 403, "Lifecycle API is not enabled.");
      });
    }
  }
  RouteOptions look = change;
  look.methods = kGet;
  for (const char* pattern : {"/-/reload", "/-/quit"}) {
    router.Add(pattern, look, [](Call& call) {
      RespondPlain(call.response, 405, "Only POST or PUT requests allowed");
    });
  }
}

// Text, or protobuf for whoever prefers it.
void ServeOwnMetrics(const Context& context, Call& call) {
  const FederationFormat format = NegotiateFederation(call.request.header("Accept"));
  std::string text = context.services.metrics->RenderText();
  if (format.protobuf) {
    const auto families = ReadSelfMetrics(text);
    if (!families) return RespondText(call.response, 500, families.error().message());
    text = EncodeSelfMetrics(*families);
  }
  call.response.SetHeader("Content-Type", ContentTypeOf(format));
  call.response.Write(text);
}

}  // namespace

void AddManagementRoutes(Router& router, const Context& context) {
  RouteOptions probe;
  probe.methods = kGet | kHead;
  probe.needs = Needs::kNothing;
  router.Add("/-/healthy", probe, [&context](Call& call) {
    RespondPlain(call.response, 200, AppName(context) + " is Healthy.\n");
  });
  probe.needs = Needs::kReady;
  router.Add("/-/ready", probe, [&context](Call& call) {
    RespondPlain(call.response, 200, AppName(context) + " is Ready.\n");
  });
  AddLifecycle(router, context);

  RouteOptions always;
  always.needs = Needs::kNothing;
  router.Add("/metrics", always, [&context](Call& call) { ServeOwnMetrics(context, call); });
  router.Add("/version", always, [](Call& call) {
    std::string text;
    wire::JsonWriter json(&text);
    WriteBuildInfo(json);
    RespondPlain(call.response, 200, text + "\n");  // of Prometheus's type, though it is JSON
  });
  const std::string base_path = UrlPath(context.options.external_url);
  const std::string home = base_path + (context.options.agent ? "/agent" : "/query");
  router.Add("/", always, [home](Call& call) { Redirect(call, home); });
  router.Add("/graph", always, [base_path](Call& call) {
    Redirect(call, base_path + "/query?" + std::string(call.request.raw_query()));
  });
}

}  // namespace tributary::web
