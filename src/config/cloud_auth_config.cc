#include "config/cloud_auth_config.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/environment.h"
#include "base/strings.h"
#include "config/http_client_config.h"

namespace tributary::config {
namespace {

constexpr EnumName<net::AzureCloud> kClouds[] = {
    {"AzurePublic", net::AzureCloud::kPublic},
    {"AzureChina", net::AzureCloud::kChina},
    {"AzureGovernment", net::AzureCloud::kGovernment},
};
constexpr std::string_view kWorkloadTokenFile =
    "/var/run/secrets/azure/tokens/azure-identity-token";

bool IsHex(char c) { return base::HexDigit(c) >= 0; }

// 32 hexadecimal digits, with or without dashes between them, braces or "urn:uuid:" around.
bool IsUuid(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (base::EqualsIgnoreCase(text.substr(0, kUrn.size()), kUrn)) text.remove_prefix(kUrn.size());
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() == 32) return std::ranges::all_of(text, IsHex);
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHex(text[i])) return false;
  }
  return true;
}

// ASCII words, white space and what URLs have between words.
bool IsScope(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_ \t\n\f\r:/.-").find(c) != std::string_view::npos;
  });
}

void Require(MapReader& reader, std::string_view key, const std::string& value) {
  if (value.empty()) reader.FailHere(fmt::format("must provide a {}", key));
}

void CheckClientId(MapReader& reader, const std::string& id) {
  if (!id.empty() && !IsUuid(id)) reader.Fail("client_id", "the provided client_id is invalid");
}

void ReadClient(MapReader& reader, std::string* client_id, std::string* tenant_id) {
  reader.String("client_id", client_id);
  reader.String("tenant_id", tenant_id);
  Require(reader, "client_id", *client_id);
  Require(reader, "tenant_id", *tenant_id);
  CheckClientId(reader, *client_id);
}

net::AzureManagedIdentity ReadManagedIdentity(MapReader& reader) {
  net::AzureManagedIdentity out;
  reader.String("client_id", &out.client_id);
  CheckClientId(reader, out.client_id);
  return out;
}

net::AzureWorkloadIdentity ReadWorkloadIdentity(MapReader& reader) {
  net::AzureWorkloadIdentity out;
  ReadClient(reader, &out.client_id, &out.tenant_id);
  if (!out.tenant_id.empty() && !IsUuid(out.tenant_id)) {
    reader.Fail("tenant_id", "the provided tenant_id is invalid");
  }
  reader.String("token_file_path", &out.token_file);
  if (out.token_file.empty()) out.token_file = base::Environment("AZURE_FEDERATED_TOKEN_FILE");
  if (out.token_file.empty()) out.token_file = kWorkloadTokenFile;
  return out;
}

net::AzureSecret ReadSecret(MapReader& reader) {
  net::AzureSecret out;
  ReadClient(reader, &out.client_id, &out.tenant_id);
  reader.String("client_secret", &out.client_secret);
  Require(reader, "client_secret", out.client_secret);
  return out;
}

net::AzureSdk ReadSdk(MapReader& reader) {
  net::AzureSdk out;
  reader.String("tenant_id", &out.tenant_id);
  return out;
}

net::AzureCertificate ReadCertificate(MapReader& reader) {
  net::AzureCertificate out;
  ReadClient(reader, &out.client_id, &out.tenant_id);
  reader.String("certificate_path", &out.file);
  reader.String("certificate_key_path", &out.key_file);
  reader.String("certificate_password", &out.password);
  reader.Bool("send_certificate_chain", &out.send_chain);
  Require(reader, "certificate_path", out.file);
  return out;
}

void ReadAzureAd(MapReader& reader, net::AzureAd* out) {
  int identities = 0;
  const auto read = [&](std::string_view key, auto&& read_one) {
    reader.Map(key, [&](MapReader& child) {
      out->identity = read_one(child);
      ++identities;
    });
  };
  read("managed_identity", ReadManagedIdentity);
  read("workload_identity", ReadWorkloadIdentity);
  read("oauth", ReadSecret);
  read("sdk", ReadSdk);
  read("certificate", ReadCertificate);
  reader.Enum("cloud", kClouds, &out->cloud);
  reader.String("scope", &out->scope);
  if (identities != 1) {
    reader.FailHere(
        "must provide exactly one of managed_identity, workload_identity, oauth, sdk and "
        "certificate");
  }
  if (!IsScope(out->scope)) reader.Fail("scope", "the provided scope contains invalid characters");
}

void Print(const net::AzureManagedIdentity& identity, YamlNode* out) {
  YamlNode map = YamlNode::Map();
  map.SetUnlessEmpty("client_id", identity.client_id);
  out->Set("managed_identity", std::move(map));
}

void Print(const net::AzureWorkloadIdentity& identity, YamlNode* out) {
  YamlNode map = YamlNode::Map();
  map.SetUnlessEmpty("client_id", identity.client_id);
  map.SetUnlessEmpty("tenant_id", identity.tenant_id);
  map.SetUnlessEmpty("token_file_path", identity.token_file);
  out->Set("workload_identity", std::move(map));
}

void Print(const net::AzureSecret& identity, YamlNode* out) {
  YamlNode map = YamlNode::Map();
  map.SetUnlessEmpty("client_id", identity.client_id);
  SetSecret(&map, "client_secret", identity.client_secret);
  map.SetUnlessEmpty("tenant_id", identity.tenant_id);
  out->Set("oauth", std::move(map));
}

void Print(const net::AzureSdk& identity, YamlNode* out) {
  YamlNode map = YamlNode::Map();
  map.SetUnlessEmpty("tenant_id", identity.tenant_id);
  out->Set("sdk", std::move(map));
}

void Print(const net::AzureCertificate& identity, YamlNode* out) {
  YamlNode map = YamlNode::Map();
  map.SetUnlessEmpty("client_id", identity.client_id);
  map.SetUnlessEmpty("tenant_id", identity.tenant_id);
  map.SetUnlessEmpty("certificate_path", identity.file);
  map.SetUnlessEmpty("certificate_key_path", identity.key_file);
  SetSecret(&map, "certificate_password", identity.password);
  map.SetIfTrue("send_certificate_chain", identity.send_chain);
  out->Set("certificate", std::move(map));
}

}  // namespace

void ReadCloudAuth(MapReader& reader, net::HttpClientOptions* out) {
  reader.Map("azuread", [&](MapReader& child) { ReadAzureAd(child, &out->azuread.emplace()); });
  reader.Map("google_iam", [&](MapReader& child) {
    child.String("credentials_file", &out->google_iam.emplace().credentials_file);
  });
}

void PrintCloudAuth(const net::HttpClientOptions& http, YamlNode* map) {
  if (http.azuread) {
    YamlNode out = YamlNode::Map();
    std::visit([&](const auto& identity) { Print(identity, &out); }, http.azuread->identity);
    for (const auto& [name, cloud] : kClouds) {
      if (cloud == http.azuread->cloud) out.SetString("cloud", std::string(name));
    }
    out.SetUnlessEmpty("scope", http.azuread->scope);
    map->Set("azuread", std::move(out));
  }
  if (http.google_iam) {
    YamlNode out = YamlNode::Map();
    out.SetUnlessEmpty("credentials_file", http.google_iam->credentials_file);
    map->Set("google_iam", std::move(out));
  }
}

}  // namespace tributary::config
