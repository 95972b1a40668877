"""An HTTP server of the test's own process, for what deltastream-load sends."""

import threading
from http.server import ThreadingHTTPServer


class StubServer(ThreadingHTTPServer):
    """Answers by that handler while the `with` lasts."""

    # Of 5, as Python has it, connections that come at once are lost, and wait as long as their calls may.
    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever)

    def __enter__(self):
        self.thread.start()
        return super().__enter__()

    def __exit__(self, *failure):
        self.shutdown()
        self.thread.join()
        super().__exit__(*failure)
