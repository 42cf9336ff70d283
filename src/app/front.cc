#include "app/front.h"

#include <utility>

#include "base/log.h"

namespace tributary::app {

base::Result<std::unique_ptr<Front>> Front::Create(const Options& options, web::Web& web,
                                                   base::FileSystem& fs) {
  std::unique_ptr<Front> front(new Front(options, web, fs));
  config::WebConfig web_config;
  if (!options.web_config_file.empty()) {
    ASSIGN_OR_RETURN(front->web_config_text_, fs.ReadFile(options.web_config_file));
    ASSIGN_OR_RETURN(web_config, config::LoadWebConfig(fs, options.web_config_file));
  }
  web.SetWebConfig(web_config);

  net::HttpServerOptions server;
  server.listen_addresses = options.listen_addresses;
  server.tls = web_config.tls;
  server.max_connections = static_cast<int>(options.max_connections);
  server.read_timeout_ms = options.read_timeout_ms;
  ASSIGN_OR_RETURN(front->server_,
                   net::HttpServer::Create(
                       std::move(server),
                       [&web](net::Request& request, net::ResponseWriter& response) {
                         return web.CheckHead(request, response);
                       },
                       [&web](net::Request& request, net::ResponseWriter& response) {
                         web.Handle(request, response);
                       }));
  const std::vector<uint16_t> ports = front->server_->ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    LOG_INFO("Listening on", kv("address", options.listen_addresses[i]), kv("port", ports[i]),
             kv("tls", web_config.tls.has_value()));
  }
  return front;
}

base::Status Front::RefreshWebConfig() {
  if (options_.web_config_file.empty()) return {};
  // A file that is being replaced may be away for a moment: the next look finds it.
  const auto text = fs_.ReadFile(options_.web_config_file);
  if (!text || *text == web_config_text_) return {};
  web_config_text_ = *text;
  ASSIGN_OR_RETURN(const config::WebConfig web_config,
                   config::LoadWebConfig(fs_, options_.web_config_file));
  RETURN_IF_ERROR(server_->ReloadTls(web_config.tls));
  web_.SetWebConfig(web_config);
  LOG_INFO("Web configuration changed", kv("file", options_.web_config_file));
  return {};
}

}  // namespace tributary::app
