"""One request to Voyage by its package `voyageai`: sending it, and saying what kind of answer came.

What lives here: the call and the package's errors in our kinds. What does not: what to do about a refusal
(`requests.py`), what refusals say (`transport.py`).

The package's resource is called, one attempt each, not its client: the client appends vectors in the order of the reply
without their index, and retries by itself without Retry-After and without a pause for the other requests in flight
(docs/adr/010).
"""

from __future__ import annotations

from typing import Any

from .transport import PassingError, ShortReplyError, Transport


class VoyageTransport(Transport):
    """POSTs to Voyage's embeddings through `voyageai`. For threads: the package keeps a session a thread."""

    def __init__(self, base: str, key: str, *, timeout: float, connections: int, dtype: str, key_setting: str) -> None:
        """`base` is the address without `/embeddings`. Raises ConfigurationError for one that is none."""
        super().__init__(
            "Voyage", base, key, timeout=timeout, connections=connections, dtype=dtype, key_setting=key_setting
        )
        self._base, self._timeout = base.rstrip("/"), timeout

    def post(self, body: dict[str, Any]) -> Any:
        """Sends one request; returns the reply. Raises the errors of `transport.py`."""
        import voyageai
        from voyageai import error as errors

        try:
            return voyageai.Embedding.create(
                api_key=self._key, base_url=self._base, request_timeout=self._timeout, **body
            )
        except errors.Timeout:
            raise PassingError("no answer in time") from None
        except errors.APIConnectionError as error:
            raise PassingError(f"the connection failed: {self._clean(str(error))}") from None
        except errors.VoyageError as error:
            if error.http_status is None or error.http_status < 400:
                raise ShortReplyError("a reply that is not JSON") from None
            headers = {name.lower(): value for name, value in dict(error.headers).items()}
            raise self._problem(error.http_status, str(error.http_body or ""), headers.get("retry-after")) from None
        except ValueError:
            raise ShortReplyError("a reply that cannot be read") from None
