//! A small reader of LogQL: strings are decoded, line filters are run.
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
