//! What follows `|`.
use super::{Chip, Figure, Parser, Part, Problem, Stage, in_name};
use crate::core::logs::filter::near::nearest;

/// What may follow `|`, for hints and completions.
pub(in super::super) const STAGES: [&str; 10] =
    ["count", "top", "p50", "p90", "p95", "p99", "avg", "min", "max", "sum"];

/// How long a list of fields, and of `top`, may be.
const MOST: usize = 10_000;

impl Parser<'_> {
    pub(super) fn stage(&mut self) -> Result<Chip, Problem> {
        let start = self.at;
        self.at += 1;
        self.skip_space();
        let at = self.at;
        let word = self.take(in_name);
        let range = at..self.at.max(at + self.peek().filter(|_| word.is_empty()).map_or(0, char::len_utf8));
        let figure = figure(word);
        let stage = match (word, figure) {
            ("count", _) => Stage::Count { by: self.by()? },
            ("top", _) => {
                let limit = self.limit()?;
                Stage::Top { limit, field: self.stage_field("top 5 path")? }
            }
            (_, Some(figure)) => {
                let field = self.stage_field(&format!("{word} dur by service"))?;
                Stage::Measure { figure, field, by: self.by()? }
            }
            _ => {
                let meant = nearest(word, STAGES).map(|meant| format!("did you mean {meant}? "));
                return Err(Problem::new(range, "a stage is expected after `|`").hint(format!(
                    "{}there are: count by host, top 5 path, p95 dur by service, avg, min, max, sum; to find a |, use quotes",
                    meant.unwrap_or_default()
                )));
            }
        };
        let end = self.at;
        self.skip_space();
        if self.peek().is_some() {
            let length = self.rest().find(char::is_whitespace).unwrap_or(self.rest().len());
            let problem = Problem::new(self.at..self.at + length, "nothing may follow the stage");
            return Err(match self.peek() {
                Some('|') => problem.hint("there is one stage at most"),
                Some(_) | None => {
                    problem.hint("terms stand before the `|`; fields are named after `by`: | count by host, path")
                }
            });
        }
        Ok(Chip { range: start..end, part: Part::Stage(stage) })
    }

    fn limit(&mut self) -> Result<usize, Problem> {
        self.skip_space();
        let start = self.at;
        let digits = self.take(|char| char.is_ascii_digit());
        if digits.is_empty() {
            return Ok(10);
        }
        if self.peek().is_some_and(in_name) {
            // A field whose name begins with digits.
            self.at = start;
            return Ok(10);
        }
        digits.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
            Problem::new(start..self.at, format!("a number from 1 to {MOST} is expected"))
                .hint("for example: | top 5 path")
        })
    }

    fn by(&mut self) -> Result<Vec<String>, Problem> {
        let before = self.at;
        self.skip_space();
        if self.next_word() != "by" {
            self.at = before;
            return Ok(Vec::new());
        }
        self.at += 2;
        let mut fields = vec![self.stage_field("count by host, path")?];
        loop {
            let end = self.at;
            self.skip_space();
            if !self.eat(",") {
                self.at = end;
                return Ok(fields);
            }
            let start = self.at;
            let field = self.stage_field("count by host, path")?;
            if fields.contains(&field) || fields.len() >= 16 {
                return Err(Problem::new(start..self.at, "each field is named once, sixteen at most"));
            }
            fields.push(field);
        }
    }

    fn stage_field(&mut self, example: &str) -> Result<String, Problem> {
        self.skip_space();
        let start = self.at;
        if matches!(self.peek(), Some('"' | '\'')) {
            return self.quoted().and_then(|name| {
                let range = start..self.at;
                if name.is_empty() { Err(Problem::new(range, "a field has a name")) } else { Ok(name) }
            });
        }
        let name = self.take(in_name);
        if name.is_empty() || name == "by" {
            let problem = Problem::new(start..self.at, "a field's name is expected");
            return Err(problem.hint(format!("for example: | {example}")));
        }
        Ok(name.to_owned())
    }
}

/// Reads the name of a figure: `p95`, `p99.9`, `median`, `avg`.
fn figure(word: &str) -> Option<Figure> {
    Some(match word {
        "avg" | "mean" => Figure::Average,
        "min" => Figure::Least,
        "max" => Figure::Most,
        "sum" => Figure::Sum,
        "median" => Figure::Quantile(500),
        _ => {
            let (whole, tenth) =
                word.strip_prefix('p')?.split_once('.').or_else(|| Some((word.strip_prefix('p')?, "0")))?;
            let is_digits =
                |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if !is_digits(whole, 2) || !is_digits(tenth, 1) {
                return None;
            }
            let tenths = whole.parse::<u16>().ok()? * 10 + tenth.parse::<u16>().ok()?;
            return (1..1_000).contains(&tenths).then_some(Figure::Quantile(tenths));
        }
    })
}
