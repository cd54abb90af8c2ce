//! Runs of records, evaluated on all cores in the order read.
use std::{io, sync::Arc};

use rayon::prelude::*;
use serde_json::json;

use super::{
    desk::Desk,
    input::{self, Stream},
};
use crate::{
    cli::setup,
    core::logs::{
        Source,
        bitmap::Bitmap,
        buffer::Snapshot,
        segment::{Batch, Segment},
    },
};

/// Some records of one stream, with those that match.
pub(super) struct Run {
    pub(super) segment: Arc<Segment>,
    pub(super) matching: Arc<Bitmap>,
    /// How many lines the stream had before them.
    pub(super) lines: u64,
}

/// How reading went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) failed: bool,
}

impl Stream {
    /// Reads and evaluates what comes next. None at the end.
    pub(super) fn runs(&mut self, desk: &Desk, sources: &[Source]) -> io::Result<Option<Vec<Run>>> {
        let many = if self.is_slow() || self.lines == 0 { 1 } else { rayon::current_num_threads() * 2 };
        let mut chunks = Vec::with_capacity(many);
        while chunks.len() < many {
            match self.next()? {
                Some(chunk) => chunks.push(chunk),
                None => break,
            }
        }
        if chunks.is_empty() {
            return Ok(None);
        }
        let (id, format) = (self.source.id, &*self.source.format);
        let parse = |bytes| Segment::parse(Batch::new(id, format, desk.assume, bytes));
        let mut segments: Vec<Segment> = chunks.into_par_iter().with_max_len(1).map(parse).collect();
        let mut runs = Vec::with_capacity(segments.len());
        for segment in &mut segments {
            if let Some(previous) = self.previous {
                segment.inherit(previous);
            }
            self.previous = segment.newest().or(self.previous);
            runs.push(self.lines);
            self.lines += u64::try_from(segment.lines()).unwrap_or(0);
        }
        let all = segments.into_par_iter().with_max_len(1).zip(runs).map(|(segment, lines)| {
            let matching = desk.matcher.set(&segment, sources, None);
            Run { segment: Arc::new(segment), matching, lines }
        });
        Ok(Some(all.collect()))
    }
}

/// Records to be looked at, wherever they come from.
pub(super) enum Feed {
    /// Files and standard input, read as they are looked at.
    Streams(Vec<Stream>),
    /// What the configured sources had.
    Gathered(Snapshot),
}

impl Feed {
    /// Returns what is known of the sources, by number.
    pub(super) fn sources(&self) -> Vec<Source> {
        match self {
            Self::Streams(streams) => streams.iter().map(|stream| stream.source.clone()).collect(),
            Self::Gathered(snapshot) => snapshot.sources.to_vec(),
        }
    }

    /// Looks at all records, source after source; says which broke.
    pub(super) fn each(self, desk: &Desk, mut take: impl FnMut(&[Run])) -> Read {
        let sources = self.sources();
        let mut read = Read::default();
        let streams = match self {
            Self::Streams(streams) => streams,
            Self::Gathered(snapshot) => {
                for segment in &*snapshot.segments {
                    let matching = desk.matcher.set(segment, &sources, None);
                    take(&[Run { segment: Arc::clone(segment), matching, lines: 0 }]);
                }
                return read;
            }
        };
        for mut stream in streams {
            loop {
                match stream.runs(desk, &sources) {
                    Ok(Some(runs)) => take(&runs),
                    Ok(None) => break,
                    Err(error) => {
                        input::cannot(&stream.source.path, &error);
                        read.failed = true;
                        break;
                    }
                }
            }
        }
        read
    }
}

/// Prints how many records match.
pub(super) fn count(desk: &Desk, feed: Feed) -> color_eyre::Result<Read> {
    let (mut count, mut records) = (0_u64, 0_u64);
    let mut read = Read::default();
    match feed {
        // Without a time, nobody needs to know what came before a record: then nothing is kept of what is counted.
        Feed::Streams(streams) if desk.filter.since.is_none() && desk.filter.until.is_none() => {
            for stream in streams {
                match stream.count(desk) {
                    Ok(counted) => {
                        count += counted.matched;
                        records += counted.records;
                    }
                    Err((path, error)) => {
                        input::cannot(path, &error);
                        read.failed = true;
                    }
                }
            }
        }
        feed @ (Feed::Streams(_) | Feed::Gathered(_)) => {
            read = feed.each(desk, |runs| {
                count += runs.iter().map(|run| run.matching.count() as u64).sum::<u64>();
                records += runs.iter().map(|run| run.segment.len() as u64).sum::<u64>();
            });
        }
    }
    if desk.json {
        let data = json!({ "count": count, "records": records });
        let all = json!({ "schema": "qd.logs.count/1", "at": desk.at, "data": data });
        setup::print(&format!("{all}\n"))?;
    } else {
        setup::print(&format!("{count}\n"))?;
    }
    Ok(read)
}
