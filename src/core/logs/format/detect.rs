//! Which format a source's lines are of, from its first ones and its name.
use std::sync::Arc;

use memchr::memmem;

use super::{Format, Formats, records::records};

/// Bytes of a sample that are looked at: enough that the answer does not change with more.
pub const SAMPLE: usize = 64 * 1024;
/// Records of a sample that are looked at.
const MOST: usize = 200;

/// What was found out.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The format.
    pub format: Arc<Format>,
    /// Records of the sample that are of it.
    pub matched: usize,
    /// Records of the sample.
    pub of: usize,
    /// The second best, and how many records are of that.
    pub runner_up: Option<(Arc<Format>, usize)>,
}

struct Candidate<'a> {
    format: &'a Arc<Format>,
    matched: usize,
    of: usize,
    rank: i32,
}

impl Candidate<'_> {
    /// Matched tenths: formats that differ by less are told apart by their rank, so that a few odd lines do not decide.
    fn tenths(&self) -> usize {
        self.matched * 10 / self.of.max(1)
    }
}

/// Finds the format of lines. What is of none is plain.
///
/// The same for every longer sample, as long as its lines are alike: only whole lines count, and a format that fits a tenth more
/// of them wins over one of a higher rank.
pub fn detect(formats: &Formats, sample: &[u8], path: Option<&str>) -> Detected {
    let sample = whole_lines(sample);
    let path = path.unwrap_or_default().to_ascii_lowercase();
    let speaks = |format: &Format| format.detect.files.iter().filter(|part| path.contains(part.as_str())).count();
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for format in formats.iter().filter(|format| !format.detect.never) {
        let by_name = speaks(format);
        // Every text is a plain text: only its name makes it one of a kind.
        let is_plain = matches!(format.shape, super::Shape::Plain);
        if is_plain && by_name == 0 {
            continue;
        }
        let (matched, of) = count(format, sample);
        if of == 0 || matched * 2 <= of {
            continue;
        }
        let hints = format.detect.hints.iter().filter(|hint| memmem::find(sample, hint.as_bytes()).is_some()).count();
        if format.detect.hinted && hints == 0 {
            continue;
        }
        // A name alone does not make text of what is something better: an application under PM2 may write JSON.
        let bonus = i32::try_from(if is_plain { 0 } else { by_name * 3 } + hints * 2).unwrap_or(0);
        candidates.push(Candidate { format, matched, of, rank: format.detect.rank + bonus });
    }
    candidates.sort_by(|a, b| {
        let key = |candidate: &Candidate<'_>| (candidate.tenths(), candidate.rank);
        key(b).cmp(&key(a)).then_with(|| a.format.name().cmp(b.format.name()))
    });
    let mut best = candidates.into_iter();
    if let Some(first) = best.next() {
        return Detected {
            format: Arc::clone(first.format),
            matched: first.matched,
            of: first.of,
            runner_up: best.next().map(|second| (Arc::clone(second.format), second.matched)),
        };
    }
    let plain = formats.plain();
    let of = records(&plain, sample).take(MOST).count();
    Detected { format: plain, matched: of, of, runner_up: None }
}

/// Counts the records that speak for a format, and all of them. A first one that does not is none where others follow: it is the end
/// of one that began before, or a greeting. Nor is a last one that may go on.
fn count(format: &Format, sample: &[u8]) -> (usize, usize) {
    let all = records(format, sample).take(MOST).filter(|record| !record.trim_ascii().is_empty());
    let is_like: Vec<bool> = all.map(|record| format.is_like(record)).collect();
    let mut counted = is_like.as_slice();
    if let [false, rest @ ..] = counted
        && !rest.is_empty()
    {
        counted = rest;
    }
    if let [rest @ .., false] = counted
        && format.is_multi_line()
        && !rest.is_empty()
    {
        counted = rest;
    }
    (counted.iter().filter(|is_like| **is_like).count(), counted.len())
}

/// Cuts a sample to what is looked at; a last line that may go on is left out, unless it is the only one.
fn whole_lines(sample: &[u8]) -> &[u8] {
    let cut = sample.get(..SAMPLE).unwrap_or(sample);
    if cut.len() == sample.len() && cut.ends_with(b"\n") {
        return cut;
    }
    memchr::memrchr(b'\n', cut).and_then(|end| cut.get(..=end)).unwrap_or(cut)
}
