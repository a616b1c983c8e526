//! Forms of files that exporters write, with made-up prices: each is read as what was written, whole and line by line,
//! or refused with a message whose advice works for the file.

use std::fs;

use equipoise::expansion::bars::{
    Bar, Bars, ColumnMap, CsvLines, CsvOptions, CsvReport, DateOrder, read_csv,
};
use jiff::Timestamp;

/// The hour of the first bar of every series: 2024-01-02T00:00:00Z, a Tuesday.
const FIRST: i64 = 1_704_153_600;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// Returns bars that follow one another as prices do, with two decimals.
pub(crate) fn bars(count: usize) -> Vec<Bar> {
    let mut state = 7u64;
    let mut draw = move |most: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % (most + 1)
    };
    let mut close = 123_450;
    (0..count)
        .map(|_| {
            let open = close + draw(6) - 3;
            close = open + draw(200) - 100;
            let high = open.max(close) + 1 + draw(40);
            let low = open.min(close) - 1 - draw(40);
            let price = |cents: i64| cents as f64 / 100.0;
            Bar {
                open: price(open),
                high: price(high),
                low: price(low),
                close: price(close),
            }
        })
        .collect()
}

pub(crate) fn read(content: &str, options: &CsvOptions) -> Result<(Bars, CsvReport), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    fs::write(&path, content).unwrap();
    let remove = path.display().to_string();
    let read = read_csv(&path, options);
    read.map_err(|error| error.to_string().replace(&remove, "FILE"))
}

/// Reads lines one at a time.
pub(crate) fn stream(
    content: &str,
    options: &CsvOptions,
) -> Result<Vec<(Bar, Option<i64>)>, String> {
    let mut lines = CsvLines::new("FILE", options);
    let mut taken = Vec::new();
    for line in content.split_inclusive('\n') {
        let bar = lines
            .take(line.as_bytes())
            .map_err(|error| error.to_string())?;
        taken.extend(bar);
    }
    lines.finish().map_err(|error| error.to_string())?;
    Ok(taken)
}

/// A form of rows: the header, the seconds between bars, the row of a bar, and whether the newest comes first.
struct Form {
    name: &'static str,
    header: &'static str,
    step: i64,
    row: fn(&Time, &Bar) -> String,
    newest_first: bool,
}

/// The time of a bar, to be written.
struct Time(i64);

impl Time {
    fn say(&self, pattern: &str) -> String {
        let zone = jiff::tz::TimeZone::UTC;
        let time = Timestamp::from_second(self.0).unwrap().to_zoned(zone);
        time.strftime(pattern).to_string()
    }
}

/// The prices in an order, `ohlc` for example, with a separator.
fn prices(bar: &Bar, order: &str, separator: &str) -> String {
    let price = |c| match c {
        'o' => bar.open,
        'h' => bar.high,
        'l' => bar.low,
        _ => bar.close,
    };
    let all: Vec<String> = order.chars().map(|c| format!("{:.2}", price(c))).collect();
    all.join(separator)
}

/// A price as many countries write it: `1.234,50`.
fn comma(price: f64) -> String {
    let cents = (price * 100.0).round() as i64;
    format!(
        "{}.{:03},{:02}",
        cents / 100_000,
        cents / 100 % 1000,
        cents % 100
    )
}

fn commas(bar: &Bar) -> String {
    let all = [bar.close, bar.open, bar.high, bar.low].map(|price| format!("\"{}\"", comma(price)));
    all.join(",")
}

/// A row of Investing.com with decimal commas: date, close, open, high, low, volume, change.
fn investing(t: &Time, b: &Bar) -> String {
    format!(
        "\"{}\",{},\"4,08K\",\"-0,28%\"",
        t.say("%d.%m.%Y"),
        commas(b)
    )
}

fn investing_slashes(t: &Time, b: &Bar) -> String {
    format!(
        "\"{}\",{},\"4,08K\",\"-0,28%\"",
        t.say("%d/%m/%Y"),
        commas(b)
    )
}

/// A row of Investing.com in Asia: decimal points.
fn investing_points(date: String, b: &Bar) -> String {
    format!(
        "\"{date}\",\"{}\",\"4.08K\",\"-0.28%\"",
        prices(b, "cohl", "\",\"")
    )
}

const fn form(
    name: &'static str,
    header: &'static str,
    step: i64,
    row: fn(&Time, &Bar) -> String,
) -> Form {
    Form {
        name,
        header,
        step,
        row,
        newest_first: false,
    }
}

const fn turned(name: &'static str, header: &'static str, row: fn(&Time, &Bar) -> String) -> Form {
    Form {
        name,
        header,
        step: DAY,
        row,
        newest_first: true,
    }
}

fn forms() -> Vec<Form> {
    vec![
        form(
            "Dukascopy",
            "Gmt time,Open,High,Low,Close,Volume\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},10.5",
                    t.say("%d.%m.%Y %H:%M:%S.000"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "Dukascopy, an offset",
            "Local time,Open,High,Low,Close,Volume\n",
            HOUR,
            |t, b| {
                let time = Time(t.0 + HOUR).say("%d.%m.%Y %H:%M:%S.000 GMT+0100");
                format!("{time},{},10.5", prices(b, "ohlc", ","))
            },
        ),
        form(
            "Dukascopy, new",
            "UTC,Open,High,Low,Close,Volume\n",
            HOUR,
            |t, b| {
                format!(
                    "{} UTC,{},10.5",
                    t.say("%d.%m.%Y %H:%M:%S.000"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "Stooq, hours",
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n",
            HOUR,
            |t, b| {
                format!(
                    "EURUSD,60,{},{},0,0",
                    t.say("%Y%m%d,%H%M%S"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "Stooq, Polish",
            "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n",
            DAY,
            |t, b| format!("{},{},77", t.say("%Y-%m-%d"), prices(b, "ohlc", ",")),
        ),
        form("Kraken", "", HOUR, |t, b| {
            format!("{},{},1.25,42", t.0, prices(b, "ohlc", ","))
        }),
        form("Bitfinex", "", HOUR, |t, b| {
            format!("{}000,{},8.25", t.0, prices(b, "ochl", ","))
        }),
        form("Binance before 2022", "", HOUR, |t, b| {
            let (open, close) = (t.0, t.0 + HOUR - 1);
            format!(
                "{open}000,{},5.5,{close}999,6816.77,981,2.5,3408.38,0",
                prices(b, "ohlc", ",")
            )
        }),
        form(
            "CryptoDataDownload",
            "https://www.example.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},BTC/USD,{},1,2",
                    t.0,
                    t.say("%Y-%m-%d %H:%M:%S"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "TradingView",
            "time,open,high,low,close,Volume\n",
            HOUR,
            |t, b| format!("{},{},1520", t.0, prices(b, "ohlc", ",")),
        ),
        form("NinjaTrader", "", HOUR, |t, b| {
            format!("{};{};17", t.say("%Y%m%d %H%M%S"), prices(b, "ohlc", ";"))
        }),
        form(
            "Sierra Chart",
            "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume\n",
            HOUR,
            |t, b| {
                format!(
                    "{}, {}, 12, 3, 5, 7",
                    t.say("%Y/%-m/%-d, %H:%M:%S"),
                    prices(b, "ohlc", ", ")
                )
            },
        ),
        form(
            "Tiingo",
            "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor\n",
            DAY,
            |t, b| {
                format!(
                    "{},{},9,1.5,1.6,1.4,1.5,9,0.0,1.0",
                    t.say("%Y-%m-%d 00:00:00+00:00"),
                    prices(b, "chlo", ",")
                )
            },
        ),
        form(
            "Polygon",
            "ticker,volume,open,close,high,low,window_start,transactions\n",
            HOUR,
            |t, b| format!("AAPL,4930,{},{}000000000,129", prices(b, "ochl", ","), t.0),
        ),
        form(
            "IEX",
            "date,minute,label,high,low,open,close,average,volume\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},77.25,100",
                    t.say("%Y-%m-%d,%H:%M,%I:%M %p"),
                    prices(b, "hloc", ",")
                )
            },
        ),
        form(
            "QuantConnect",
            "symbol,time,close,high,low,open,volume\n",
            HOUR,
            |t, b| {
                format!(
                    "SPY R735QTJ8XC9X,{},{},1",
                    t.say("%Y-%m-%d %H:%M:%S"),
                    prices(b, "chlo", ",")
                )
            },
        ),
        form("ccxt", "", HOUR, |t, b| {
            format!("{}000,{},7.5", t.0, prices(b, "ohlc", ","))
        }),
        form(
            "Bloomberg",
            "Dates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME\n",
            DAY,
            |t, b| format!("{},{},100", t.say("%-m/%-d/%Y"), prices(b, "ohlc", ",")),
        ),
        form(
            "Refinitiv DataScope",
            "#RIC,Domain,Date-Time,GMT Offset,Type,Open,High,Low,Last,Volume\n",
            HOUR,
            |t, b| {
                let time = t.say("%Y-%m-%dT%H:%M:%S.000000000Z");
                format!(
                    "VOD.L,Market Price,{time},0,Intraday 1Hour,{},5",
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "Refinitiv",
            "Timestamp,TRDPRC_1,HIGH_1,LOW_1,OPEN_PRC,ACVOL_UNS\n",
            DAY,
            |t, b| format!("{},{},5", t.say("%Y-%m-%d"), prices(b, "chlo", ",")),
        ),
        turned(
            "Nasdaq",
            "Date,Close/Last,Volume,Open,High,Low\n",
            |t, b| {
                format!(
                    "{},${:.2},55467800,${}",
                    t.say("%m/%d/%Y"),
                    b.close,
                    prices(b, "ohl", ",$")
                )
            },
        ),
        turned(
            "NSE",
            "\"Date \",\"series \",\"OPEN \",\"HIGH \",\"LOW \",\"PREV. CLOSE \",\"ltp \",\"close \",\"vwap \",\"VOLUME \"\n",
            |t, b| {
                let price = |price: f64| {
                    let cents = (price * 100.0).round() as i64;
                    format!(
                        "\"{},{:03}.{:02}\"",
                        cents / 100_000,
                        cents / 100 % 1000,
                        cents % 100
                    )
                };
                let [open, high, low, close] = [b.open, b.high, b.low, b.close].map(price);
                format!(
                    "{},EQ,{open},{high},{low},1.0,1.0,{close},1.0,77",
                    t.say("%d-%b-%Y")
                )
            },
        ),
        turned(
            "BSE",
            "Date,Open Price,High Price,Low Price,Close Price,WAP,No.of Shares\n",
            |t, b| format!("{},{},5.5,77,", t.say("%-d-%B-%Y"), prices(b, "ohlc", ",")),
        ),
        turned(
            "Investing.com, German",
            "\u{feff}\"Datum\",\"Zuletzt\",\"Eröffn.\",\"Hoch\",\"Tief\",\"Vol.\",\"+/- %\"\n",
            investing,
        ),
        turned(
            "Investing.com, French",
            "\"Date\",\"Dernier\",\"Ouv.\",\" Plus Haut\",\"Plus Bas\",\"Vol.\",\"Variation %\"\n",
            investing_slashes,
        ),
        turned(
            "Investing.com, Spanish",
            "\"Fecha\",\"Último\",\"Apertura\",\"Máximo\",\"Mínimo\",\"Vol.\",\"% var.\"\n",
            investing,
        ),
        turned(
            "Investing.com, Italian",
            "\"Data\",\"Ultimo\",\"Apertura\",\"Massimo\",\"Minimo\",\"Vol.\",\"Var. %\"\n",
            investing,
        ),
        turned(
            "Investing.com, Portuguese",
            "\"Data\",\"Último\",\"Abertura\",\"Máxima\",\"Mínima\",\"Vol.\",\"Var%\"\n",
            investing,
        ),
        turned(
            "Investing.com, Polish",
            "\"Data\",\"Ostatnio\",\"Otwarcie\",\"Max.\",\"Min.\",\"Wol.\",\"Zmiana%\"\n",
            investing,
        ),
        turned(
            "Investing.com, Russian",
            "\"Дата\",\"Цена\",\"Откр.\",\"Макс.\",\"Мин.\",\"Объём\",\"Изм. %\"\n",
            investing,
        ),
        turned(
            "Investing.com, Turkish",
            "\"Tarih\",\"Şimdi\",\"Açılış\",\"Yüksek\",\"Düşük\",\"Hac.\",\"Fark %\"\n",
            investing,
        ),
        turned(
            "Investing.com, Dutch",
            "\"Datum\",\"Laatste\",\"Open\",\"Hoog\",\"Laag\",\"Vol.\",\"+/- %\"\n",
            investing,
        ),
        turned(
            "Investing.com, Chinese",
            "\"日期\",\"收盘\",\"开盘\",\"高\",\"低\",\"交易量\",\"涨跌幅\"\n",
            |t, b| investing_points(t.say("%Y-%-m-%-d"), b),
        ),
        turned(
            "Investing.com, Japanese",
            "\"日付け\",\"終値\",\"始値\",\"高値\",\"安値\",\"出来高\",\"変化率 %\"\n",
            |t, b| investing_points(t.say("%Y年%m月%d日"), b),
        ),
        turned(
            "Investing.com, Korean",
            "\"날짜\",\"종가\",\"시가\",\"고가\",\"저가\",\"거래량\",\"변동 %\"\n",
            |t, b| investing_points(t.say("%Y- %m- %d"), b),
        ),
        turned(
            "Ariva",
            "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen\n",
            |t, b| {
                let all = [b.open, b.high, b.low, b.close].map(comma).join(";");
                format!("{};{all};100;1.000", t.say("%Y-%m-%d"))
            },
        ),
        form(
            "Finam",
            "<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>\n",
            HOUR,
            |t, b| format!("{};{};5", t.say("%d/%m/%y;%H%M%S"), prices(b, "ohlc", ";")),
        ),
        form(
            "MetaTrader 5",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n",
            HOUR,
            |t, b| {
                format!(
                    "{}\t{}\t1520\t0\t4",
                    t.say("%Y.%m.%d\t%H:%M:%S"),
                    prices(b, "ohlc", "\t")
                )
            },
        ),
        form("MetaTrader 4", "", HOUR, |t, b| {
            format!("{},{},215", t.say("%Y.%m.%d,%H:%M"), prices(b, "ohlc", ","))
        }),
        form(
            "OANDA",
            "time,complete,volume,mid.o,mid.h,mid.l,mid.c\n",
            HOUR,
            |t, b| {
                format!(
                    "{},True,77,{}",
                    t.say("%Y-%m-%dT%H:%M:%S.000000000Z"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "FXCM, the bid alone",
            "DateTime,BidOpen,BidHigh,BidLow,BidClose,Volume\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},77",
                    t.say("%Y-%m-%d %H:%M:%S"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "quantmod",
            "\"\",\"AAPL.Open\",\"AAPL.High\",\"AAPL.Low\",\"AAPL.Close\",\"AAPL.Volume\",\"AAPL.Adjusted\"\n",
            DAY,
            |t, b| {
                format!(
                    "\"{}\",{},77,1.5",
                    t.say("%Y-%m-%d"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "Alpaca",
            "symbol,timestamp,open,high,low,close,volume,trade_count,vwap\n",
            DAY,
            |t, b| {
                format!(
                    "AAPL,{},{},7,8,1.5",
                    t.say("%Y-%m-%d 00:00:00+00:00"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        turned("Coinbase", "time,low,high,open,close,volume\n", |t, b| {
            format!("{},{},5.5", t.0, prices(b, "lhoc", ","))
        }),
        form(
            "akshare",
            ",日期,股票代码,开盘,收盘,最高,最低,成交量,成交额,振幅\n",
            DAY,
            |t, b| {
                format!(
                    "0,{},600519,{},77,5.5,1.2",
                    t.say("%Y-%m-%d"),
                    prices(b, "ochl", ",")
                )
            },
        ),
        form(
            "a spreadsheet",
            "Date;Open;High;Low;Close\n",
            HOUR,
            |t, b| {
                let days = t.0 as f64 / 86_400.0 + 25_569.0;
                format!("{days};{}", prices(b, "ohlc", ";"))
            },
        ),
        form(
            "a spreadsheet, days alone",
            "Date;Open;High;Low;Close\n",
            DAY,
            |t, b| format!("{};{}", t.0 / DAY + 25_569, prices(b, "ohlc", ";")),
        ),
        form(
            "numbers without zeros in front",
            "date,time,open,high,low,close\n",
            HOUR,
            |t, b| {
                let hour = t.0 / HOUR % 24;
                format!(
                    "{},{},{}",
                    t.say("%Y%m%d"),
                    hour * 10_000,
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "seventeen digits",
            "time,open,high,low,close\n",
            HOUR,
            |t, b| format!("{}000,{}", t.say("%Y%m%d%H%M%S"), prices(b, "ohlc", ",")),
        ),
        form(
            "MultiCharts",
            "\"Date\",\"Time\",\"Open\",\"High\",\"Low\",\"Close\",\"Volume\"\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},5",
                    t.say("%m/%d/%Y,%H:%M:%S"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "TradeStation",
            "\"Date\",\"Time\",\"Open\",\"High\",\"Low\",\"Close\",\"Up\",\"Down\"\n",
            HOUR,
            |t, b| format!("{},{},5,6", t.say("%m/%d/%Y,%H%M"), prices(b, "ohlc", ",")),
        ),
        form("Kibot", "", HOUR, |t, b| {
            format!("{},{},77", t.say("%m/%d/%Y,%H:%M"), prices(b, "ohlc", ","))
        }),
        form("FirstRate Data", "", HOUR, |t, b| {
            format!(
                "{},{},77",
                t.say("%Y-%m-%d %H:%M:%S"),
                prices(b, "ohlc", ",")
            )
        }),
        form("Portara", "", HOUR, |t, b| {
            format!("{},{},77,12", t.say("%Y%m%d,%H%M"), prices(b, "ohlc", ","))
        }),
        form("BacktestMarket", "", HOUR, |t, b| {
            format!("{};{};77", t.say("%d/%m/%Y;%H:%M"), prices(b, "ohlc", ";"))
        }),
        form(
            "KuCoin",
            "time,open,close,high,low,volume,turnover\n",
            HOUR,
            |t, b| format!("{},{},5.5,6.5", t.0, prices(b, "ochl", ",")),
        ),
        form(
            "CafeF",
            "<Ticker>,<DTYYYYMMDD>,<OpenFixed>,<HighFixed>,<LowFixed>,<CloseFixed>,<Volume>,<Open>,<High>,<Low>,<Close>\n",
            DAY,
            |t, b| {
                format!(
                    "VNM,{},1,1,1,1,77,{}",
                    t.say("%Y%m%d"),
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form("floats", "timestamp,open,high,low,close\n", HOUR, |t, b| {
            format!("{}.0,{}", t.0, prices(b, "ohlc", ","))
        }),
        form("JavaScript", "date,open,high,low,close\n", HOUR, |t, b| {
            let time = t.say("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)");
            format!("{time},{}", prices(b, "ohlc", ","))
        }),
        form(
            "an unknown name",
            "when,open,high,low,close\n",
            HOUR,
            |t, b| format!("{},{}", t.say("%Y-%m-%dT%H:%M"), prices(b, "ohlc", ",")),
        ),
        form(
            "a count under an unknown name",
            "k,open,high,low,close\n",
            HOUR,
            |t, b| format!("{}000,{}", t.0, prices(b, "ohlc", ",")),
        ),
        form(
            "start and end",
            "open_time,close_time,open,high,low,close\n",
            HOUR,
            |t, b| {
                format!(
                    "{},{},{}",
                    t.0 * 1000,
                    (t.0 + HOUR) * 1000 - 1,
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "ts_event and ts_recv",
            "ts_recv,ts_event,rtype,open,high,low,close\n",
            HOUR,
            |t, b| {
                format!(
                    "{}000000501,{}000000000,33,{}",
                    t.0,
                    t.0,
                    prices(b, "ohlc", ",")
                )
            },
        ),
        form(
            "yfinance",
            "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\nDate,,,,,\n",
            DAY,
            |t, b| format!("{},{},77", t.say("%Y-%m-%d"), prices(b, "chlo", ",")),
        ),
    ]
}

fn written(form: &Form, bars: &[Bar]) -> (String, Vec<i64>) {
    let stamps: Vec<i64> = (0..bars.len() as i64)
        .map(|index| FIRST + form.step * index)
        .collect();
    let row = |(stamp, bar): (&i64, &Bar)| (form.row)(&Time(*stamp), bar) + "\n";
    let mut rows: Vec<String> = stamps.iter().zip(bars).map(row).collect();
    if form.newest_first {
        rows.reverse();
    }
    (format!("{}{}", form.header, rows.concat()), stamps)
}

#[test]
fn what_exporters_write_is_what_is_read() {
    let bars = bars(120);
    let mut faults = Vec::new();
    for form in forms() {
        let (content, stamps) = written(&form, &bars);
        match read(&content, &CsvOptions::default()) {
            Err(error) => faults.push(format!("{}: {error}", form.name)),
            Ok((found, report)) => {
                let same = found.timestamps() == Some(&stamps[..]) && found.bars() == bars;
                if !same {
                    let first = found.timestamps().map(|stamps| stamps[0]);
                    faults.push(format!("{}: {first:?}, {:?}", form.name, report.notes));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A stream says the same, or asks for the setting that the rows so far do not tell.
#[test]
fn line_by_line_the_same_is_read() {
    let bars = bars(120);
    for form in forms().iter().filter(|form| !form.newest_first) {
        let (content, stamps) = written(form, &bars);
        let read = stream(&content, &CsvOptions::default()).or_else(|error| {
            let settings = ["`data.date_order`", "`data.columns`"];
            assert!(
                settings.iter().any(|s| error.contains(s)),
                "{}: {error}",
                form.name
            );
            let order = if form.name.starts_with("Finam")
                || form.name.starts_with("Dukas")
                || form.name.starts_with("Backtest")
            {
                DateOrder::DayFirst
            } else {
                DateOrder::MonthFirst
            };
            let mut options = CsvOptions::default().with_date_order(order);
            match form.name {
                "Bitfinex" => {
                    options = options.with_columns(
                        ColumnMap::parse("time=#1,open=#2,close=#3,high=#4,low=#5").unwrap(),
                    );
                }
                // Its first row alone does not say that it counts the time.
                "a count under an unknown name" => {
                    options = options.with_columns(ColumnMap::parse("time=k").unwrap());
                }
                _ => {}
            }
            stream(&content, &options)
        });
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", form.name));
        let found: Vec<Bar> = read.iter().map(|(bar, _)| *bar).collect();
        assert_eq!(found, bars, "{}", form.name);
        let times: Vec<Option<i64>> = stamps.iter().copied().map(Some).collect();
        let read: Vec<Option<i64>> = read.iter().map(|(_, time)| *time).collect();
        if form.name != "a count under an unknown name" {
            assert_eq!(read, times, "{}", form.name);
        }
    }
}

/// Every file cut off anywhere, or with damaged bytes, is read in part or refused, and never makes the reader panic.
#[test]
fn damaged_files_never_panic_and_keep_their_order() {
    let bars = bars(40);
    for form in forms() {
        let (content, _) = written(&form, &bars);
        for share in 1..12 {
            let mut cut = content.len() * share / 12;
            while !content.is_char_boundary(cut) {
                cut -= 1;
            }
            let mut damaged = content.clone().into_bytes();
            for place in (share * 7..damaged.len()).step_by(97) {
                damaged[place] ^= 1 << (place % 5);
            }
            let damaged = String::from_utf8_lossy(&damaged).into_owned();
            for text in [&content[..cut], &damaged] {
                for skip in [false, true] {
                    let options = CsvOptions::default().with_skip_bad_rows(skip);
                    if let Ok((found, _)) = read(text, &options) {
                        assert!(found.bars().iter().all(|bar| bar.check().is_ok()));
                        let stamps = found.timestamps().unwrap_or_default();
                        assert!(stamps.is_sorted(), "{}", form.name);
                    }
                }
                let mut lines = CsvLines::new("FILE", &CsvOptions::default());
                for line in text.split_inclusive('\n') {
                    let _ = lines.take(line.as_bytes());
                }
                let _ = lines.finish();
            }
        }
    }
}
