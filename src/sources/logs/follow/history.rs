//! Reading a file upwards, then those that were rotated away before it, packed ones included.
use super::{
    Found, Got, Lost, Place, Want,
    glob::Glob,
    is_packed,
    lines::last,
    rotated::{by_age, is_rotated},
};
use crate::{
    core::logs::LogPlace,
    sources::{
        SourceError,
        logs::{Batch, Cursor, HistoryRequest, LeftOut, Notice, Page, Prefilter},
    },
};

/// Bytes of one step.
const STEP: u64 = 256 * 1024;
/// Bytes of one step where the host leaves out most of them, or where each step unpacks the file from its start.
const LONG_STEP: u64 = 4 * 1024 * 1024;
/// Longest line that is waited for.
const LONGEST: u64 = 16 * 1024 * 1024;
/// Most bytes that one page looks through.
const MOST: u64 = 128 * 1024 * 1024;
/// The same where the host leaves lines out: whoever waits should hear how far it is.
const MOST_FILTERED: u64 = 32 * 1024 * 1024;
/// Bytes in which a line's end is looked for first.
const LINE: u64 = 4 * 1024;

/// Reads a page.
pub(in crate::sources::logs) async fn history(
    place: &mut dyn Place,
    request: HistoryRequest,
) -> Result<Page, SourceError> {
    page(place, request)
        .await
        .map_err(|lost| if lost.denied { SourceError::Absent(lost.why) } else { SourceError::Malformed(lost.why) })
}

async fn page(place: &mut dyn Place, request: HistoryRequest) -> Result<Page, Lost> {
    let LogPlace::File { path, rotated } = &request.spec.place else { return Ok(Page::default()) };
    let (current, inode, offset) = match &request.before {
        Some(Cursor::Byte { path, inode, offset }) => (path.clone(), Some(*inode), *offset),
        Some(Cursor::Time { .. } | Cursor::Journal(_)) | None => {
            let glob = Glob::parse(path).at_home(place.home());
            (glob.plain().unwrap_or_else(|| request.info.path.clone()), None, None)
        }
    };
    let followed = base_of(&current, &request);
    let files = chain(place, &followed, rotated.as_deref()).await?;
    let here = match inode {
        None => files.len().checked_sub(1),
        Some(inode) => files.iter().position(|file| file.inode == inode && !is_packed(&file.path)).or_else(|| {
            // Packed meanwhile, or a packed one itself: its name says so.
            let packed = |file: &Found| file.inode == inode || file.path.strip_prefix(&current).is_some_and(is_packed);
            files.iter().position(packed)
        }),
    };
    let Some(mut at) = here else {
        let why = "the file that was being read upwards is not there any more: its history ends here".to_owned();
        return Ok(Page { notices: vec![Notice::Said(why)], ..Page::default() });
    };
    let mut shell = match &request.prefilter {
        Some(Prefilter::Shell(command)) => Some(command.as_str()),
        Some(Prefilter::LogQl(_)) | None => None,
    }
    .filter(|_| place.filters());
    let most = if shell.is_some() { MOST_FILTERED } else { MOST };
    let mut page = Page::default();
    let mut end = offset;
    let mut looked = 0;
    loop {
        let Some(file) = files.get(at) else { return Ok(page) };
        let to = match end {
            Some(end) => end,
            None if is_packed(&file.path) => place.unpacked_size(&file.path).await?,
            None => file.size,
        };
        let mut before = Cursor::Byte { path: file.path.clone(), inode: file.inode, offset: Some(0) };
        let mut lines = Vec::new();
        if to > 0 {
            if let Some(step) = step(place, file, to, request.limit, shell).await? {
                before = Cursor::Byte { path: file.path.clone(), inode: file.inode, offset: Some(step.from) };
                looked += to - step.from;
                lines = step.lines;
                end = Some(step.from);
                page.filtered(shell.is_some(), step.failed, step.oldest);
                shell = shell.filter(|_| !step.failed);
            } else {
                let what = crate::parse::sanitise::line(&file.path);
                page.notices.push(Notice::Said(format!("{what} cannot be read")));
                end = Some(0);
            }
        } else {
            end = Some(0);
        }
        let done = end == Some(0);
        page.before = Some(before);
        if done {
            match at.checked_sub(1).and_then(|older| Some((older, files.get(older)?))) {
                Some((older, file)) => {
                    (at, end) = (older, None);
                    page.before = Some(Cursor::Byte { path: file.path.clone(), inode: file.inode, offset: None });
                }
                None => page.before = None,
            }
        }
        if !lines.is_empty() || page.before.is_none() || looked >= most {
            if !lines.is_empty() {
                let batch = Batch { bytes: lines, history: true, before: page.before.clone(), ..Batch::default() };
                page.parts.push((request.info, batch));
            }
            return Ok(page);
        }
    }
}

impl Page {
    /// Notes what a step left out.
    fn filtered(&mut self, asked: bool, failed: bool, oldest: Option<Vec<u8>>) {
        if failed {
            let why = "the filter cannot run on the host, where grep failed: all lines are read instead";
            self.notices.push(Notice::Said(why.to_owned()));
            if self.left_out != LeftOut::Nothing {
                self.left_out = LeftOut::Failed;
            }
        } else if asked {
            self.left_out = LeftOut::Some { oldest };
        }
    }
}

/// Returns the path that is followed, of which a rotated file is a sibling.
fn base_of(path: &str, request: &HistoryRequest) -> String {
    let asked = &request.info.path;
    if path == asked || is_rotated(path, asked) || asked.is_empty() { asked.clone() } else { path.to_owned() }
}

/// Lists the file and its rotated siblings, oldest first.
async fn chain(place: &mut dyn Place, path: &str, rotated: Option<&str>) -> Result<Vec<Found>, Lost> {
    let rotated = rotated.map(|glob| Glob::parse(glob).at_home(place.home()));
    let mut globs = rotated.clone().map_or_else(|| Glob::literal(path).siblings(), |glob| vec![glob]);
    globs.push(Glob::literal(path));
    let look = place.look(&globs).await?;
    let mut files: Vec<Found> = Vec::new();
    let mut current = None;
    for found in look.files.into_iter().filter(|found| found.regular) {
        let named = rotated.as_ref().map_or_else(|| is_rotated(&found.path, path), |glob| glob.matches(&found.path));
        if found.path == path {
            current = Some(found);
        } else if named && !files.iter().any(|file| file.path == found.path) {
            files.push(found);
        }
    }
    by_age(&mut files);
    files.extend(current);
    Ok(files)
}

/// Lines before a byte.
struct Step {
    /// Where they begin.
    from: u64,
    lines: Vec<u8>,
    /// The first of them, be it left out or not, where the host leaves lines out.
    oldest: Option<Vec<u8>>,
    /// The host could not leave any out: these are all.
    failed: bool,
}

/// Reads the lines before a byte. None when the file cannot be read.
async fn step(
    place: &mut dyn Place,
    file: &Found,
    to: u64,
    limit: usize,
    shell: Option<&str>,
) -> Result<Option<Step>, Lost> {
    let mut failed = false;
    if let Some(command) = shell {
        let from = to.saturating_sub(LONG_STEP);
        let Some((begin, oldest)) = first_line(place, file, from, to).await? else { return Ok(None) };
        if begin < to {
            let want = Want { path: file.path.clone(), from: begin, length: to - begin };
            if let Some(lines) = place.filter(&want, command).await? {
                return Ok(Some(Step { from: begin, lines, oldest, failed: false }));
            }
            failed = true;
        }
        // A line that is longer than that is read by whoever knows what to do with it.
    }
    let found = plain_step(place, file, to, limit).await?;
    Ok(found.map(|(from, lines)| Step { from, lines, oldest: None, failed }))
}

/// Finds the first line that begins in a stretch of a file: where it does, and its text.
async fn first_line(
    place: &mut dyn Place,
    file: &Found,
    from: u64,
    to: u64,
) -> Result<Option<(u64, Option<Vec<u8>>)>, Lost> {
    let packed = is_packed(&file.path);
    let mut length = LINE;
    loop {
        let want = Want { path: file.path.clone(), from, length: length.min(to - from) };
        let Some(mut bytes) = piece(place, &want, packed).await? else { return Ok(None) };
        bytes.truncate(usize::try_from(want.length).unwrap_or(usize::MAX));
        let is_all = want.length == to - from;
        let begin = if from == 0 { Some(0) } else { memchr::memchr(b'\n', &bytes).map(|end| end + 1) };
        let rest = begin.and_then(|begin| bytes.get(begin..)).unwrap_or_default();
        let line = memchr::memchr(b'\n', rest).and_then(|end| rest.get(..end));
        if line.is_some() || is_all || length >= LONGEST {
            let begin = begin.map_or(to, |begin| from + u64::try_from(begin).unwrap_or(0));
            let line = line.unwrap_or(rest);
            return Ok(Some((begin, Some(line).filter(|line| !line.is_empty()).map(<[u8]>::to_vec))));
        }
        length *= 16;
    }
}

/// Reads all lines before a byte, at most so many; returns where they begin.
async fn plain_step(
    place: &mut dyn Place,
    file: &Found,
    to: u64,
    limit: usize,
) -> Result<Option<(u64, Vec<u8>)>, Lost> {
    let packed = is_packed(&file.path);
    let mut length = if packed { LONG_STEP } else { STEP };
    loop {
        let from = to.saturating_sub(length);
        let mut begin = from;
        let want = Want { path: file.path.clone(), from, length: to - from };
        let Some(mut bytes) = piece(place, &want, packed).await? else { return Ok(None) };
        bytes.truncate(usize::try_from(to - from).unwrap_or(usize::MAX));
        if from > 0 {
            match memchr::memchr(b'\n', &bytes) {
                Some(line) if line + 1 < bytes.len() => {
                    bytes.drain(..=line);
                    begin = from + 1 + u64::try_from(line).unwrap_or(0);
                }
                _ if length < LONGEST => {
                    length *= 4;
                    continue;
                }
                // A line longer than everything: its end is shown as a line.
                _ => {}
            }
        }
        if !bytes.ends_with(b"\n") && !bytes.is_empty() {
            bytes.push(b'\n');
        }
        let kept = last(&bytes, limit);
        begin += u64::try_from(kept).unwrap_or(0);
        bytes.drain(..kept);
        return Ok(Some((begin, bytes)));
    }
}

async fn piece(place: &mut dyn Place, want: &Want, packed: bool) -> Result<Option<Vec<u8>>, Lost> {
    if packed {
        return place.unpack(want).await.map(Some);
    }
    Ok(match place.read(std::slice::from_ref(want)).await?.pop() {
        Some(Got::Bytes { bytes, .. }) => Some(bytes),
        Some(Got::Gone | Got::Denied) | None => None,
    })
}
