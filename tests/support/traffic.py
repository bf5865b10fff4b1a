"""Real-time lines in bulk: of the length and the variety that they have in the wild."""

import random

CITIES = "LHR FRA IAD NRT SYD GRU CDG SIN".split()
EDGES = [f"{city}{n}-P{n}" for n, city in enumerate(CITIES, 50)]
RESULTS = "Hit Hit Hit Miss RefreshHit Error".split()
AGENT = "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20Chrome/1"


def realtime_lines(seed: int, count: int) -> bytes:
    """Lines of the 27 default fields within one hour, of about 370 bytes each."""
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        second = 1_795_420_800 + rng.random() * 3600
        page = int(rng.paretovariate(0.7)) % 20_000
        result = rng.choice(RESULTS)
        status = rng.choice([200, 200, 200, 304, 404, 502])
        lines.append(
            f"{second:.3f}\t{status}\t{rng.randrange(300, 90_000)}\tGET\t"
            f"/articles/of-some-length/{page}.html\tpage={page}\thttps\tHTTP/2.0\t"
            f"text/html;%20charset=utf-8\t-\t{AGENT}{rng.randrange(200)}.0.0.0\t"
            f"https://www.example.com/from/{page % 97}\t{rng.choice(EDGES)}\t{result}\t{result}\t"
            f"{rng.randbytes(28).hex()}\t{rng.random():.3f}\t{rng.random():.3f}\t-\t-\tTLSv1.3\t"
            "TLS_AES_128_GCM_SHA256\t*/*\tgzip,br\twww.example.com\t0.051\t0.053\n"
        )
    return "".join(lines).encode()
