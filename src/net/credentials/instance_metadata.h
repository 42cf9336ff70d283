// Credentials from the metadata service of an EC2 instance, for the role that the instance has.
// Version 2 of the service: a session token first, which a forged request cannot get.
//
// Source: Amazon EC2 user guide (use the Instance Metadata Service, security credentials).
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

namespace tributary::net {

// Where the service is, as the environment says; "" when it is not to be asked.
std::string InstanceMetadataUrl();

// Hands the answer to `done`, JSON as ParseContainerAnswer() reads it, on a completion of the
// client. The client must outlive that, and use no proxy.
void AskInstanceMetadata(HttpClient& client, const std::string& url,
                         std::function<void(base::Result<ClientResponse>)> done);

}  // namespace tributary::net
