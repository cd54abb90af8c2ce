//! Writes a filter so that reading it again gives the same one.
use std::fmt::{self, Write as _};

use super::{
    Expr, Figure, Filter, Op, Pattern, Stage, Term, Text, Value,
    matching::{has_no_upper, is_lower},
    parse::{self, Part, field, in_name, quoted, value},
};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if self.expr != Expr::All {
            match &self.expr {
                Expr::And(parts) => write_all(f, parts)?,
                other @ (Expr::All | Expr::Or(_) | Expr::Not(_) | Expr::Term(_)) => other.fmt(f)?,
            }
            space = " ";
        }
        for (name, moment) in [("since", &self.since), ("until", &self.until)] {
            if let Some(moment) = moment {
                write!(f, "{space}{name}:{moment}")?;
                space = " ";
            }
        }
        match &self.stage {
            Some(stage) => write!(f, "{space}{stage}"),
            None => Ok(()),
        }
    }
}

/// Writes a condition as it stands inside of a filter: one term, or a group in parentheses.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Term(term) => term.fmt(f),
            Self::Not(inner) => match &**inner {
                Self::Not(_) => write!(f, "-({inner})"),
                Self::All | Self::And(_) | Self::Or(_) | Self::Term(_) => write!(f, "-{inner}"),
            },
            Self::And(parts) => match class(parts) {
                Some((class, 2)) if parts.len() == 2 => write!(f, "status:{class}xx"),
                _ => {
                    f.write_char('(')?;
                    write_all(f, parts)?;
                    f.write_char(')')
                }
            },
            Self::Or(parts) => {
                f.write_char('(')?;
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" OR ")?;
                    }
                    match part {
                        Self::And(all) => write_all(f, all)?,
                        Self::All | Self::Or(_) | Self::Not(_) | Self::Term(_) => part.fmt(f)?,
                    }
                }
                f.write_char(')')
            }
        }
    }
}

/// Writes terms that must all hold.
fn write_all(f: &mut fmt::Formatter<'_>, parts: &[Expr]) -> fmt::Result {
    let mut rest = parts;
    let mut space = "";
    while let Some((first, more)) = rest.split_first() {
        f.write_str(space)?;
        space = " ";
        if let Some((class, used)) = class(rest) {
            write!(f, "status:{class}xx")?;
            rest = rest.get(used..).unwrap_or_default();
        } else {
            write!(f, "{first}")?;
            rest = more;
        }
    }
    Ok(())
}

/// Finds `status>=500 status<600` at the beginning, which is written `status:5xx`.
fn class(parts: &[Expr]) -> Option<(u32, usize)> {
    let bound = |part: &Expr, wanted: Op| match part {
        Expr::Term(Term::Compare { field, op, value: Value::Number(number) }) if field == "status" && *op == wanted => {
            Some(*number)
        }
        Expr::All | Expr::And(_) | Expr::Or(_) | Expr::Not(_) | Expr::Term(_) => None,
    };
    let (low, high) = (bound(parts.first()?, Op::AtLeast)?, bound(parts.get(1)?, Op::Less)?);
    let class = (1..=9).find(|class| same(low, f64::from(class * 100)) && same(high, f64::from((class + 1) * 100)))?;
    Some((class, 2))
}

/// Compares what was read from the same digits.
fn same(left: f64, right: f64) -> bool {
    left.to_bits() == right.to_bits()
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_text(f, text),
            Self::Regex(pattern) => pattern.fmt(f),
            Self::Level { op: Op::Equal, level } => write!(f, "level:{level}"),
            Self::Level { op, level } => write!(f, "level{}{level}", op.symbol()),
            Self::Glob { field, any } => {
                write!(f, "{}:", Name(field))?;
                for (index, text) in any.iter().enumerate() {
                    if index > 0 {
                        f.write_char(',')?;
                    }
                    write_glob(f, text, any.len() == 1)?;
                }
                Ok(())
            }
            Self::FieldRegex { field, pattern } => write!(f, "{}~{pattern}", Name(field)),
            Self::Compare { field, op, value } => {
                let column = field::COLUMNS.contains(&field.as_str());
                match (op, column) {
                    (Op::Equal, true) => write!(f, "{field}:{value}"),
                    _ if column => write!(f, "{field}{}{value}", op.symbol()),
                    _ => write!(f, "{}{}{value}", Name(field), op.symbol()),
                }
            }
            Self::Has(field) => match field.as_str() {
                "status" | "dur" => write!(f, "{field}:*"),
                _ => write!(f, "{}:*", Name(field)),
            },
        }
    }
}

/// A field's name, in quotes where it needs them.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        let plain = name.starts_with(|char: char| char.is_alphabetic() || matches!(char, '_' | '@'))
            && name.chars().all(in_name)
            && !name.ends_with(['-', '.'])
            && !field::SPECIAL.contains(&name)
            && name != "by";
        if plain { f.write_str(name) } else { f.write_str(&quoted::double(name)) }
    }
}

/// Writes the letter after quotes or slashes that says what the case does not.
fn write_case(f: &mut fmt::Formatter<'_>, fold: bool, smart: bool) -> fmt::Result {
    match (fold, smart) {
        (true, false) => f.write_char('i'),
        (false, true) => f.write_char('c'),
        _ => Ok(()),
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &Text) -> fmt::Result {
    let bare = text.fold == is_lower(&text.text)
        && !text.text.chars().any(quoted::is_hidden)
        && parse::parse(&text.text).is_ok_and(|read| {
            let whole = read.chips.first().is_some_and(|chip| chip.range == (0..text.text.len()));
            whole && matches!(&read.filter.expr, Expr::Term(Term::Text(same)) if same == text)
        });
    if bare {
        return f.write_str(&text.text);
    }
    f.write_str(&quoted::double(&text.text))?;
    write_case(f, text.fold, is_lower(&text.text))
}

fn write_glob(f: &mut fmt::Formatter<'_>, text: &Text, alone: bool) -> fmt::Result {
    let plain = text.plain();
    let smart = is_lower(plain.as_deref().unwrap_or(&text.text));
    let awkward = |char: char| {
        char.is_whitespace() || quoted::is_hidden(char) || matches!(char, ',' | '(' | ')' | '|' | '"' | '\'')
    };
    let begins_otherwise = text.text.is_empty()
        || text.text.starts_with([':', '<', '>', '=', '~'])
        || text.text.starts_with("//")
        || (alone && text.text == "*");
    if text.fold == smart && !begins_otherwise && !text.text.contains(awkward) {
        return f.write_str(&text.text);
    }
    if let Some(plain) = plain {
        f.write_str(&quoted::double(&plain))?;
    } else {
        f.write_str(&quoted::double(&text.text))?;
        f.write_char('g')?;
    }
    write_case(f, text.fold, smart)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('/')?;
        let mut rest = self.regex.chars();
        while let Some(char) = rest.next() {
            match char {
                '\\' => {
                    f.write_char('\\')?;
                    rest.next().map_or(Ok(()), |next| f.write_char(next))?;
                }
                '/' => f.write_str("\\/")?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('/')?;
        write_case(f, self.fold, has_no_upper(&self.regex))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Micros(micros) => write_unit(f, micros, &value::DURATIONS, "us"),
            Self::Bytes(bytes) => write_unit(f, bytes, &value::SIZES, "B"),
        }
    }
}

/// Writes a number in the unit that takes the fewest digits and loses none.
fn write_unit(f: &mut fmt::Formatter<'_>, number: f64, units: &[(&str, f64)], least: &str) -> fmt::Result {
    let lossless = units.iter().map(|(unit, factor)| (format!("{}", number / factor), *unit, *factor));
    let lossless =
        lossless.filter(|(digits, _, factor)| digits.parse().is_ok_and(|back: f64| same(back * factor, number)));
    match lossless.min_by_key(|(digits, _, _)| digits.len()) {
        Some((digits, unit, _)) => write!(f, "{digits}{unit}"),
        None => write!(f, "{number}{least}"),
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |f: &mut fmt::Formatter<'_>, by: &[String]| {
            for (index, field) in by.iter().enumerate() {
                write!(f, "{}{}", if index == 0 { " by " } else { ", " }, StageName(field))?;
            }
            Ok(())
        };
        match self {
            Self::Count { by: fields } => {
                f.write_str("| count")?;
                by(f, fields)
            }
            Self::Top { limit, field } => write!(f, "| top {limit} {}", StageName(field)),
            Self::Measure { figure, field, by: fields } => {
                write!(f, "| {figure} {}", StageName(field))?;
                by(f, fields)
            }
        }
    }
}

/// A field's name in a stage, where nothing is special but what is no name.
struct StageName<'a>(&'a str);

impl fmt::Display for StageName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.0.is_empty() && self.0 != "by" && self.0.chars().all(in_name);
        if plain { f.write_str(self.0) } else { f.write_str(&quoted::double(self.0)) }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(tenths) if tenths % 10 == 0 => write!(f, "p{}", tenths / 10),
            Self::Quantile(tenths) => write!(f, "p{}.{}", tenths / 10, tenths % 10),
            Self::Average => f.write_str("avg"),
            Self::Least => f.write_str("min"),
            Self::Most => f.write_str("max"),
            Self::Sum => f.write_str("sum"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expr(expr) => expr.fmt(f),
            Self::Since(moment) => write!(f, "since:{moment}"),
            Self::Until(moment) => write!(f, "until:{moment}"),
            Self::Stage(stage) => stage.fmt(f),
        }
    }
}
