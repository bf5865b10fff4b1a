"""Who is a crawler, by the public list of crawlers and by the agents of a thousand people."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from pipeline.schema import crawlers as module
from pipeline.schema.agents import viewer
from pipeline.schema.crawlers import (
    AI_ASSISTANT,
    AI_SEARCH,
    AI_TRAINING,
    GROUPS,
    MONITORING,
    OTHER_GROUP,
    PREVIEW,
    SEARCH,
    SEO,
    TOOL,
    UNNAMED,
    crawlers,
    group,
)

PEOPLE = Path(__file__).parent / "agents-of-people.tsv"
TOOLS = Path(__file__).parent / "agents-of-tools.tsv"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
KNOWN = {
    f"{CHROME} Safari/537.36; compatible; OAI-SearchBot/1.3": ("OAI-SearchBot", AI_SEARCH),
    f"{CHROME} Safari/537.36; Manus-User/1.0": ("Manus-User", AI_ASSISTANT),
    f"{CHROME} Safari/537.36 DatadogSynthetics": ("DatadogSynthetics", MONITORING),
    f"{CHROME} Safari/537.36 StatusCake": ("StatusCake", MONITORING),
    "Mozilla/5.0 (compatible; SEOkicks; +https://www.seokicks.de/robot.html)": ("SEOkicks", SEO),
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)": (
        "UptimeRobot",
        MONITORING,
    ),
    "Amazon-Route53-Health-Check-Service (ref 0f4b3a9c; report http://amzn.to/1vsZADi)": (
        "Amazon-Route53-Health-Check-Service",
        MONITORING,
    ),
    "NewsBlur Feed Fetcher - 13 subscribers - https://www.newsblur.com": ("NewsBlur", PREVIEW),
    "WhatsApp/2.23.20.0": ("WhatsApp", PREVIEW),
    "Go-http-client/2.0": ("Go-http-client", TOOL),
    "curl/8.5.0": ("curl", TOOL),
    "python-requests/2.32.3": ("python-requests", TOOL),
    "Mozilla/5.0 (compatible; CensysInspect/1.1)": ("CensysInspect", TOOL),
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)": ("GPTBot", AI_TRAINING),
    "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)": (
        "ClaudeBot",
        AI_TRAINING,
    ),
    "CCBot/2.0 (https://commoncrawl.org/faq/)": ("CCBot", AI_TRAINING),
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)": (
        "Bytespider",
        AI_TRAINING,
    ),
    "Mozilla/5.0 (compatible; PerplexityBot/1.0)": ("PerplexityBot", AI_SEARCH),
    "Mozilla/5.0 (compatible; Amazonbot/0.1)": ("Amazonbot", SEARCH),
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)": ("YandexBot", SEARCH),
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)": ("DuckDuckBot", SEARCH),
    "GOOGLEBOT/2.1": ("Googlebot", SEARCH),
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; NovaAct)": (
        "NovaAct",
        AI_ASSISTANT,
    ),
    "Bluesky Cardyb/1.1; +mailto:support@bsky.app": ("Bluesky Cardyb", PREVIEW),
    "ExampleBot/0.1 (+https://example.com)": ("ExampleBot", OTHER_GROUP),
    "a crawler": (UNNAMED, OTHER_GROUP),
    "ExampleUptime/1.0": ("Uptime", MONITORING),
    "Example-Synthetics/2": ("Example-Synthetics", MONITORING),
    "ExampleHealthCheck": ("ExampleHealthCheck", MONITORING),
    "example-http-client/1.0": ("example-http-client", TOOL),
    "ExampleScanner/1.0": ("ExampleScanner", TOOL),
}
PERSONS = (
    f"{CHROME} Safari/537.36",
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile",
    "Mozilla/5.0 (Linux; Android 7.0; CUBOT) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile",
    "Mozilla/5.0 (Linux; Android 7.0; M bot 54) AppleWebKit/537.36 Chrome/78.0.3904.96 Mobile",
    "Mozilla/5.0 (Linux; Android 4.3; ViewSonic A8+) AppleWebKit/534.30 Mobile Safari/534.30",
    f"{CHROME} Safari/537.36 coc_coc_browser/80.0.186",
    f"{CHROME} Safari/537.36 SogouMobileBrowser/5.23",
    "NewsBlur iPhone App v3.6",
    "MyShop/5.1 (Android 12; Pixel 6) okhttp/4.9.3",
    "Shop/7 CFNetwork/1490.0.4 Darwin/23.2.0",
    "MyShop/1.0 reqwest/0.11",
    "MyShop/3.2 (com.example.shop; build:12; iOS 17.1.0) Alamofire/5.8.0",
    "Dart/3.2 (dart:io)",
    "Node Browser/1.0 (iPhone; iOS 17.1)",
    "Mozilla/5.0 (Linux; Android 13; Prometheus X1) AppleWebKit/537.36 Chrome/119.0 Mobile",
    "Mozilla/5.0 (Linux; Android 9; JAVA 2) AppleWebKit/537.36 Chrome/119.0.0.0 Mobile",
    "Gmail/6 Java/1.8",
)


def logged(agent: str) -> str:
    """An agent as it stands in a log."""
    return agent.replace("%", "%25").replace(" ", "%20")


def listed() -> Iterator[tuple[str, str]]:
    """Each example of the public list with the name of the crawler it is an example of."""
    for entry in CRAWLER_USER_AGENTS_DATA:
        name = module._listed(entry["pattern"], entry["tags"]).name
        for agent in entry["instances"]:
            yield name, agent


def tools() -> list[tuple[str, str, str]]:
    """The group, the name and the agent of each tool."""
    lines = TOOLS.read_text().splitlines()
    found = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(its_group, name, agent) for its_group, name, agent in found]


def people() -> list[tuple[str, str]]:
    """The device and the agent of each of a thousand people."""
    lines = PEOPLE.read_text().splitlines()
    found = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(device, agent) for device, agent in found]


def test_the_public_list_are_crawlers_by_their_own_names_and_no_browsers() -> None:
    """Of the list's examples 98 % are crawlers and have no browser, 98 % under their own name."""
    examples = list(listed())
    viewers = [(name, viewer(logged(agent))) for name, agent in examples]
    found = [(name, each) for name, each in viewers if each.crawler]
    assert len(examples) > 2000
    assert len(found) >= 0.98 * len(examples)
    assert {(each.browser, each.device) for _, each in found} == {("", "crawler")}
    assert sum(each.crawler == name for name, each in found) >= 0.98 * len(examples)
    assert {each.crawler for _, each in found} <= {crawler.name for crawler in crawlers()}


def test_libraries_scanners_and_monitors_are_no_people() -> None:
    """Each has its name and its group: what no person looks at is no visit."""
    assert len(tools()) > 200
    wrong = [
        (agent, found.crawler, group(found.crawler))
        for its_group, name, agent in tools()
        if (found := viewer(logged(agent)))
        and (group(found.crawler), found.crawler, found.device) != (its_group, name, "crawler")
    ]
    assert wrong == []


def test_people_are_no_crawlers() -> None:
    """Of a thousand agents of browsers and apps at most two are taken for crawlers."""
    agents = [agent for _, agent in people()]
    assert len(agents) == 1000
    taken = [agent for agent in agents if viewer(logged(agent)).crawler]
    assert len(taken) <= 2, taken


def test_the_devices_of_people_are_told_apart() -> None:
    """Phones, tablets, televisions, consoles and desktops: right for 99 of 100."""
    wrong = [
        (device, agent) for device, agent in people() if viewer(logged(agent)).device != device
    ]
    assert len(wrong) <= 10, wrong


def test_no_crawler_is_named_after_a_browser() -> None:
    """Nor is any name the beginning of an address."""
    browsers = {viewer(logged(agent)).browser for _, agent in people()}
    assert {"Chrome", "Firefox", "Mobile Safari"} < browsers
    assert browsers.isdisjoint(crawler.name for crawler in crawlers())
    assert [crawler.name for crawler in crawlers() if "://" in crawler.name] == []
    assert [crawler for crawler in crawlers() if not crawler.name] == []


@pytest.mark.parametrize("agent", KNOWN)
def test_a_crawler_has_its_name_and_its_group(agent: str) -> None:
    """Whether a browser's name stands in its agent too, or not."""
    found = viewer(logged(agent))
    assert (found.crawler, group(found.crawler)) == KNOWN[agent]
    assert found.browser == ""


@pytest.mark.parametrize("agent", PERSONS)
def test_a_person_with_a_crawlers_word_is_a_person(agent: str) -> None:
    """Phones are called CUBOT and M bot, browsers Coc Coc, and apps name their library."""
    assert viewer(logged(agent)).crawler == ""


def test_every_group_has_crawlers() -> None:
    """And no crawler has a group of its own."""
    assert {crawler.group for crawler in crawlers()} == set(GROUPS)
    names = [crawler.name for crawler in module._own()]
    assert len(names) == len(set(names))


def test_our_corrections_are_of_patterns_that_the_list_has() -> None:
    """A correction of a pattern that the list no longer has, or has right by now, is noticed."""
    patterns = {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA}
    assert set(module._STRICTER) <= patterns
    assert set(module._NAMES) <= patterns
    names = {
        module._listed(entry["pattern"], entry["tags"]).name for entry in CRAWLER_USER_AGENTS_DATA
    }
    assert names.isdisjoint(name for name, _ in module._MORE)
    assert names >= module._ANSWERING | module._ASSISTANTS
