"""Crawlers that go by a name of their own: what in an agent tells each, and who says so.

Data, not code: to add one, add a line. Whatever else ua-parser takes for a crawler goes by the
name that ua-parser gives it. Google-Extended and Applebot-Extended are words for robots.txt that
no request carries, say their makers; they are here for agents that pretend.
"""

_SOURCES: dict[str, tuple[str, ...]] = {
    # Crawlers, assistants and search engines of AI companies.
    "https://platform.openai.com/docs/bots": ("GPTBot", "OAI-SearchBot", "ChatGPT-User"),
    "https://support.claude.com/en/articles/8896518": (
        "ClaudeBot",
        "Claude-SearchBot",
        "Claude-User",
    ),
    "https://docs.perplexity.ai/guides/bots": ("PerplexityBot", "Perplexity-User"),
    "https://commoncrawl.org/ccbot": ("CCBot",),
    "https://developer.amazon.com/amazonbot": ("Amazonbot",),
    "https://docs.mistral.ai/robots": ("MistralAI-User",),
    "https://developers.facebook.com/docs/sharing/webmasters/web-crawlers": (
        "meta-externalagent",
        "meta-externalfetcher",
        "FacebookBot",
        "facebookexternalhit",
    ),
    "https://duckduckgo.com/duckduckgo-help-pages/results/duckassistbot": ("DuckAssistBot",),
    "https://docs.diffbot.com/reference/introduction-to-crawl": ("Diffbot",),
    "https://github.com/ai-robots-txt/ai.robots.txt/blob/main/table-of-bot-metrics.md": (
        "AI2Bot",
        "Bytespider",
        "Claude-Web",
        "ImagesiftBot",
        "Omgilibot",
        "Timpibot",
        "TikTokSpider",
        "YouBot",
        "anthropic-ai",
        "cohere-ai",
        "cohere-training-data-crawler",
        "img2dataset",
    ),
    # Google's and Apple's serve search and AI alike.
    "https://developers.google.com/search/docs/crawling-indexing/google-common-crawlers": (
        "Googlebot",
        "Googlebot-Image",
        "Googlebot-News",
        "Googlebot-Video",
        "Storebot-Google",
        "Google-InspectionTool",
        "GoogleOther",
        "Google-CloudVertexBot",
        "Google-Extended",
    ),
    "https://developers.google.com/search/docs/crawling-indexing/google-special-case-crawlers": (
        "AdsBot-Google",
        "Mediapartners-Google",
    ),
    "https://support.apple.com/en-us/119829": ("Applebot", "Applebot-Extended"),
    # Search engines.
    "https://www.bing.com/webmasters/help/which-crawlers-does-bing-use-8c184ec0": (
        "bingbot",
        "AdIdxBot",
        "BingPreview",
    ),
    "https://duckduckgo.com/duckduckgo-help-pages/results/duckduckbot": ("DuckDuckBot",),
    "https://help.baidu.com/question?prod_id=99&class=0&id=3001": ("Baiduspider",),
    "https://yandex.com/support/webmaster/robot-workings/check-yandex-robots.html": (
        "YandexBot",
        "YandexImages",
    ),
    "https://help.yahoo.com/kb/SLN22600.html": ("Slurp",),
    "https://aspiegel.com/petalbot": ("PetalBot",),
    "https://help.qwant.com/bot/": ("Qwantbot",),
    "https://napoveda.seznam.cz/en/seznambot-crawler/": ("SeznamBot",),
    "https://www.sogou.com/docs/help/webmasters.htm": ("Sogou web spider",),
    "https://www.mojeek.com/bot.html": ("MojeekBot",),
}

CRAWLERS = tuple(token for tokens in _SOURCES.values() for token in tokens)
"""The name of each crawler, which is also the word that tells it in an agent, in any case."""
