//! A small reader of LogQL: strings are decoded, selectors and line filters are run.
/// Decodes a string literal as Go does; returns it and what follows.
pub(crate) fn decode(text: &str) -> (String, &str) {
    let mut chars = text.strip_prefix('"').expect("a quote").char_indices();
    let mut decoded = String::new();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (decoded, text.split_at(at + 2).1),
            '\n' => panic!("a raw line break in a string"),
            '\\' => match chars.next().unwrap().1 {
                'n' => decoded.push('\n'),
                'r' => decoded.push('\r'),
                't' => decoded.push('\t'),
                'x' => {
                    let digits: String = chars.by_ref().take(2).map(|(_, digit)| digit).collect();
                    decoded.push(char::from(u8::from_str_radix(&digits, 16).unwrap()));
                }
                same @ ('"' | '\\') => decoded.push(same),
                other => panic!("no escape \\{other}"),
            },
            other => decoded.push(other),
        }
    }
    panic!("a string without an end: {text}")
}

/// Reads the line filters of a query, to be run on lines.
pub(crate) fn line_filter(mut stages: &str) -> impl Fn(&str) -> bool {
    let mut filters: Vec<(bool, String, Option<regex::Regex>)> = Vec::new();
    while !stages.is_empty() {
        let (sign, rest) = stages.split_at(3);
        let (text, rest) = decode(rest);
        let regex = match sign {
            "|= " | "!= " => None,
            "|~ " | "!~ " => {
                // Go reads no Rust: what is written must mean the same to both.
                let plain = text.replace("\\\\", "");
                for odd in ["\\p", "\\w", "(?i", "\\b"] {
                    assert!(!plain.contains(odd), "{text}");
                }
                Some(regex::Regex::new(&text).unwrap())
            }
            other => panic!("{other}"),
        };
        filters.push((sign.starts_with('!'), text, regex));
        stages = rest.strip_prefix(' ').unwrap_or(rest);
    }
    move |line| {
        filters.iter().all(|(negated, text, regex)| {
            regex.as_ref().map_or_else(|| line.contains(text), |regex| regex.is_match(line)) != *negated
        })
    }
}

/// A query's selector.
pub(crate) struct Selector(Vec<Matcher>);

/// A label, whether it must not be so, the text that it is, or the regex for all of it.
type Matcher = (String, bool, String, Option<regex::Regex>);

impl Selector {
    /// Reads a query's selector; returns what follows it too.
    pub(crate) fn read(query: &str) -> (Self, &str) {
        let mut rest = query.strip_prefix('{').expect("a selector");
        let mut matchers = Vec::new();
        loop {
            let (label, after) = rest.split_at(rest.find(['=', '!']).unwrap());
            let sign = ["=~", "!~", "!=", "="].into_iter().find(|sign| after.starts_with(sign)).unwrap();
            let (text, after) = decode(after.split_at(sign.len()).1);
            let regex = sign.ends_with('~').then(|| regex::Regex::new(&format!("^(?:{text})$")).unwrap());
            matchers.push((label.to_owned(), sign.starts_with('!'), text, regex));
            match after.strip_prefix(", ") {
                Some(more) => rest = more,
                None => return (Self(matchers), after.strip_prefix('}').expect("its end").trim_start()),
            }
        }
    }

    /// Says whether it selects a stream with these labels; one that is not there is empty.
    pub(crate) fn selects(&self, label: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|(name, negated, text, regex)| {
            let value = label(name);
            regex.as_ref().map_or_else(|| value == *text, |regex| regex.is_match(&value)) != *negated
        })
    }
}
