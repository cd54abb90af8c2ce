//! What stands behind the `sh` of a fence: `read on=first takes=minutes:int(1..60)=10 expect="number < 80" timeout=20s`.
use crate::core::{
    runbooks::{Expect, Mode, On, Order, Param, Takes, words},
    runs::policy::Grave,
    time::parse_duration,
};

/// What a fence says.
#[derive(Debug)]
pub(super) struct Info {
    pub(super) mode: Mode,
    pub(super) on: On,
    pub(super) id: Option<String>,
    /// Declarations of what it is given, with the column of each.
    pub(super) takes: Vec<(usize, String)>,
    pub(super) expect: Vec<Expect>,
    pub(super) exit: Option<i32>,
    pub(super) timeout_ms: u64,
    pub(super) grave: Vec<Grave>,
}

/// Something wrong: the column, what, and what to do.
pub(super) type Wrong = (usize, String, String);

/// What a step may take where it says nothing: longer for one that changes.
const READ_MS: u64 = 15_000;
const CHANGE_MS: u64 = 600_000;
const MOST_MS: u64 = 3_600_000;

const KNOWN: &str = "known: read, change, undo, on=, takes=, expect=, exit=, timeout=, grave=, id=";

/// Reads it.
pub(super) fn read(text: &str) -> Result<Info, Vec<Wrong>> {
    let words = divided(text).map_err(|wrong| vec![wrong])?;
    let (mut mode, mut timeout, mut wrong) = (None, None, Vec::new());
    let mut info = Info {
        mode: Mode::Change,
        on: On::Each,
        id: None,
        takes: Vec::new(),
        expect: Vec::new(),
        exit: Some(0),
        timeout_ms: CHANGE_MS,
        grave: Vec::new(),
    };
    for (at, word) in words {
        let said = match word.as_str() {
            "read" | "read-only" => Some(Mode::Read),
            "change" | "changing" => Some(Mode::Change),
            "undo" => Some(Mode::Undo),
            _ => None,
        };
        if let Some(said) = said {
            if mode.is_some_and(|known| known != said) {
                wrong.push((
                    at,
                    "a step is one of read, change and undo".to_owned(),
                    "leave the others out".to_owned(),
                ));
            }
            mode = Some(said);
            continue;
        }
        let Some((key, value)) = word.split_once('=') else {
            wrong.push((at, format!("{word:?} is nothing that a step can say"), KNOWN.to_owned()));
            continue;
        };
        let said = match key {
            "on" => on(value).map(|on| info.on = on),
            "takes" => {
                info.takes.push((at, value.to_owned()));
                Ok(())
            }
            "expect" => expect(value).map(|expect| info.expect.push(expect)),
            "exit" if value == "any" => {
                info.exit = None;
                Ok(())
            }
            "exit" => value.parse().map(|code| info.exit = Some(code)).map_err(|_| "a number, or `any`".to_owned()),
            "timeout" => {
                let fits = parse_duration(value).ok().filter(|ms| (1_000..=MOST_MS).contains(ms));
                fits.map(|ms| timeout = Some(ms)).ok_or_else(|| "from 1s to 1h, as in `timeout=20s`".to_owned())
            }
            "grave" => match Grave::ALL.into_iter().find(|grave| grave.word() == value) {
                Some(grave) => {
                    info.grave.push(grave);
                    Ok(())
                }
                None => Err(format!("one of {}", Grave::ALL.map(Grave::word).join(", "))),
            },
            "id" if super::slug(value) == value && !value.is_empty() => {
                info.id = Some(value.to_owned());
                Ok(())
            }
            "id" => Err("lower-case letters and digits, joined by dashes".to_owned()),
            _ => Err(KNOWN.to_owned()),
        };
        if let Err(help) = said {
            wrong.push((at, format!("{word:?} cannot be read"), help));
        }
    }
    info.mode = mode.unwrap_or_default();
    info.timeout_ms = timeout.unwrap_or(if info.mode == Mode::Read { READ_MS } else { CHANGE_MS });
    if info.mode != Mode::Read && (!info.expect.is_empty() || info.exit != Some(0)) {
        let help = "leave `expect` out: it must exit with 0, and a step after it that reads proves it";
        wrong.push((0, "what a changing step answers is not held against anything".to_owned(), help.to_owned()));
    }
    if wrong.is_empty() { Ok(info) } else { Err(wrong) }
}

/// Divides what stands behind a fence into words.
pub(super) fn divided(text: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let wrong = |at| (at, "this quote is never closed".to_owned(), "write another \" behind it".to_owned());
    words(text).map_err(wrong)
}

fn on(text: &str) -> Result<On, String> {
    match text.split_once(':') {
        _ if matches!(text, "each" | "all") => Ok(On::Each),
        _ if text == "first" => Ok(On::First),
        Some(("service", name)) if !name.is_empty() => Ok(On::Service(name.into())),
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok(On::Label(key.to_owned(), value.to_owned())),
        None if !text.is_empty() => Ok(On::Host(text.into())),
        _ => Err("`each`, `first`, a host's name, `role:db` for a label, or `service:db`".to_owned()),
    }
}

fn expect(text: &str) -> Result<Expect, String> {
    let text = text.trim();
    if text == "empty" {
        return Ok(Expect::Empty);
    }
    if let Some(rest) = text.strip_prefix("number") {
        let rest = rest.trim_start();
        let found = Order::ALL.iter().find_map(|(sign, order)| Some((*order, rest.strip_prefix(sign)?)));
        let number = found.and_then(|(order, number)| Some((order, number.trim().parse::<f64>().ok()?)));
        let number = number.filter(|(_, number)| number.is_finite());
        return number
            .map(|(order, of)| Expect::Number(order, of))
            .ok_or_else(|| "as in `expect=\"number < 80\"`".to_owned());
    }
    match text.split_once(':') {
        Some(("contains", rest)) if !rest.is_empty() => Ok(Expect::Contains(rest.to_owned())),
        Some(("lacks", rest)) if !rest.is_empty() => Ok(Expect::Lacks(rest.to_owned())),
        Some(("matches", rest)) if !rest.is_empty() => regex::RegexBuilder::new(rest)
            .multi_line(true)
            .size_limit(1 << 20)
            .build()
            .map(Expect::Matches)
            .map_err(|error| error.to_string().lines().last().unwrap_or("no regular expression").to_owned()),
        _ => Err("one of empty, number<80, contains:TEXT, lacks:TEXT, matches:REGEX".to_owned()),
    }
}

/// Reads what a step is given: `minutes:int(1..60)=10`, `domain:host`, `node`.
///
/// # Errors
/// What is wrong with it.
pub fn param(text: &str) -> Result<Param, String> {
    let (declared, default) = match text.split_once('=') {
        Some((declared, default)) => (declared, Some(default.to_owned())),
        None => (text, None),
    };
    let (name, kind) = declared.split_once(':').unwrap_or((declared, "text"));
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        return Err(format!(
            "{name:?} cannot be the name of what is given: lower-case letters, digits and underscores"
        ));
    }
    if name == "version" {
        return Err("`version` is what a deploy brings out: call it something else".to_owned());
    }
    let takes = takes(kind).ok_or_else(|| {
        format!("{kind:?} is no type: text, word, int, int(1..60), number, host, path or one-of(a|b)")
    })?;
    let param = Param { name: name.to_owned(), takes, default };
    if let Some(default) = &param.default {
        param.check(default).map_err(|why| format!("its default does not fit: {why}"))?;
    }
    Ok(param)
}

fn takes(kind: &str) -> Option<Takes> {
    let (word, within) = match kind.split_once('(') {
        Some((word, rest)) => (word, Some(rest.strip_suffix(')')?)),
        None => (kind, None),
    };
    match (word, within) {
        ("text", None) => Some(Takes::Text),
        ("word", None) => Some(Takes::Word),
        ("number", None) => Some(Takes::Number),
        ("host", None) => Some(Takes::Host),
        ("path", None) => Some(Takes::Path),
        ("int", None) => Some(Takes::Int { min: i64::MIN, max: i64::MAX }),
        ("int", Some(within)) => {
            let (min, max) = within.split_once("..")?;
            let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
            (min <= max).then_some(Takes::Int { min, max })
        }
        ("one-of", Some(within)) => {
            let words: Vec<String> = within.split('|').map(|word| word.trim().to_owned()).collect();
            words.iter().all(|word| !word.is_empty()).then_some(Takes::OneOf(words))
        }
        _ => None,
    }
}
