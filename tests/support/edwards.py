"""The group of ed25519 in affine coordinates (RFC 8032 section 5.1), slow and plain, to build what no tool will sign."""

from __future__ import annotations

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Sum of two points; the formula is complete."""
    cross = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + cross, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - cross, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    """`scalar` times `point`."""
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def root(square: int) -> int | None:
    """A square root modulo P, or None."""
    guess = pow(square, (P + 3) // 8, P)
    for x in (guess, guess * ROOT_OF_MINUS_ONE % P):
        if x * x % P == square % P:
            return x
    return None


def with_y(y: int, sign: int = 0) -> Point | None:
    """The point of that y and parity of x, or None when the curve has none."""
    x = root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
    if x is None:
        return None
    return (P - x if x & 1 != sign and x else x), y % P


def encode(point: Point) -> bytes:
    """The canonical 32 bytes."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def torsion() -> list[Point]:
    """The eight points whose order divides eight, found by clearing the large factor of a point's order."""
    y = 2
    while True:
        found = with_y(y)
        if found is not None:
            small = times(ORDER, found)
            points = [times(n, small) for n in range(8)]
            if len(set(points)) == 8:
                return points
        y += 1


BASE = with_y(4 * pow(5, -1, P) % P)
assert BASE is not None


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    """The hash that a signature answers."""
    return int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % ORDER


def secret_scalar(seed: bytes) -> int:
    """The private scalar of a seed."""
    raw = bytearray(hashlib.sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return int.from_bytes(raw, "little")
