//! What is typed and not saved yet, as files: it outlives the console, however that ends.
use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

use super::inbox::Post;
use crate::{
    core::{
        Msg,
        documents::{self, DraftName, Paper, Wanted},
        logs::redact::Redactor,
        screen::Tone,
    },
    parse::sanitise,
    render,
    tasks::Tasks,
};

/// Bytes of a draft at most.
const MAX: u64 = 256 * 1024;

/// Where drafts are kept.
#[derive(Clone, Debug)]
pub(super) struct Drafts {
    folder: Option<PathBuf>,
    /// Numbers what is to be written, as each write is done by a thread of its own.
    next: Arc<AtomicU64>,
    /// The last that was written.
    last: Arc<Mutex<u64>>,
}

impl Drafts {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, next: Arc::default(), last: Arc::default() }
    }

    /// Returns the file of a draft.
    pub(super) fn path(&self, of: DraftName) -> Option<PathBuf> {
        let name = of.section.title().replace(' ', "-");
        self.folder.as_ref().map(|folder| folder.join(format!("{}-{name}.md", of.incident)))
    }

    /// Keeps a draft, or lets go of it: what was asked for last stays, whichever thread is done first.
    pub(super) fn keep(&self, of: DraftName, text: Option<String>, tasks: &Tasks) {
        let Some(path) = self.path(of) else { return };
        let number = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        let last = Arc::clone(&self.last);
        let work = move || {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if number < *last {
                return;
            }
            *last = number;
            let done = match &text {
                Some(text) => write(&path, text),
                None => fs::remove_file(&path),
            };
            if let Err(error) =
                done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            {
                tracing::warn!(%error, path = %path.display(), "a draft is not kept");
            }
        };
        tasks.blocking("draft", work).detach();
    }

    /// Sends what was kept of a section.
    pub(super) fn recall(&self, of: DraftName, tasks: &Tasks, post: &Post) {
        let (Some(path), post) = (self.path(of), post.clone()) else { return };
        let work = move || {
            if let Ok(text) = read(&path) {
                post.try_fact(Msg::Documents(documents::Msg::Recalled { of, text }));
            }
        };
        tasks.blocking("draft", work).detach();
    }
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Reads what a person wrote into a file.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let size = fs::metadata(path)?.len();
    if size > MAX {
        return Err(io::Error::other(format!("{size} bytes; {MAX} are the most")));
    }
    Ok(sanitise::text(fs::read(path)?))
}

/// Writes a document out by its template.
pub(super) fn paper(paper: Paper, redact: &Arc<Redactor>, tasks: &Tasks, post: &Post) {
    let Paper { incident, document, wanted, template } = paper;
    let (post, redact) = (post.clone(), Arc::clone(redact));
    let work = move || {
        let (text, fell_back) = render::document(&document, template.as_deref());
        let text = text.map_err(|error| error.to_string());
        let text = match (wanted, text) {
            (Wanted::Export, Ok(text)) => export(&document.id, &text),
            // Before it is cut into parts: half a secret is found by no rule. What is kept of it, and its hash, are of what is sent.
            (Wanted::Send, Ok(text)) => Ok(redact.text(&text).into_owned()),
            (Wanted::Show, Ok(text)) => Ok(fell_back.as_ref().map_or_else(String::new, note) + &text),
            (_, text) => text,
        };
        if let (Some(why), Wanted::Export | Wanted::Send) = (&fell_back, wanted) {
            post.try_fact(Msg::Said { tone: Tone::Error, text: format!("{why}; the built-in template is used") });
        }
        post.try_fact(Msg::Documents(documents::Msg::Written { incident, wanted, text }));
    };
    tasks.blocking("document", work).detach();
}

/// What stands above a document that is shown, where its own template could not be used.
fn note(why: &render::Unusable) -> String {
    format!("> {}. The built-in template is used.\n\n", render::markdown::inline(&why.to_string()))
}

/// Puts a document into a file of the folder that one is in; a file that is there already stays.
fn export(id: &str, text: &str) -> Result<String, String> {
    let names = std::iter::once(format!("{id}.md")).chain((2..100).map(|number| format!("{id}-{number}.md")));
    for name in names {
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name);
        match made.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
    Err(format!("{id}.md and 98 more are there already"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_whole_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drafts").join("a.md");
        write(&path, "one\ntwo").unwrap();
        write(&path, "three").unwrap();
        assert_eq!(read(&path).unwrap(), "three");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::write(&path, vec![b'x'; 300_000]).unwrap();
        assert!(read(&path).is_err());
    }
}
