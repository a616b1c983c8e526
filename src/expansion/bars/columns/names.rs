//! Knows the names of columns, as exporters and languages have them. Names are compared in the normal form of a header:
//! in small letters, without accents, and with spaces for dashes and underscores.

/// The required prices, in the order of every array of four prices.
pub(crate) const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// The names of each price, in order of precedence. Below the English names those of German, French, Spanish, Italian,
/// Portuguese, Polish, Russian, Turkish, Dutch, Swedish, Chinese, Japanese and Korean exports.
pub(super) const NAMES: [&[&str]; 4] = [
    &[
        "open",
        "open price",
        "opening price",
        "opening",
        "openprice",
        "price open",
        "o",
        "open prc",
        "eroffn",
        "eroffnung",
        "eroffnungskurs",
        "erster",
        "ouv",
        "ouverture",
        "apertura",
        "abertura",
        "otwarcie",
        "откр",
        "открытие",
        "acilis",
        "oppen",
        "开盘",
        "开盘价",
        "開市",
        "開盤",
        "開盤價",
        "始値",
        "시가",
    ],
    &[
        "high",
        "high price",
        "highest",
        "highprice",
        "price high",
        "h",
        "high 1",
        "hoch",
        "hochst",
        "hochstkurs",
        "tageshoch",
        "plus haut",
        "haut",
        "maximo",
        "massimo",
        "maxima",
        "max",
        "najwyzszy",
        "макс",
        "максимум",
        "yuksek",
        "en yuksek",
        "hoog",
        "hogst",
        "高",
        "最高",
        "最高价",
        "最高價",
        "高値",
        "고가",
    ],
    &[
        "low",
        "low price",
        "lowest",
        "lowprice",
        "price low",
        "l",
        "low 1",
        "tief",
        "tiefst",
        "tiefstkurs",
        "tagestief",
        "plus bas",
        "bas",
        "minimo",
        "minima",
        "min",
        "najnizszy",
        "мин",
        "минимум",
        "dusuk",
        "en dusuk",
        "laag",
        "lagst",
        "低",
        "最低",
        "最低价",
        "最低價",
        "安値",
        "저가",
    ],
    &[
        "close",
        "close price",
        "closing price",
        "closing",
        "closeprice",
        "price close",
        "last",
        "latest",
        "last price",
        "close/last",
        "price",
        "adj close",
        "adjusted close",
        "c",
        "trdprc 1",
        "settle",
        "zuletzt",
        "schluss",
        "schlusskurs",
        "letzter",
        "dernier",
        "cloture",
        "clot",
        "cierre",
        "ultimo",
        "chiusura",
        "fechamento",
        "zamkniecie",
        "ostatnio",
        "цена",
        "закр",
        "закрытие",
        "simdi",
        "kapanis",
        "slot",
        "laatste",
        "senaste",
        "收盘",
        "收盘价",
        "收市",
        "收盤",
        "收盤價",
        "終値",
        "종가",
    ],
];

/// The parts of names that a common word before or after them may decorate, in the order of the prices.
pub(super) const BASES: [&[&str]; 4] = [
    &["open"],
    &["high"],
    &["low"],
    &["close", "last", "latest", "settle"],
];

/// The single letters for the prices, which a separator sets apart from a word before or after them.
pub(super) const LETTERS: [&str; 4] = ["o", "h", "l", "c"];

/// The names of the time stamp, or of its date, in order of precedence.
pub(crate) const TIME: &[&str] = &[
    "timestamp",
    "datetime",
    "date",
    "time",
    "date time",
    "open time",
    "gmt time",
    "local time",
    "time (utc)",
    "date (utc)",
    "unix",
    "unix timestamp",
    "t",
    "date/time",
    "datetime utc",
    "utc",
    "gmt",
    "time stamp",
    "dates",
    "trade date",
    "dtyyyymmdd",
    "ts event",
    "window start",
    "begin",
    "start",
    "start time",
    "begin time",
    "period start",
    "ts",
    "opentime",
    "candle time",
    "bar time",
    "tradedate",
    "trading day",
    "date1",
    "datum",
    "datum/zeit",
    "datum zeit",
    "fecha",
    "data",
    "дата",
    "tarih",
    "日期",
    "时间",
    "日付",
    "日付け",
    "날짜",
    "epoch",
    "mts",
];

/// The names of a time of day beside a date.
pub(super) const CLOCK: &[&str] = &[
    "time",
    "minute",
    "hour",
    "hhmm",
    "hhmmss",
    "bar time",
    "trade time",
    "start time",
    "time (utc)",
    "gmt time",
    "local time",
    "timestamp",
    "zeit",
    "uhrzeit",
    "heure",
    "hora",
    "ora",
    "godzina",
    "czas",
    "время",
    "saat",
    "tijd",
    "tid",
    "时间",
    "時間",
    "時刻",
    "시간",
];

/// The names of an hour, and of a minute of an hour, in a column of its own.
pub(super) const HOURS: &[&str] = &["hour", "hours", "hr", "hh", "stunde", "heure", "hora"];
pub(super) const MINUTES: &[&str] = &["minute", "minutes", "mi", "mm", "minuto"];

/// The names of the zone of the time stamps.
pub(crate) const ZONE: &[&str] = &[
    "tz",
    "timezone",
    "time zone",
    "utc offset",
    "utcoffset",
    "gmt offset",
    "gmtoffset",
    "tz offset",
    "zeitzone",
];

/// The names of the column that names the instrument, in order of precedence. Numbers change where one instrument is
/// known by several, so they count only if the rows show that they tell instruments apart.
pub(super) const SYMBOLS: &[&str] = &[
    "symbol",
    "symbols",
    "ticker",
    "tickers",
    "instrument",
    "name",
    "ts code",
    "stock code",
    "tic",
    "sym",
    "secid",
    "ric",
    "isin",
    "pair",
    "stock",
    "asset",
    "contract",
    "security",
    "act symbol",
    "company",
    "market",
    "product",
    "currency pair",
    "crypto",
    "cusip",
    "ticker symbol",
    "tckrsymb",
    "fininstrmid",
    "coin",
    "code",
];

/// The names of columns with the number of an instrument.
pub(super) const NUMBERS: &[&str] = &[
    "instrument id",
    "permno",
    "security id",
    "sc code",
    "conid",
    "figi",
];

/// Returns whether one of the words of a name is in `words`.
fn has_word(name: &str, words: &[&str]) -> bool {
    name.split(|c: char| !c.is_alphanumeric())
        .any(|word| words.contains(&word))
}

/// Returns whether a name says that a time is the start of the bar.
pub(super) fn is_start(name: &str) -> bool {
    has_word(
        name,
        &[
            "start",
            "begin",
            "open",
            "opening",
            "from",
            "event",
            "opentime",
            "starttime",
        ],
    )
}

/// Returns whether a name says that a time is not the start of the bar.
pub(super) fn is_end(name: &str) -> bool {
    has_word(
        name,
        &[
            "end",
            "close",
            "closing",
            "to",
            "until",
            "recv",
            "received",
            "expiry",
            "expiration",
            "updated",
            "created",
            "closetime",
            "endtime",
            "settlement",
            "maturity",
        ],
    )
}

/// Returns whether a name says that a column numbers the rows.
pub(super) fn is_index(name: &str) -> bool {
    has_word(
        name,
        &[
            "id", "index", "idx", "no", "nr", "number", "row", "seq", "sequence",
        ],
    )
}

/// Returns whether a name is that of a time of day beside a date.
pub(crate) fn is_clock_name(name: &str) -> bool {
    CLOCK.contains(&name)
}

/// Returns whether a name speaks of time.
pub(crate) fn is_of_time(name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "ts", "dt", "day", "t", "stamp", "epoch", "unix", "begin", "start", "mts",
    ];
    ["date", "time", "datum", "zeit"]
        .iter()
        .any(|part| name.contains(part))
        || has_word(name, &WORDS)
}
