"""ML-KEM-768 encapsulation with chosen coins, in slow plain Python, straight from FIPS 203.

The library draws its own coins, and vectors that can be made again cannot have that. What comes out here is
decapsulated by the library in the tests.
"""

import hashlib

Q, N, K, DU, DV, ETA = 3329, 256, 3, 10, 4, 2


def _bit_reversed(n: int) -> int:
    return int(f"{n:07b}"[::-1], 2)


ZETAS = [pow(17, _bit_reversed(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * _bit_reversed(i) + 1, Q) for i in range(128)]
Poly = list[int]


def _bits(raw: bytes) -> list[int]:
    return [byte >> i & 1 for byte in raw for i in range(8)]


def _decode(raw: bytes, width: int) -> Poly:
    bits = _bits(raw)
    return [sum(bits[i * width + j] << j for j in range(width)) for i in range(N)]


def _encode(poly: Poly, width: int) -> bytes:
    number = sum(value << i * width for i, value in enumerate(poly))
    return number.to_bytes(N * width // 8, "little")


def _compress(poly: Poly, width: int) -> Poly:
    return [((value << width) + Q // 2) // Q % (1 << width) for value in poly]


def _sample_uniform(seed: bytes) -> Poly:
    stream, poly = hashlib.shake_128(seed).digest(3 * 1024), []
    for i in range(0, len(stream), 3):
        a, b, c = stream[i : i + 3]
        poly += [value for value in (a + 256 * (b % 16), b // 16 + 16 * c) if value < Q]
    return poly[:N]


def _sample_small(seed: bytes, counter: int) -> Poly:
    bits = _bits(hashlib.shake_256(seed + bytes([counter])).digest(64 * ETA))
    pairs = [bits[2 * ETA * i : 2 * ETA * (i + 1)] for i in range(N)]
    return [(sum(pair[:ETA]) - sum(pair[ETA:])) % Q for pair in pairs]


def _ntt(poly: Poly) -> Poly:
    f, i, size = list(poly), 1, 128
    while size >= 2:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                t = ZETAS[i] * f[j + size] % Q
                f[j], f[j + size] = (f[j] + t) % Q, (f[j] - t) % Q
            i += 1
        size //= 2
    return f


def _inverse_ntt(poly: Poly) -> Poly:
    f, i, size = list(poly), 127, 2
    while size <= 128:
        for start in range(0, N, 2 * size):
            for j in range(start, start + size):
                t = f[j]
                f[j], f[j + size] = (t + f[j + size]) % Q, ZETAS[i] * (f[j + size] - t) % Q
            i -= 1
        size *= 2
    return [value * 3303 % Q for value in f]


def _product(f: Poly, g: Poly) -> Poly:
    out = []
    for i, gamma in enumerate(GAMMAS):
        (a, b), (c, d) = f[2 * i : 2 * i + 2], g[2 * i : 2 * i + 2]
        out += [(a * c + b * d * gamma) % Q, (a * d + b * c) % Q]
    return out


def _sum(*polys: Poly) -> Poly:
    return [sum(values) % Q for values in zip(*polys, strict=True)]


def encapsulate(public: bytes, coins: bytes) -> tuple[bytes, bytes]:
    """(ciphertext, shared secret) for 32 bytes of coins: ML-KEM.Encaps_internal."""
    hashed = hashlib.sha3_512(coins + hashlib.sha3_256(public).digest()).digest()
    shared, seed = hashed[:32], hashed[32:]
    t = [_decode(public[384 * i : 384 * (i + 1)], 12) for i in range(K)]
    rho = public[384 * K :]
    y = [_ntt(_sample_small(seed, i)) for i in range(K)]
    e1 = [_sample_small(seed, K + i) for i in range(K)]
    e2 = _sample_small(seed, 2 * K)
    u = [
        _sum(
            _inverse_ntt(_sum(*(_product(_sample_uniform(rho + bytes([i, j])), y[j]) for j in range(K)))),
            e1[i],
        )
        for i in range(K)
    ]
    message = [(Q + 1) // 2 * bit for bit in _decode(coins, 1)]
    v = _sum(_inverse_ntt(_sum(*(_product(t[i], y[i]) for i in range(K)))), e2, message)
    ciphertext = b"".join(_encode(_compress(poly, DU), DU) for poly in u) + _encode(_compress(v, DV), DV)
    return ciphertext, shared
