"""A target with fixed metrics, exemplars among them, for servers under test to scrape."""

import http.server
import threading

TEXT = """# HELP orders_total Orders taken.
# TYPE orders_total counter
orders_total{shop="north"} 17
orders_total{shop="south"} 4
# HELP queue_length How many wait.
# TYPE queue_length gauge
queue_length 3
"""

OPEN_METRICS = """# HELP orders Orders taken.
# TYPE orders counter
orders_total{{shop="north"}} 17 # {{trace_id="4bf92f"}} 0.67 {time}
orders_total{{shop="south"}} 4 # {{trace_id="9d13aa",span="b"}} 2 {time}
# HELP queue_length How many wait.
# TYPE queue_length gauge
queue_length 3
# HELP answer_seconds How long an answer takes.
# TYPE answer_seconds histogram
# UNIT answer_seconds seconds
answer_seconds_bucket{{le="0.1"}} 2 # {{trace_id="aa11"}} 0.05 {time}
answer_seconds_bucket{{le="+Inf"}} 3 # {{trace_id="bb22"}} 7 {time}
answer_seconds_count 3
answer_seconds_sum 7.2
# EOF
"""


class Target:
    def __init__(self, exemplar_time):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                open_metrics = "openmetrics" in self.headers.get("Accept", "")
                text = OPEN_METRICS.format(time=exemplar_time) if open_metrics else TEXT
                kind = ("application/openmetrics-text; version=1.0.0; charset=utf-8"
                        if open_metrics else "text/plain; version=0.0.4")
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
