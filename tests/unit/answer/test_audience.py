"""People, crawlers, and what the crawlers are for."""

from pipeline.answer.audience import audience, crawler_groups
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.totals import Totals
from pipeline.hour.vector import Vector


def test_people_and_crawlers_add_up() -> None:
    """Every class of device but one is a person's; requests without an agent are unknown."""
    devices = Table.of(
        {
            "desktop": Vector(requests=5, bytes=50, hits=1),
            "mobile": Vector(requests=4, bytes=40, hits=2),
            "crawler": Vector(requests=20, bytes=7),
            "-": Vector(requests=1),
        }
    )
    found = [
        (each.value, each.requests, each.bytes, each.hits) for each in audience(devices, Totals())
    ]
    assert found == [("crawler", 20, 7, 0), ("human", 9, 90, 3), ("unknown", 1, 0, 0)]


def test_crawlers_are_grouped_by_what_they_are_for() -> None:
    """People are in no group, and a crawler in no list is in the group of the others."""
    crawlers = Table.of(
        {
            "-": Vector(requests=100),
            "GPTBot": Vector(requests=3, bytes=30),
            "ClaudeBot": Vector(requests=4, bytes=40),
            "Googlebot": Vector(requests=5),
            "curl": Vector(requests=2),
            "ExampleBot": Vector(requests=1),
        }
    )
    found = [(each.value, each.requests, each.bytes) for each in crawler_groups(crawlers, Totals())]
    assert found == [
        ("AI training", 7, 70),
        ("search", 5, 0),
        ("library or scanner", 2, 0),
        ("other", 1, 0),
    ]


def test_crawlers_that_fell_out_of_the_table_close_the_list() -> None:
    """So that the groups add up to no less than there was."""
    crawlers = Table.of({"GPTBot": Vector(requests=3)}, Vector(requests=9))
    found = [(each.value, each.requests) for each in crawler_groups(crawlers, Totals())]
    assert found == [("AI training", 3), ("(other)", 9)]
