"""The class of a viewer's device: what in a user agent tells it.

Data, not code: the first pattern (of the `regex` crate) that matches a decoded agent tells its
device. `(?i)` is left out on purpose: it makes compiling slow, and makers spell their names alike.
"""

OTHER_DEVICE = "other"

DEVICES = (
    (
        "console",
        r"Play[Ss]tation|PLAYSTATION|\bPS[345]\b|\bps[45]\b|\b[Xx]box|\bXBOX|Nintendo|SteamDeck"
        r"|Valve Steam|OUYA|Android \d+; Switch\b",
    ),
    ("tv", r"(?:^|[^DHI])TVA?\d*[A-Z]?(?:\b|_)|\bAFT[A-Z0-9]|\bSTB\b|Smart-?T[Vv]|SmartTvA"),
    (
        "tv",
        r"Roku|Chromecast|CrKey|BRAVIA|Bravia|Web0S|\bViera|VIZIO|Vizio|NetCast|\bOMI/|CE-HTML"
        r"|MIBOX|MiBOX|TV[Bb]ox|TVBOX|BDPlayer|BrightSign|Large Screen|AmazonWebAppPlatform"
        r"|Freebox|InettvBrowser|YouView|GW-Device|Linux mips|Nexus Player|Streaming Stick|tvOS",
    ),
    # A laptop that runs Android, or its apps, says `Android`.
    (
        "desktop",
        r"\bCrOS\b|(?:Chrome|Elite|Think|Vivo|Zen|Net|Pixel)[Bb]ook|Inspiron|TravelMate|Latitude"
        r"|Vostro|Aspire|Satellite [A-Z]\d",
    ),
    ("mobile", r"\bSM-[ACEFGJMNSW]\d|\bSP?H[PVW]-[EM]"),
    (
        "tablet",
        r"iPad|Tablet(?:$|[^ ]| [^P])|PlayBook|Kindle|Silk/|\bKF[A-Z]{2,}|Nexus (?:7|9|10)\b"
        r"|Pixel C\b|/apad\b|\bSM-[TX]\d|\bSM-P[1-9]\d\d|\bGT-P[1-9]\d{3}|\bGT-N[58]\d{3}"
        r"|\bTB-?[A-Z]?\d{3}|Nokia T\d\d|\bLenovo (?:TB|YT|Tab)|\b(?:TB|YT)\d?-"
        r"|Media[Pp]ad|mediapad|MatePad|LIFETAB|Xoom|HTC.Flyer|\b[A-Z]+\d?-W\d\d"
        r"|\b(?:AGR|AGS|BAH|BG|BZ[A-Z]|CPN|GEM|HDL|JDN|KOB|MON|SHT|VRD)\d?-"
        r"|\d{5}RP|\b(?:iPA|OPD)\d{4}"
        r"|(?:\b|_)(?:Galaxy|Surf|Yoga|Idea|Dra)?(?:Tab|TAB|Pad|PAD)(?:\b|_|\d)",
    ),
    (
        "mobile",
        r"[Mm]obile|MOBILE|[Pp]hone|iPod|Opera M(?:ini|obi)|Windows CE|WPDesktop|Lumia|ZuneWP7|MIDP"
        r"|CLDC|UP\.Browser|WAP-?Browser|BlackBerry|BB10|Symb(?:ian|OS)|Series ?[346]0"
        r"|N(?:okia|OKIA)|SonyEricsson|SAMSUNG-S[GCP]H|MAUI|Maemo|Palm(?:OS|Source)|hpwOS|webOS/|KAIOS|J2ME|Dalvik"
        r"|\biOS\b|FBAN/FB4A|UCWEB|UCBrowser|B(?:ada|ADA)/|B(?:rew|REW)\b",
    ),
    # A browser on Android that does not say `Mobile` is on a tablet, as Google asks of browsers:
    # https://developer.chrome.com/docs/multidevice/user-agent#chrome-for-android-user-agent
    ("tablet", r"[Aa]ndroid.*(?:[Ss]afari/|[Gg]ecko/|Presto/)"),
    # An app does not follow that rule: it is on a phone unless its model says otherwise.
    ("mobile", r"[Aa]ndroid"),
    (
        "desktop",
        r"Windows|WINDOWS|\b[Ww]in(?:NT|http|95|98|9x|32|64|7|8|10|11)\b|Macintosh|Mac ?OS|macOS"
        r"|Mac_PowerPC|\bOSX\b|\bos=Mac|X11|[Ll]inux|BSD|SunOS|OS/2|BeOS|Amiga|OpenVMS|; Desktop"
        r"|MSOffice|GOG Galaxy|Darwin.*(?:x86_64|i386|Power)",
    ),
    ("mobile", r"CFNetwork/|\bDarwin/"),
)
