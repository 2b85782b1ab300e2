"""An HTTP server that behaves like Voyage's and OpenAI's embedding APIs: their replies, limits, refusals and faults.

Vectors are the deterministic test model's, cut to the dimension asked for, so what comes back can be checked bit by bit.
`faults` are handed to requests as they come: a fault is (kind, argument), taken by the next request and gone.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from code_index_assets.embedding.models.hashed_words import TestEmbedder

KEY = "pa-secret-0123456789"


class EmbeddingServer:
    """One server on a free port; `api` is "voyage" or "openai"."""

    def __init__(
        self,
        api: str = "voyage",
        *,
        dimension: int = 64,
        tokens: int = 120_000,
        inputs: int = 1000,
        key: str | None = KEY,
    ) -> None:
        self.api, self.dimension, self.most_tokens, self.most_inputs, self.key = api, dimension, tokens, inputs, key
        self.faults: deque[tuple[str, Any]] = deque()
        self.poison = "POISON"  # a text with this word is refused
        self.without_usage = False
        self.base64 = True
        self.delay = 0.0
        self.requests: list[dict[str, Any]] = []  # bodies of answered requests
        self.refusals: list[int] = []  # statuses of refused ones
        self.arrivals: list[float] = []
        self.paid: list[str] = []  # every text that was embedded, once for each time
        self.at_once = 0
        self.most_at_once = 0
        self.release = threading.Event()  # ends requests that hang
        self._lock = threading.Lock()
        self._model = TestEmbedder()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    def tokens(self, text: str) -> int:
        """As the server counts: four characters a token."""
        return max(1, len(text) // 4)

    def vector(self, text: str) -> np.ndarray:
        """What the server computes for a text, not yet of unit length."""
        whole: np.ndarray = self._model.embed([text], "document")[0] * 3
        return whole[: self.dimension]

    # -- answering ---------------------------------------------------------------------------------------------

    def _answer(self, body: dict[str, Any], key: str) -> tuple[int, Any, dict[str, str]]:
        texts = body.get("input")
        fault, argument = self._next_fault()
        if self.key is not None and key != f"Bearer {self.key}":
            return self._error(401, f"Provided API key is invalid: {key}")
        if fault == "status":
            status, headers = argument if isinstance(argument, tuple) else (argument, {})
            return (*self._error(status, "rate limit reached" if status == 429 else "trouble")[:2], headers)
        if fault == "hang":
            self.release.wait(argument)
        if body.get("encoding_format") == "base64" and not self.base64:
            return self._error(400, "unknown encoding_format")
        if not isinstance(texts, list) or not body.get("model"):
            return self._error(400, "input and model are needed")
        if len(texts) > self.most_inputs:
            return self._error(400, f"The batch size limit is {self.most_inputs}. Your batch has {len(texts)} texts.")
        total = sum(map(self.tokens, texts))
        if total > self.most_tokens:
            return self._error(
                400,
                f"The max allowed tokens per submitted batch is {self.most_tokens}. Your batch has {total} tokens after "
                "truncation. Please lower the number of tokens in the batch.",
            )
        if any(self.poison in text for text in texts) or fault == "refuse":
            return self._error(400, "the input is not valid")
        rows = [self._row(i, text, body) for i, text in enumerate(texts)]
        with self._lock:
            self.requests.append(body)
            self.paid += texts
        if fault == "short":
            rows = rows[:-1]
        elif fault == "same index":
            rows = [{**row, "index": 0} for row in rows]
        elif fault == "shuffle":
            random.Random(3).shuffle(rows)
        elif fault == "dimension":
            rows = [{**row, "embedding": [1.0] * (self.dimension + 1)} for row in rows]
        elif fault == "nan":
            rows = [
                {**row, "embedding": [float("nan")] * self.dimension} if argument in texts[row["index"]] else row
                for row in rows
            ]
        reply: dict[str, Any] = {"object": "list", "data": rows, "model": body["model"]}
        if not self.without_usage:
            reply["usage"] = {"total_tokens": total} | ({"prompt_tokens": total} if self.api == "openai" else {})
        return 200, reply, {}

    def _row(self, index: int, text: str, body: dict[str, Any]) -> dict[str, Any]:
        vector = self.vector(text)[: body.get("output_dimension") or body.get("dimensions") or self.dimension]
        dtype = body.get("output_dtype", "float")
        if dtype == "int8":
            vector = np.clip(np.round(vector * 40), -128, 127).astype(np.int8)
        elif dtype == "ubinary":
            vector = np.packbits(vector > 0)
        else:
            vector = vector.astype("<f4")
        if body.get("encoding_format") == "base64":
            return {"index": index, "embedding": base64.b64encode(vector.tobytes()).decode()}
        return {"index": index, "embedding": vector.tolist()}

    def _error(self, status: int, message: str) -> tuple[int, Any, dict[str, str]]:
        self.refusals.append(status)
        return (
            status,
            {"detail": message}
            if self.api == "voyage"
            else {"error": {"message": message, "type": "invalid_request_error"}},
            {},
        )

    def _next_fault(self) -> tuple[str, Any]:
        with self._lock:
            return self.faults.popleft() if self.faults else ("", None)

    def _handler(server: EmbeddingServer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # headers and body in one packet: two cost 40 ms of delayed acknowledgement

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                with server._lock:
                    server.arrivals.append(time.monotonic())
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)
                    drop = bool(server.faults) and server.faults[0][0] == "drop"
                    if drop:
                        server.faults.popleft()
                try:
                    if drop:
                        self.close_connection = True
                        self.connection.close()
                        return
                    if server.delay:
                        server.release.wait(server.delay)
                    status, reply, headers = (
                        (404, {"detail": "no such path"}, {})
                        if self.path != "/v1/embeddings"
                        else server._answer(json.loads(raw), self.headers.get("Authorization", ""))
                    )
                    data = json.dumps(reply).encode() if not isinstance(reply, bytes) else reply
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # the client has given up
                finally:
                    with server._lock:
                        server.at_once -= 1

        return Handler
