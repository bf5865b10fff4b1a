"""Programs that are no browsers and that the public list of crawlers lacks.

Data, not code. The names in `LIBRARIES`, `SCANNERS` and `MONITORS` begin an agent, one a line: an
app of people's names itself before the library that it is built on. `PATTERNS` (of the `regex`
crate) are of those that stand elsewhere in it.
"""

LIBRARIES = """
APT-HTTP|AHC|Advanced REST Client|Apache-HttpAsyncClient|Apache-JMeter|Apache-Maven|Artillery|Axel
Boost.Beast|Boto3|Botocore|Bun|Bundler|Cargo|Composer|Debian APT-HTTP|Deno|Drupal|EasyHttp|Elixir
ESP32HTTPClient|ESP8266HTTPClient|Faraday|Flurl|Gatling|Gradle|GuzzleHttp|HTTP-Tiny|HTTP.jl|HTTParty
HTTP_Request2|HTTPoison|HTTPie|HashiCorp Terraform|Homebrew|Hoppscotch|IntelliJ HTTP Client
Jakarta Commons-HttpClient|Java-http-client|Jodd HTTP|Ktor client|LWP::Simple|LibVLC-HTTP|LuaSocket
Microsoft BITS|Microsoft-CryptoAPI|Mojolicious|NING|Needle|Net::HTTP|NuGet|OpenTofu|PHP|PRequests
Paw|PostmanRuntime|Puppeteer|PycURL|Python|Python-httplib2|RPT-HTTPClient|RapidAPI|ReactorNetty
RestSharp|Ruby|RubyGems|Symfony HttpClient|Thunder Client|Tornado|TornadoServer|Twisted
Twisted PageGetter|Typhoeus|Unirest|Vert.x-WebClient|Yaak
Zend_Http_Client|akka-http|aria2|attohttpc|autocannon|aws-cli
aws-sdk-cpp|aws-sdk-dotnet|aws-sdk-go|aws-sdk-go-v2|aws-sdk-java|aws-sdk-js|aws-sdk-kotlin
aws-sdk-nodejs|aws-sdk-php|aws-sdk-ruby3|aws-sdk-rust|azsdk-net|azsdk-python|bombardier
bruno-runtime|cargo|clj-http|colly|composer|conda|containerd|cpp-httplib|cpr|curb|curl-impersonate
docker|elixir|excon|fasthttp|fetch libfetch|gentoo-portage|git|go-resty|google-api-python
grequests|h2load|hackney|haskell-HTTP|hey|http-kit|http.rb|http4s-blaze|http4s-ember|httpclient
httpie|httpx|hyper|insomnia|isahc|kong|ktor-client|lftp|libcurl|libcurl-agent|libdnf|locust|lua-resty
mint|minio-go|newman|nghttp2|node|node-libcurl|node-superagent|npm|oha|pekko-http|php-requests|pip
pnpm|poetry|postman|python|python-urllib3|r-curl|rclone|req|reqwest|rest-client|rustup|s3cmd|s5cmd
selenium|sttp|superagent|surf|tls-client|tsung|undici|unirest-java|ureq|urlgrabber|uv|vegeta
vscode-restclient|wrk|yarn|zypper|k6|Grafana k6
"""

SCANNERS = """
Arachni|Burp Suite Professional|Custom-AsyncHttpClient|Fuzz Faster U Fool|Hello, world|Invicti
Morfeus Fucking Scanner|Netsparker|Nuclei|OWASP ZAP|SSLyze|Shodan|Wappalyzer|XSStrike|commix
dalfox|dirsearch|feroxbuster|fimap.googlecode.com|katana|l9explore|l9tcpid|libredtail-http|naabu
subfinder|testssl.sh|w3af.org|wfuzz|wpscan
"""

MONITORS = """
AlwaysOn|Apica Synthetic|Azure Traffic Manager Endpoint Monitor
Consul Health Check|Datadog/Synthetics|Datadog|DigitalOcean Uptime Probe|Edge Health Probe
Elastic-Heartbeat|Envoy/HC|Gatus|Grafana|HAProxy|Hyperping|Icinga|Instatus|Load Balancer Agent
Monit|Munin|NewRelicPinger|OhDear|Prometheus|Pulsetic.com|Sematext Synthetics
Sensu|SiteUptime|StatusPage|Telegraf|Traefik|Uptime.com|Vigil|WebGazer|Wormly|collectd
"""

PATTERNS = {
    # name: the pattern that tells it, whether it is a monitor
    "Java": (r"^Java(?:/|1\.)", False),
    "PowerShell": (r"PowerShell/\d", False),
    "WinHttpRequest": (r"WinHttp\.WinHttpRequest", False),
    "Siege": (r"\bSiege/\d", False),
    "Cypress": (r"\bCypress/\d", False),
    "HeadlessEdg": (r"\bHeadlessEdg", False),
    "Skipfish": (r"^Mozilla/5\.0 SF/\d", False),
    "Jorgee": (r"\bJorgee\b", False),
    "BinaryEdge": (r"\bBinaryEdge\b", False),
    "CloudWatchSynthetics": (r"\bCloudWatchSynthetics\b", True),
    "Freshping": (r"\bFreshping\b", True),
    "Uptrends": (r"\bUptrends\b", True),
    "GomezAgent": (r"\bGomezAgent\b", True),
    "SpeedCurve": (r"\bSpeedCurve\b", True),
    "DebugBear": (r"\bDebugBear\b", True),
    "Pingometer": (r"\bPingometer", True),
    "Calibre": (r"\bCalibre/\d", True),
    "Sitespeed.io": (r"\b[Ss]itespeed\.io\b", True),
}


def names(table: str) -> list[str]:
    """Return the names of a table."""
    return [name for line in table.split("\n") for name in line.split("|") if name]
