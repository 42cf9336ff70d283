"""The centre as a client sees it: plain HTTPS with basic auth, standard library only."""

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request


class Centre:
    def __init__(self, url, ca_path, user, password):
        self.url = url
        self.user = user
        self.password = password
        self.context = ssl.create_default_context(cafile=ca_path)
        # Loopback needs no proxy, whatever the environment says.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context))

    def status(self, path, user=None, password=None, body=None):
        """The HTTP status of a request; 0 when nobody answers."""
        request = urllib.request.Request(self.url + path, data=body)
        if user is not None:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            request.add_header("Authorization", "Basic " + token)
        try:
            with self.opener.open(request, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def ready(self):
        return self.status("/-/ready", self.user, self.password) == 200

    def get(self, path, **params):
        """The `data` of an API answer. Raises OSError or ValueError when there is none."""
        query = urllib.parse.urlencode(params)
        request = urllib.request.Request(f"{self.url}{path}?{query}")
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", "Basic " + token)
        with self.opener.open(request, timeout=30) as response:
            answer = json.load(response)
        if answer.get("status") != "success":
            raise ValueError(answer.get("error", "no success"))
        return answer["data"]

    def query(self, expression, **params):
        return self.get("/api/v1/query", query=expression, **params)["result"]

    def by_cluster(self, expression):
        """{cluster: value} of an instant vector; {} while the centre does not answer."""
        try:
            return {item["metric"].get("cluster", ""): float(item["value"][1])
                    for item in self.query(expression)}
        except (OSError, ValueError):
            return {}

    def samples(self, selector, seconds):
        """Raw samples of the last `seconds`: {labels as text: [(t, value), …]}."""
        result = {}
        for series in self.query(f"{selector}[{seconds}s]"):
            key = json.dumps(series["metric"], sort_keys=True)
            result[key] = [(float(t), v) for t, v in series["values"]]
        return result
