// /api/v1/notifications and notifications/live, the same as server-sent events.
#include <string>

#include "web/api_params.h"
#include "web/envelope.h"
#include "web/routes.h"

namespace tributary::web {
namespace {

// How soon a handler sees that its client has gone.
constexpr int64_t kLookMs = 250;

void WriteNotification(wire::JsonWriter& json, const Notification& notification) {
  json.BeginObject();
  json.Key("text");
  json.String(notification.text);
  json.Key("date");
  json.String(FormatTime(notification.date_ms));
  json.Key("active");
  json.Bool(notification.active);
  json.EndObject();
}

void List(const Context& context, Call& call) {
  Envelope envelope(call.response);
  wire::JsonWriter& json = envelope.data();
  json.BeginArray();
  if (context.services.notifications != nullptr) {
    for (const Notification& notification : context.services.notifications->List()) {
      WriteNotification(json, notification);
    }
  }
  json.EndArray();
  envelope.Finish();
}

// Holds a thread of the server for each subscriber, which is why there are few.
void Live(const Context& context, Call& call) {
  const auto subscription = context.services.notifications == nullptr
                                ? nullptr
                                : context.services.notifications->Subscribe();
  call.response.SetHeader("Content-Type", "text/event-stream");
  call.response.SetHeader("Cache-Control", "no-cache");
  if (subscription == nullptr) return call.response.SetStatus(204);
  call.response.DisableCompression();
  bool open = call.response.Flush();
  while (open && !call.request.cancelled()) {
    const auto notification = subscription->Next(kLookMs);
    if (!notification) continue;
    std::string event = "data: ";
    wire::JsonWriter json(&event);
    WriteNotification(json, *notification);
    event += "\n\n";
    open = call.response.Write(event) && call.response.Flush();
  }
}

}  // namespace

void AddNotificationRoutes(Router& router, const Context& context) {
  const RouteOptions always = ApiRoute(kGet, /*server_only=*/false, Needs::kNothing);
  router.Add("/api/v1/notifications", always, [&context](Call& call) { List(context, call); });
  router.Add("/api/v1/notifications/live", always, [&context](Call& call) { Live(context, call); });
}

}  // namespace tributary::web
