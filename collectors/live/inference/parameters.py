"""The settings of the inference receiver: where it listens, what it may hold, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound
from pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a cluster, with a token or a network policy: who posts is believed."""
    port: Annotated[int, Bound(0, 65_535)] = 9466
    """TCP port for model servers, gateways and labels; 0 picks a free one, which the log names."""
    token: Secret = Secret("")
    """Bearer token that every request must carry; empty: none is asked for."""
    cert_file: str = ""
    """PEM file of the certificate to serve https with, and of those between it and its authority."""
    key_file: str = ""
    """PEM file of its private key; both are read when the process starts."""
    peers: str = ""
    """URLs of all receivers that stand side by side, with commas, in the same order for each of them: both
    halves of an exchange then meet, whichever receivers they are sent to.  Empty: this one is alone."""
    peer: Annotated[int, Bound(0, 1_000)] = 0
    """Which of `peers` this one is, from 0."""
    rules_file: str = ""
    """YAML file that says by model which features are kept, how they are named, what never leaves here."""
    max_body_bytes: Annotated[int, Bound(1_024, 16_777_216)] = 1_048_576
    """Largest body, also after decompression; bodies in our own form are at most 1 MiB in any case."""
    max_waiting_bytes: Annotated[int, Bound(1_048_576, 1e9)] = 33_554_432
    """Bytes of bodies in hand, at least max_body_bytes; beyond them a sender is told to come again (503)."""
    gather_seconds: Annotated[float, Bound(0.01, 5)] = 0.15
    """Least time from one transaction to the next: requests gather meanwhile, and each is answered only when
    its events are safe."""
    pair_wait_seconds: Annotated[float, Bound(1, 86_400)] = 300.0
    """How long a request waits for its response, or the reverse: longer than the slowest answer."""
    pair_bytes: Annotated[int, Bound(65_536, 1e9)] = 16_777_216
    """Bytes of halves that wait; the oldest goes first where there are more."""
    remembered_ids: Annotated[int, Bound(1_000, 1e7)] = 200_000
    """Requests by which a repeat is known, about 150 bytes each; a repeat of an older one counts again."""
