"""The inner loops of word2vec and GloVe, compiled by numba; only trainings import this module.

A block of text is int32 [N], word ids with -1 behind each sentence. Matrices are float32 [V, W]: W is the number of
dimensions rounded up to a multiple of 16, the rest zeros, so that every row fills whole vector registers. The loops
hold no lock: threads work on the same matrices at the same time and now and then lose an update (Hogwild, Niu et al.
2011). One thread alone gives the same bits each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

LONGEST = 10_000  # words of a sentence that are looked at together
REACH = 6.0  # beyond it a sigmoid counts as 0 or 1
STEPS = 4096  # of the tables below
_POINTS = (np.arange(STEPS) + 0.5) / STEPS * 2 * REACH - REACH
SIGMOID = (1 / (1 + np.exp(-_POINTS))).astype(np.float32)
SURPRISE = np.log1p(np.exp(-_POINTS)).astype(np.float32)  # -log(sigmoid(x))

_MULTIPLIER, _INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)  # Knuth's MMIX
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_SCALE = np.float32(STEPS / (2 * REACH))
_EDGE = np.float32(REACH)
_compiled: Any = njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
_inlined: Any = njit(nogil=True, fastmath=True, error_model="numpy", inline="always")


@_inlined
def _next(state):
    return state * _MULTIPLIER + _INCREMENT


@_inlined
def _below(state, count):
    """A number from 0 to count - 1 out of the high bits."""
    return ((state >> _HALF) * count) >> _HALF


@_inlined
def _share(state):
    """A number from 0 to 1."""
    return np.float32(state >> np.uint64(40)) * np.float32(1 / (1 << 24))


@_inlined
def _place(score):
    """Where a score stands in the tables."""
    inside = min(max(score, -_EDGE), _EDGE)
    return np.uint64(min((inside + _EDGE) * _SCALE, np.float32(STEPS - 1)))


@_compiled
def _sentence(tokens, start, keep, chosen, state):
    """Fill `chosen` with the words of one sentence that subsampling keeps: (where it ended, their number, state)."""
    count, place, size = 0, start, len(tokens)
    while place < size and count < LONGEST:
        word = tokens[place]
        place += 1
        if word < 0:
            break
        state = _next(state)
        if _share(state) < keep[word]:
            chosen[count] = word
            count += 1
    return place, count, state


@_compiled
def _draw(outputs, target, negatives, odds, other, state):
    """Put the target and noise words that are not it into `outputs` (alias method, Vose 1991): (number, state)."""
    outputs[0] = np.uint64(target)
    count = 1
    words = np.uint64(len(odds))
    for _ in range(negatives):
        state = _next(state)
        word = _below(state, words)
        state = _next(state)
        if _share(state) >= odds[word]:
            word = np.uint64(other[word])
        if word != outputs[0]:
            outputs[count] = word
            count += 1
    return count, state


@_compiled
def skipgram(tokens, keep, odds, other, inward, outward, window, negatives, rate, seed):
    """Skip-gram (Mikolov et al. 2013b, section 2.2) over one block; (loss, pairs).

    All words of a window share the noise words of their centre (Ji et al. 2016), so that the products are those of
    small matrices: (M, W) x (W, K) with M words of the window and K outputs.
    """
    width = inward.shape[1]
    chosen = np.empty(LONGEST, np.int32)
    rows, outputs = np.empty(2 * window, np.uint64), np.empty(negatives + 1, np.uint64)
    errors = np.empty((2 * window, width), np.float32)
    pulls = np.empty(2 * window, np.float32)
    change = np.empty(width, np.float32)
    state, place, loss, pairs = np.uint64(seed), 0, 0.0, 0
    while place < len(tokens):
        place, length, state = _sentence(tokens, place, keep, chosen, state)
        for centre in range(length):
            state = _next(state)
            reach = 1 + np.int64(_below(state, np.uint64(window)))
            size = 0
            for near in range(max(0, centre - reach), min(length, centre + reach + 1)):
                if near != centre:
                    rows[size] = np.uint64(chosen[near])
                    size += 1
            if size == 0:
                continue
            count, state = _draw(outputs, chosen[centre], negatives, odds, other, state)
            errors[:size] = np.float32(0)
            for o in range(count):
                out = outputs[o]
                for r in range(size):
                    row, score = rows[r], np.float32(0)
                    for d in range(width):
                        score += inward[row, d] * outward[out, d]
                    spot = _place(score if o == 0 else -score)
                    loss += SURPRISE[spot]
                    away = (np.float32(1) - SIGMOID[spot]) * rate
                    pulls[r] = away if o == 0 else -away
                for d in range(width):
                    change[d] = np.float32(0)
                for r in range(size):
                    row, pull = rows[r], pulls[r]
                    for d in range(width):
                        errors[r, d] += pull * outward[out, d]
                        change[d] += pull * inward[row, d]
                for d in range(width):
                    outward[out, d] += change[d]
            for r in range(size):
                row = rows[r]
                for d in range(width):
                    inward[row, d] += errors[r, d]
            pairs += size
    return loss, pairs


@_compiled
def cbow(tokens, keep, odds, other, inward, outward, window, negatives, rate, seed):
    """Continuous bag of words (Mikolov et al. 2013a, section 3.1), the mean of the window; (loss, centres)."""
    width = inward.shape[1]
    chosen = np.empty(LONGEST, np.int32)
    rows, outputs = np.empty(2 * window, np.uint64), np.empty(negatives + 1, np.uint64)
    mean, error = np.empty(width, np.float32), np.empty(width, np.float32)
    state, place, loss, centres = np.uint64(seed), 0, 0.0, 0
    while place < len(tokens):
        place, length, state = _sentence(tokens, place, keep, chosen, state)
        for centre in range(length):
            state = _next(state)
            reach = 1 + np.int64(_below(state, np.uint64(window)))
            size = 0
            mean[:] = np.float32(0)
            error[:] = np.float32(0)
            for near in range(max(0, centre - reach), min(length, centre + reach + 1)):
                if near != centre:
                    row = np.uint64(chosen[near])
                    rows[size] = row
                    size += 1
                    for d in range(width):
                        mean[d] += inward[row, d]
            if size == 0:
                continue
            part = np.float32(1) / np.float32(size)
            for d in range(width):
                mean[d] *= part
            count, state = _draw(outputs, chosen[centre], negatives, odds, other, state)
            for o in range(count):
                out, score = outputs[o], np.float32(0)
                for d in range(width):
                    score += mean[d] * outward[out, d]
                spot = _place(score if o == 0 else -score)
                loss += SURPRISE[spot]
                pull = (np.float32(1) - SIGMOID[spot]) * rate
                if o > 0:
                    pull = -pull
                for d in range(width):
                    error[d] += pull * outward[out, d]
                    outward[out, d] += pull * mean[d]
            for r in range(size):
                row = rows[r]
                for d in range(width):
                    inward[row, d] += error[d]  # whole, as in the authors' program, though the mean's slope is a part
            centres += 1
    return loss, centres


@_compiled
def count_pairs(tokens, place, window, words, dense, keys, values, room):
    """Add 1/d for each two words at distance d up to `window` on a line (Pennington et al. 2014, section 4.2).

    A pair stands once, the commoner word first: in `dense` (float64 [F, F]) if both are among the F commonest, else
    in a hash table of `keys` (int64, first * words + second, -1 is free) and `values` (float32); their number is a
    power of two. A word beside itself counts twice, as both see it. Stops where the table holds `room` pairs:
    (the place to go on from, pairs in the table).
    """
    frequent, mask, held = len(dense), np.uint64(len(keys) - 1), 0
    for held_key in keys:
        held += held_key >= 0
    size = len(tokens)
    while place < size and held < room:
        centre = tokens[place]
        if centre >= 0:
            for distance in range(1, min(window, place) + 1):
                near = tokens[place - distance]
                if near < 0:
                    break
                low, high = np.int64(min(centre, near)), np.int64(max(centre, near))
                weight = np.float32(1) / np.float32(distance)
                if low == high:
                    weight *= np.float32(2)
                if high < frequent:
                    dense[low, high] += weight
                    continue
                key = low * words + high
                spot = (np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20) & mask
                while keys[spot] != key and keys[spot] >= 0:
                    spot = (spot + np.uint64(1)) & mask
                if keys[spot] < 0:
                    keys[spot] = key
                    values[spot] = np.float32(0)
                    held += 1
                values[spot] += weight
        place += 1
    return place, held


@_inlined
def _pull(one, other, count, inward, outward, rows, columns, rate, x_max, alpha):
    """One step of AdaGrad on f(x) (w_i . c_j + b_i + d_j - log x)^2; the last number of a row is its bias."""
    width = inward.shape[1] - 1
    error = inward[one, width] + outward[other, width] - np.log(count)
    for d in range(width):
        error += inward[one, d] * outward[other, d]
    weight = np.float32(1) if count >= x_max else (count / x_max) ** alpha
    cost = np.float32(0.5) * weight * error * error
    step = weight * error * rate
    for d in range(width):
        down, right = step * outward[other, d], step * inward[one, d]
        inward[one, d] -= down / np.sqrt(rows[one, d])
        outward[other, d] -= right / np.sqrt(columns[other, d])
        rows[one, d] += down * down
        columns[other, d] += right * right
    inward[one, width] -= step / np.sqrt(rows[one, width])
    outward[other, width] -= step / np.sqrt(columns[other, width])
    rows[one, width] += step * step
    columns[other, width] += step * step
    return cost


@_compiled
def glove(ones, others, counts, inward, outward, rows, columns, rate, x_max, alpha):
    """GloVe (Pennington et al. 2014, equation 8) over shuffled pairs, in both directions; (cost, steps).

    Matrices are float32 [V, W + 1], the bias last; `rows` and `columns` are AdaGrad's sums of squares, from 1 on.
    """
    cost, steps = 0.0, 0
    for pair in range(len(counts)):
        one, other, count = np.uint64(ones[pair]), np.uint64(others[pair]), counts[pair]
        cost += _pull(one, other, count, inward, outward, rows, columns, rate, x_max, alpha)
        steps += 1
        if one != other:
            cost += _pull(other, one, count, inward, outward, rows, columns, rate, x_max, alpha)
            steps += 1
    return cost, steps
