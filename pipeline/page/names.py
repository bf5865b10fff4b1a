"""The values of dimensions by names that people know."""

from functools import cache
from http import HTTPStatus
from importlib.resources import files

from pipeline.answer.entries import OTHER, UNKNOWN
from pipeline.page.text import shown

_CITIES = dict(
    pair.split("=")
    for pair in (
        "AKL=Auckland AMM=Amman AMS=Amsterdam ARN=Stockholm ATH=Athens ATL=Atlanta BAH=Bahrain "
        "BCN=Barcelona BKK=Bangkok BLR=Bengaluru BNE=Brisbane BOG=Bogotá BOM=Mumbai BOS=Boston "
        "BRU=Brussels BUD=Budapest CAI=Cairo CCU=Kolkata CDG=Paris CGK=Jakarta CMH=Columbus "
        "CPH=Copenhagen CPT=Cape_Town DEL=Delhi DEN=Denver DFW=Dallas DOH=Doha DTW=Detroit "
        "DUB=Dublin DUS=Düsseldorf DXB=Dubai EWR=Newark EZE=Buenos_Aires FCO=Rome FJR=Fujairah "
        "FOR=Fortaleza FRA=Frankfurt GIG=Rio_de_Janeiro GRU=São_Paulo HAM=Hamburg HAN=Hanoi "
        "HEL=Helsinki HIO=Hillsboro HKG=Hong_Kong HYD=Hyderabad IAD=Ashburn IAH=Houston "
        "ICN=Seoul IST=Istanbul JAX=Jacksonville JED=Jeddah JFK=New_York JNB=Johannesburg "
        "KIX=Osaka KUL=Kuala_Lumpur LAX=Los_Angeles LHR=London LIM=Lima LIS=Lisbon LOS=Lagos "
        "MAA=Chennai MAD=Madrid MAN=Manchester MCI=Kansas_City MCT=Muscat MEL=Melbourne "
        "MIA=Miami MNL=Manila MRS=Marseille MSP=Minneapolis MUC=Munich MXP=Milan NBO=Nairobi "
        "NRT=Tokyo ORD=Chicago OSL=Oslo OTP=Bucharest PDX=Portland PER=Perth PHL=Philadelphia "
        "PHX=Phoenix PMO=Palermo PNQ=Pune PRG=Prague QRO=Querétaro SCL=Santiago SEA=Seattle "
        "SFO=San_Francisco SGN=Ho_Chi_Minh_City SIN=Singapore SLC=Salt_Lake_City SOF=Sofia "
        "SYD=Sydney TLV=Tel_Aviv TPA=Tampa TPE=Taipei TXL=Berlin VIE=Vienna WAW=Warsaw "
        "YTO=Toronto YUL=Montréal YVR=Vancouver ZAG=Zagreb ZRH=Zürich"
    ).split()
)
"""The cities of CloudFront's edge locations, which begin with the code of an airport near by."""

_ABSENT = {"referrer": "none", "tls_version": "none (plain HTTP)"}
_RESULTS = {
    "Hit": "from the cache",
    "RefreshHit": "unchanged",
    "Miss": "from the origin",
    "Redirect": "to HTTPS",
}


def named(dimension: str, value: str) -> str:
    """A value as the page shows it, with what is known of it."""
    if value == OTHER:
        return "all others"
    if value == UNKNOWN:
        return _ABSENT.get(dimension, "unknown")
    text = shown(value)
    if dimension == "country":
        return _countries().get(value, text)
    if dimension == "status":
        return f"{text} {_phrase(value)}".rstrip()
    if dimension == "edge_location":
        return f"{_CITIES.get(value[:3], '').replace('_', ' ')} {text}".lstrip()
    if dimension == "crawler":
        return f"{text} · AI" if is_ai(value) else text
    if dimension == "result_type" and value in _RESULTS:
        return f"{text} · {_RESULTS[value]}"
    return text


def is_ai(crawler: str) -> bool:
    """Whether a crawler is of a company that trains, or answers with, artificial intelligence."""
    from pipeline.schema.crawlers import group  # compiles a large list

    return group(crawler).startswith("AI ")


def _phrase(status: str) -> str:
    if status == "000":
        return "viewer left"
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return ""


@cache
def _countries() -> dict[str, str]:
    """The names of countries by their codes, from the time zone database."""
    text = (files("tzdata.zoneinfo") / "iso3166.tab").read_text("utf-8")
    lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {code: name for code, *names in lines for name in names}
