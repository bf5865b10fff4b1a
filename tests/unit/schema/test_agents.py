"""What user agents stand for: browsers, systems, devices, and crawlers by their names."""

import pytest

from pipeline.schema.agents import viewer
from pipeline.schema.dimensions import DIMENSIONS, content_type, host, referrer

WEBKIT = "AppleWebKit/537.36%20(KHTML,%20like%20Gecko)"
CHROME = f"{WEBKIT}%20Chrome/126.0.0.0"
AGENTS = {
    f"Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64)%20{CHROME}%20Safari/537.36": (
        "Chrome", "Windows", "desktop", ""
    ),
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2017_4%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15"
    "%20Version/17.4%20Mobile/15E148%20Safari/604.1": ("Mobile Safari", "iOS", "mobile", ""),
    "Mozilla/5.0%20(iPad;%20CPU%20OS%2016_0%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15"
    "%20Version/16.0%20Mobile/15E148%20Safari/604.1": ("Mobile Safari", "iOS", "tablet", ""),
    f"Mozilla/5.0%20(Linux;%20Android%2014;%20Pixel%208)%20{CHROME}%20Mobile%20"
    "Safari/537.36": ("Chrome Mobile", "Android", "mobile", ""),
    f"Mozilla/5.0%20(Linux;%20Android%2013;%20SM-X906C)%20{CHROME}%20Safari/537.36": (
        "Chrome", "Android", "tablet", ""
    ),
    "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:126.0)%20Gecko/20100101%20Firefox/126.0": (
        "Firefox", "Linux", "desktop", ""
    ),
    f"Mozilla/5.0%20(X11;%20CrOS%20x86_64%2014541.0.0)%20{CHROME}%20Safari/537.36": (
        "Chrome", "Chrome OS", "desktop", ""
    ),
    "Mozilla/5.0%20(SMART-TV;%20Linux;%20Tizen%205.0)%20AppleWebKit/538.1%20Version/5.0%20TV%20"
    "Safari/538.1": ("Safari", "Tizen", "tv", ""),
    "Roku/DVP-9.10%20(519.10E04111A)": ("Roku", "Roku", "tv", ""),
    "Dalvik/2.1.0%20(Linux;%20U;%20Android%2013;%20Pixel%207%20Build/TQ3A.230901.001)": (
        "Android", "Android", "mobile", ""
    ),
    "Dalvik/2.1.0%20(Linux;%20U;%20Android%2013;%20SM-X906C%20Build/TP1A.220624.014)": (
        "Android", "Android", "tablet", ""
    ),
    "AppleCoreMedia/1.0.0.20J373%20(Apple%20TV;%20U;%20CPU%20OS%2016_0%20like%20Mac%20OS%20X)": (
        "Other", "ATV OS X", "tv", ""
    ),
    "Shop/7%20CFNetwork/1490.0.4%20Darwin/23.2.0": ("Shop", "iOS", "mobile", ""),
    "curl/8.5.0": ("", "Other", "crawler", "curl"),
    f"Mozilla/5.0%20{WEBKIT};%20compatible;%20GPTBot/1.2;%20+https://openai.com/gptbot)": (
        "", "Other", "crawler", "GPTBot"
    ),
    "Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)": (
        "", "Other", "crawler", "Googlebot"
    ),
    "Mozilla/5.0%20(Macintosh;%20Intel%20Mac%20OS%20X%2010_15_7)%20AppleWebKit/605.1.15%20Version/17.4"
    "%20Safari/605.1.15%20(Applebot/0.1;%20+http://www.apple.com/go/applebot)": (
        "", "Mac OS X", "crawler", "Applebot"
    ),
    "meta-externalagent/1.1%20(+https://developers.facebook.com/docs/sharing/webmasters/crawler)": (
        "", "Other", "crawler", "meta-externalagent"
    ),
    "AhrefsBot/7.0%20(+http://ahrefs.com/robot/)": ("", "Other", "crawler", "AhrefsBot"),
}  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_is_known(agent: str) -> None:
    """Browser, operating system, class of device, and the crawler where it is one."""
    assert viewer(agent) == AGENTS[agent]


def test_agents_encoded_twice_are_todays() -> None:
    """As they were logged from 2013 to 2019."""
    once = next(iter(AGENTS))
    for dimension in ("browser", "operating_system", "device", "crawler"):
        clean = DIMENSIONS[dimension].clean
        assert clean(once.replace("%", "%25")) == clean(once)


@pytest.mark.parametrize("dimension", ["browser", "operating_system", "device", "crawler"])
def test_no_agent_is_absent(dimension: str) -> None:
    """It is not taken for an unknown browser."""
    assert DIMENSIONS[dimension].clean("-") == "-"


def test_an_endless_agent_is_looked_at_in_part() -> None:
    """Whoever sends it does not make the parser slow."""
    assert viewer("x" * 100_000 + "GPTBot").crawler == ""


@pytest.mark.parametrize(
    ("logged", "counted"),
    [
        ("https://www.Example.com/a?b=https://c", "www.example.com"),
        ("http://user:pw@example.com:8443/x", "example.com"),
        ("https://example.com?x", "example.com"),
        ("https://example.com#x@y", "example.com"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("android-app://com.example/", "com.example"),
        ("-", "-"),
        ("", "-"),
        ("https:///x", "(no host)"),
        ("junk", "(no host)"),
        ("www.partner.example/page?mail=someone@example.com", "www.partner.example"),
        ("//cdn.example/x", "cdn.example"),
        ("WWW.Example.com.:443", "www.example.com"),
        ("/page?mail=someone@example.com", "(no host)"),
        ("mail=someone@example.com", "(no host)"),
        ("about:blank", "(no host)"),
        ("localhost:3000", "localhost"),
        ("<script>://x", "(no host)"),
    ],
)
def test_a_referrer_is_its_host(logged: str, counted: str) -> None:
    """In lower case, without user, port and final dot. Nothing of a path or query is ever kept."""
    assert referrer(logged) == counted


def test_hosts_and_media_types_are_compared_as_the_standards_say() -> None:
    """Their case does not matter, and a media type's parameters are left out."""
    for name in (
        "WWW.Example.com",
        "www.example.com:443",
        "www.example.com.",
        "WWW.EXAMPLE.COM.:8",
    ):
        assert host(name) == "www.example.com"
    assert (host("[2001:db8::1]:443"), host("-"), host("")) == ("[2001:db8::1]", "-", "-")
    assert content_type("Text/HTML;%20charset=utf-8") == "text/html"
    assert content_type("-") == content_type("") == "-"
