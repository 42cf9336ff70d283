// Authentication of remote write to the managed Prometheus services of Azure and Google, beside
// SigV4 of http_client.h. Source of fields: Prometheus storage/remote/azuread, googleiam.
#pragma once

#include <string>
#include <variant>

namespace tributary::net {

enum class AzureCloud : unsigned char { kPublic, kChina, kGovernment };

// What Azure gives to machines and pods, by its metadata service.
struct AzureManagedIdentity {
  std::string client_id;  // empty: that of the machine
  friend bool operator==(const AzureManagedIdentity&, const AzureManagedIdentity&) = default;
};

// A token of a Kubernetes service account, which Azure trusts.
struct AzureWorkloadIdentity {
  std::string client_id, tenant_id;
  std::string token_file;
  friend bool operator==(const AzureWorkloadIdentity&, const AzureWorkloadIdentity&) = default;
};

struct AzureSecret {
  std::string client_id, tenant_id, client_secret;
  friend bool operator==(const AzureSecret&, const AzureSecret&) = default;
};

struct AzureCertificate {
  std::string client_id, tenant_id;
  std::string file = {};      // PEM or PKCS #12
  std::string key_file = {};  // PEM; empty: the key is in `file`
  std::string password = {};  // of PKCS #12
  bool send_chain = false;
  friend bool operator==(const AzureCertificate&, const AzureCertificate&) = default;
};

// Whatever the environment has: a secret, a certificate, a workload's or a managed identity.
struct AzureSdk {
  std::string tenant_id;  // of a workload identity; empty: the environment's
  friend bool operator==(const AzureSdk&, const AzureSdk&) = default;
};

struct AzureAd {
  AzureCloud cloud = AzureCloud::kPublic;
  std::string scope = {};  // empty: that of the cloud's ingestion
  std::variant<AzureManagedIdentity, AzureWorkloadIdentity, AzureSecret, AzureCertificate, AzureSdk>
      identity = {};
  friend bool operator==(const AzureAd&, const AzureAd&) = default;
};

struct GoogleIam {
  std::string credentials_file;  // of a service account; empty: application default credentials
  friend bool operator==(const GoogleIam&, const GoogleIam&) = default;
};

}  // namespace tributary::net
