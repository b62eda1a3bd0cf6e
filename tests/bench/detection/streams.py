"""Streams of minute counts from a seed: traffic that never changes, and traffic that changes once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAY, WEEK = 1_440, 10_080
PER_MINUTE = 100
CLUSTER = 5
"""How many times more the clustered kinds vary than independent events would."""
KINDS = {
    "independent": "100 events a minute",
    "overdispersed": "the rate itself wavers from minute to minute, so that counts vary 5 times as much",
    "repeated": "every event comes five times",
    "diurnal": "10 to 190 events a minute, by the hour of the day",
}
DECILES = norm.ppf(np.arange(1, 10) / 10)


class Errors(NamedTuple):
    """Both of shape (T, S): a column is a stream."""

    count: Ints
    hits: Ints


def errors(kind: str, rate: float | Floats, minutes: int, streams: int, rng: np.random.Generator) -> Errors:
    """Errors of a model; `rate` is one number or one a minute (T,)."""
    shape = (minutes, streams)
    rates = np.broadcast_to(np.asarray(rate, np.float64).reshape(-1, 1), shape)
    count = np.broadcast_to(traffic(kind, minutes)[:, None], shape)
    if kind == "overdispersed":
        spread = (PER_MINUTE - CLUSTER) / (CLUSTER - 1)  # variance CLUSTER times that of a binomial count
        rates = rng.beta(rates * spread, (1 - rates) * spread)
    if kind == "repeated":
        return Errors(count, CLUSTER * rng.binomial(count // CLUSTER, rates))
    return Errors(count, rng.binomial(count, rates))


def split(kind: str, whole: Errors, rng: np.random.Generator) -> tuple[Errors, Errors]:
    """A tenth of each minute's events, drawn at random, and the others; what is repeated stays together."""
    size = CLUSTER if kind == "repeated" else 1
    count, hits = whole.count // size, whole.hits // size
    drawn = rng.hypergeometric(hits, count - hits, count // 10)
    part = Errors(size * (count // 10), size * drawn)
    return part, Errors(whole.count - part.count, whole.hits - part.hits)


def features(kind: str, shares: Floats, streams: int, rng: np.random.Generator) -> Ints:
    """(S, T, B) counts of one feature whose bins have `shares` (T, B) of the events."""
    minutes, bins = shares.shape
    count, wanted = traffic(kind, minutes), np.broadcast_to(shares, (streams, minutes, bins))
    if kind == "overdispersed":
        spread = (PER_MINUTE - CLUSTER) / (CLUSTER - 1)
        drawn = rng.standard_gamma(np.maximum(wanted * spread, 1e-9))
        wanted = drawn / drawn.sum(axis=2, keepdims=True)
    if kind == "repeated":
        return np.asarray(CLUSTER * rng.multinomial(count // CLUSTER, wanted))
    return np.asarray(rng.multinomial(count, wanted))


def traffic(kind: str, minutes: int) -> Ints:
    """(T,) events of each minute."""
    if kind != "diurnal":
        return np.full(minutes, PER_MINUTE)
    wave = 1 + 0.9 * np.sin(2 * np.pi * np.arange(minutes) / DAY)
    return np.round(PER_MINUTE * wave).astype(np.int64)


def normal_shares(shift: float = 0.0, scale: float = 1.0) -> Floats:
    """(10,) shares that a shifted, stretched normal has in the deciles of the standard one."""
    cut = np.r_[0.0, norm.cdf((DECILES - shift) / scale), 1.0]
    return np.asarray(np.diff(cut))


def by_the_hour(minutes: int) -> Floats:
    """(T, 10): shares of a value whose mean moves by the hour, a third of its deviation either way."""
    hours = [normal_shares(np.sin(2 * np.pi * hour / 24) / 3) for hour in range(24)]
    return np.stack([hours[minute // 60 % 24] for minute in range(minutes)])


def changing(before: Floats, after: Floats, change: int, minutes: int) -> Floats:
    """(T, B): the shares of each minute."""
    return np.where(np.arange(minutes)[:, None] < change, before, after)
