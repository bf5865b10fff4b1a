"""Visit the page as people do, in Chromium: run by the clients' own Python.

browse.py CHROMIUM PICTURES URL SECRET WIDTHS. Prints the findings of every visit as JSON: messages
of the console, requests, violations of axe-core's rules, things wider than the window. With a
secret, which is given to the login first, also the sheets of a print, what the keyboard reaches,
and where controls lead.
"""

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

REACHABLE = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
OPENED = "() => document.querySelectorAll('details').forEach(each => each.open = true)"
WIDER = """() => [...document.querySelectorAll("body *")].filter(each =>
    !each.closest(".sc, svg, .seg, .v") && each.getBoundingClientRect().right > innerWidth + 1
).map(each => each.outerHTML.slice(0, 120)).slice(0, 5)"""
MARKED = """all => { let count = 0; for (const each of document.querySelectorAll(all))
    if (each.checkVisibility()) each.dataset.place = count++; return count }"""
FOCUSED = """() => { const at = document.activeElement, style = getComputedStyle(at);
    return { place: at.dataset.place ?? "", html: at.outerHTML.slice(0, 120),
        seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 } }"""


def main(chromium: str, pictures: str, url: str, secret: str, widths: str) -> None:
    """Visit the page in every width, light and dark, with and without script."""
    found: dict[str, Any] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width, scheme in product(map(int, widths.split(",")), ("light", "dark")):
            context = new_context(browser, width, scheme, True)
            found[f"{width} {scheme}"] = visit(context, url, secret, Path(pictures))
            context.close()
        without = new_context(browser, 1280, "light", False)
        found["without script"] = watched(without, url, secret)[1]
        if secret:
            found["sheets"] = sheets(opened(new_context(browser, 794), url, secret))
            found["keyboard"] = keyboard(opened(new_context(browser, 1280), url, secret))
            found["walk"] = walk(opened(new_context(browser, 1280, script=False), url, secret))
        browser.close()
    sys.stdout.write(json.dumps(found))


def new_context(
    browser: Browser, width: int, scheme: Any = "light", script: bool = True
) -> BrowserContext:
    """A browser with no cookies yet."""
    return browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion="reduce",
    )


def opened(context: BrowserContext, url: str, secret: str) -> Page:
    """The page, behind its login if it has one."""
    page = context.new_page()
    page.goto(url)
    if secret:
        page.fill("#secret", secret)
        with page.expect_navigation():
            page.click("button")
    return page


def watched(context: BrowserContext, url: str, secret: str) -> tuple[Page, dict[str, Any]]:
    """The page, and all that the browser said and asked for."""
    said: list[str] = []
    asked: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    context.on("weberror", lambda error: said.append(str(error.error)))
    context.on("dialog", lambda dialog: said.append(dialog.message))
    context.on("request", lambda request: asked.append(request.url))
    page = opened(context, url, secret)
    return page, {"said": said, "asked": asked, "title": page.title()}


def visit(context: BrowserContext, url: str, secret: str, pictures: Path) -> dict[str, Any]:
    """The findings of one visit: of the page as it comes, and with every table opened."""
    page, found = watched(context, url, secret)
    scheme = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=pictures / f"{width}{'-dark' if scheme else ''}.png", full_page=True)
    page.evaluate(OPENED)
    axe = Axe().run(page)
    found["broken"] = [
        f"{each['id']}: {node['html'][:200]}"
        for each in axe.response["violations"]
        for node in each["nodes"]
    ]
    found["wider"] = page.evaluate(WIDER)
    found["scrolls"] = page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
    return found


def sheets(page: Page) -> int:
    """The number of sheets of A4 that the page is printed on."""
    count: int = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    return count


def keyboard(page: Page) -> dict[str, Any]:
    """What Tab reaches, in its order, and whether the focus is seen there."""
    count = page.evaluate(MARKED, REACHABLE)
    reached: list[dict[str, Any]] = []
    while len(reached) < 2 * count:  # a date has several parts
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1]["place"] == str(count - 1):
            break
    unseen = {each["place"]: each["html"] for each in reached}
    for each in reached:
        if each["seen"]:
            unseen.pop(each["place"], None)
    return {
        "count": count,
        "places": [int(each["place"]) for each in reached if each["place"]],
        "unseen": list(unseen.values()),
    }


def walk(page: Page) -> list[str]:
    """Where the controls lead: a value of a list, Back, a ranking, a date, the login's end."""
    page.click("section[aria-labelledby=l-country] tbody th a")
    seen = [page.url]
    page.go_back()
    seen.append(page.url)
    page.click(".tabs a:has-text('most missed')")
    seen.append(page.url)
    page.click("text=Yesterday")
    seen += [page.url, page.title()]
    page.fill("input[name=from]", "2026-11-25")
    page.fill("input[name=to]", "2026-11-25")
    page.click("button.go")
    seen += [page.url, page.title()]
    page.click("a:has-text('Year before')")
    seen.append(page.url)
    page.click("footer a:has-text('JSON')")
    seen += [page.url, page.text_content("body")[:7]]
    page.go_back()
    page.click("text=Log out")
    seen.append(page.url)
    return seen


if __name__ == "__main__":
    main(*sys.argv[1:])
