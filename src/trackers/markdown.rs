//! A folder of Markdown, one file per incident; where it is in a git repository, each write is committed.
//!
//! A file is written beside its place, flushed, and moved there: it is whole or not there. Writing twice is the same as once: what
//! carries the token is there already.
use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::future::BoxFuture;

use super::{
    Desk, Means, Missed, Tracker,
    probe::Probed,
    words::{self, SEVERITY, STATUS, TITLE},
};
use crate::{
    config::{Field, Kind, Shape},
    core::{
        id::Uid,
        outbox::{End, Fields, Order, Remote, TrackerSpec, Write},
    },
    parse::sanitise,
    remote::{self, Exit, Script, script::quote},
};

/// A folder of Markdown.
#[derive(Debug)]
pub(super) struct Markdown;

const FIELDS: &[Field] = &[
    Field { name: "path", shape: Shape::Path, required: true, doc: "The folder, one file per incident." },
    Field {
        name: "commit",
        shape: Shape::Flag,
        required: false,
        doc: "Whether each write is committed where the folder is in a git repository. Default `true`.",
    },
];

/// Most bytes of a file that is read.
const MOST: u64 = 4 << 20;
/// Bytes of a file in which its token stands.
const HEAD: u64 = 4 << 10;

impl Kind for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }
}

impl Tracker for Markdown {
    fn open(&self, spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String> {
        let path = spec.params.get("path").and_then(serde_json::Value::as_str).ok_or("it has no `path`")?;
        let commits = spec.params.get("commit").and_then(serde_json::Value::as_bool).unwrap_or(true);
        Ok(Box::new(Folder { path: PathBuf::from(path), commits, means: means.clone() }))
    }
}

struct Folder {
    path: PathBuf,
    commits: bool,
    means: Means,
}

impl Folder {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, Missed> + Send + 'static,
    ) -> Result<T, Missed> {
        let path = self.path.clone();
        let done = self.means.tasks.blocking("tracker", move || work(&path)).join().await;
        done.unwrap_or_else(|| Err(Missed::ambiguous("it was broken off")))
    }

    /// Commits a file, where the folder is in a repository. Nothing to commit is as good.
    async fn commit(&self, file: &str, message: &str) -> Result<(), Missed> {
        if !self.commits {
            return Ok(());
        }
        let (folder, file, message) = (quote(&self.path.display().to_string()), quote(file), quote(message));
        let text = format!(
            "cd {folder} || exit 1\ngit rev-parse --is-inside-work-tree >/dev/null 2>&1 || exit 0\n\
             id=; git config user.email >/dev/null || id='-c user.name=quarterdeck -c user.email=quarterdeck@localhost'\n\
             git add -- {file} || exit 1\ngit diff --cached --quiet -- {file} && exit 0\n\
             git $id commit -q -m {message} -- {file}\n"
        );
        let script = Script { timeout: self.means.patience, ..Script::new(text) };
        match remote::run_here(&script).await {
            Ok(output) if output.exit == Exit::Code(0) => Ok(()),
            Ok(output) => {
                let said = sanitise::line(output.stderr.trim_ascii());
                Err(Missed::unreachable(format!("the file is written, but git does not commit it: {said}")))
            }
            Err(error) => {
                Err(Missed::unreachable(format!("the file is written, but git does not run: {}", error.what)))
            }
        }
    }

    /// Looks at the folder, or at what it would be made in, without writing: a file that is tried would be committed by another.
    async fn tried(&self) -> Result<Probed, Missed> {
        let text = format!(
            "at={}\nwhile [ ! -e \"$at\" ] && [ \"$at\" != / ] && [ \"$at\" != . ]; do at=$(dirname -- \"$at\"); echo absent; done\n\
             [ -d \"$at\" ] || echo file\n[ -w \"$at\" ] && [ -x \"$at\" ] || echo closed\n\
             cd \"$at\" 2>/dev/null || exit 0\ncommand -v git >/dev/null 2>&1 || echo gitless\n\
             git rev-parse --is-inside-work-tree 2>/dev/null | grep -qx true && echo repository\nexit 0\n",
            quote(&self.path.display().to_string())
        );
        let script = Script { timeout: self.means.patience / 3, ..Script::new(text) };
        let here = |why: String| Missed::unreachable(format!("it cannot be looked at: {why}"));
        let output = remote::run_here(&script).await.map_err(|error| here(error.what))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let says = |word: &str| said.lines().any(|line| line == word);
        let path = self.path.display();
        if output.exit != Exit::Code(0) {
            return Err(here(sanitise::line(output.stderr.trim_ascii())));
        }
        if says("file") {
            return Err(Missed::refused(format!("{path} is no folder, or lies in none: correct `path`")));
        }
        if says("closed") {
            let what = if says("absent") { "cannot be made" } else { "may not be written to" };
            return Err(Missed::refused(format!("{path} {what} by you: give leave for it, or correct `path`")));
        }
        let there = if says("absent") { "is not there yet: the first ticket makes it" } else { "is there" };
        let git = match (self.commits, says("repository")) {
            (true, true) => "in a git repository, each write is committed",
            (true, false) if says("gitless") => "git is not installed, nothing is committed",
            (true, false) => "in no git repository, nothing is committed",
            (false, _) => "nothing is committed, as `commit` says",
        };
        Ok(Probed::well(format!("{path} {there}; {git}")))
    }

    async fn put(&self, order: &Order) -> Result<End, Missed> {
        let orders = order.clone();
        let (file, wrote) = match self.blocking(move |path| write(path, &orders)).await? {
            Done::Wrote(file, wrote) => (file, wrote),
            Done::Foreign(quarrels) => return Ok(End::Foreign(quarrels)),
        };
        let number = order.number.map_or_else(|| order.item.incident.to_string(), |number| number.to_string());
        self.commit(&file, &format!("{number}: {}", order.item.write.word())).await?;
        Ok(End::Accepted { remote: self.remote(file), wrote })
    }

    fn remote(&self, file: String) -> Remote {
        Remote { url: Some(self.path.join(&file).display().to_string()), id: file }
    }
}

impl Desk for Folder {
    fn write<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<End, Missed>> {
        Box::pin(self.put(order))
    }

    fn find<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Vec<Remote>, Missed>> {
        Box::pin(async {
            let (token, ticket) = (order.token, order.ticket_token);
            let found = self.blocking(move |path| {
                let files = files_of(path, ticket)?;
                if token == ticket {
                    return Ok(files);
                }
                // A comment stands in the file of its ticket.
                let has = |file: &String| read(&path.join(file)).is_ok_and(|text| text.contains(&mark(token)));
                Ok(files.into_iter().filter(has).collect())
            });
            Ok(found.await?.into_iter().map(|file| self.remote(file)).collect())
        })
    }

    fn look<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Fields, Missed>> {
        let token = order.ticket_token;
        Box::pin(self.blocking(move |path| match files_of(path, token)?.first() {
            Some(file) => Ok(fields(&read(&path.join(file))?)),
            None => Ok(Fields::new()),
        }))
    }

    fn preview(&self, order: &Order) -> String {
        match &order.item.write {
            Write::Create(ticket) => new(order, ticket),
            Write::Update(change) => {
                let lines = words::changed(change).into_iter().map(|(field, value)| format!("{field}: {value}"));
                lines.collect::<Vec<_>>().join("\n")
            }
            Write::Comment { text, .. } => comment(order.token, text),
            Write::Link { .. } => comment(order.token, &words::duplicate(order)),
            Write::Notice(notice) => notice.summary(),
        }
    }

    fn probe(&self) -> BoxFuture<'_, Result<Probed, Missed>> {
        Box::pin(self.tried())
    }
}

enum Done {
    Wrote(String, Fields),
    Foreign(Vec<(String, String, String)>),
}

fn write(folder: &Path, order: &Order) -> Result<Done, Missed> {
    let known = files_of(folder, order.ticket_token)?;
    if let Write::Create(ticket) = &order.item.write {
        if let Some(file) = known.into_iter().next() {
            let there = fields(&read(&folder.join(&file))?);
            return Ok(Done::Wrote(file, there));
        }
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let day = ticket.opened.rfc3339();
        let file = format!("{}-{}.md", day.split('T').next().unwrap_or_default(), order.token);
        replace(folder, &file, &new(order, ticket))?;
        return Ok(Done::Wrote(file, words::fields_of(ticket, ticket.title.clone())));
    }
    let file = match &order.item.write {
        Write::Link { duplicate } => duplicate.id.clone(),
        Write::Create(_) | Write::Update(_) | Write::Comment { .. } | Write::Notice(_) => {
            known.into_iter().next().ok_or_else(|| Missed::refused("its file is gone: retry the ticket first"))?
        }
    };
    if file.contains('/') {
        return Err(Missed::refused("its file is in no folder of ours"));
    }
    let text = read(&folder.join(&file))?;
    let (text, wrote) = match &order.item.write {
        Write::Update(change) => {
            let wanted = words::changed(change);
            let quarrels = words::quarrels(order, &wanted, &fields(&text));
            if !quarrels.is_empty() {
                return Ok(Done::Foreign(quarrels));
            }
            let text = wanted.get(TITLE).map_or_else(|| text.clone(), |title| headed(&text, title));
            (wanted.iter().fold(text, |text, (field, value)| with(&text, field, value)), wanted)
        }
        Write::Comment { text: said, .. } => (commented(text, order.token, said), Fields::new()),
        Write::Link { .. } => (commented(text, order.token, &words::duplicate(order)), Fields::new()),
        Write::Create(_) | Write::Notice(_) => (text, Fields::new()),
    };
    replace(folder, &file, &text)?;
    Ok(Done::Wrote(file, wrote))
}

fn failed(path: &Path, error: &std::io::Error) -> Missed {
    Missed::unreachable(format!("{}: {error}", path.display()))
}

/// Finds the files that carry a token, by their names.
fn files_of(folder: &Path, token: Uid) -> Result<Vec<String>, Missed> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(folder, &error)),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let line = format!("token: {token}");
    let has = |name: &String| {
        let mut head = Vec::new();
        let file = crate::config::open_regular(&folder.join(name));
        let read = file.and_then(|file| file.take(HEAD).read_to_end(&mut head));
        let head = String::from_utf8_lossy(&head);
        read.is_ok() && head.lines().take_while(|line| !line.starts_with('#')).any(|found| found == line)
    };
    let mut files: Vec<String> = names.filter(|name| is_ours(name)).filter(has).collect();
    files.sort();
    Ok(files)
}

fn is_ours(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).extension().is_some_and(|ending| ending == "md")
}

fn read(path: &Path) -> Result<String, Missed> {
    let mut text = String::new();
    let file = crate::config::open_regular(path).map_err(|error| failed(path, &error))?;
    match file.take(MOST + 1).read_to_string(&mut text) {
        Ok(read) if u64::try_from(read).is_ok_and(|read| read > MOST) => {
            Err(Missed::refused(format!("{} is longer than 4 MiB", path.display())))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Writes a file so that it is whole or as it was, whatever happens, and is there after a loss of power.
fn replace(folder: &Path, file: &str, text: &str) -> Result<(), Missed> {
    let (beside, place) = (folder.join(format!(".{file}.new")), folder.join(file));
    let write = || -> std::io::Result<()> {
        let mut new = fs::File::create(&beside)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, &place)?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(|error| failed(&place, &error))
}

/// Returns a new file.
fn new(order: &Order, ticket: &crate::core::outbox::Ticket) -> String {
    let mut text = format!("---\ntoken: {}\n", order.token);
    let number = order.number.map(|number| number.to_string()).unwrap_or_default();
    let service = ticket.service.clone().unwrap_or_default();
    let opened = ticket.opened.rfc3339();
    let fields = words::fields_of(ticket, ticket.title.clone());
    for (field, value) in [("incident", &number), ("service", &service), ("opened", &opened)]
        .into_iter()
        .chain(fields.iter().map(|(f, v)| (f.as_str(), v)))
    {
        _ = writeln!(text, "{field}: {value}");
    }
    text.push_str("---\n");
    _ = write!(text, "\n# {}\n\n{}\n\n## Timeline\n", ticket.title, words::body(order, ticket).join("\n\n"));
    text
}

fn mark(token: Uid) -> String {
    format!("<!-- {token} -->")
}

fn comment(token: Uid, said: &str) -> String {
    let said = said.lines().collect::<Vec<_>>().join("\n  ");
    format!("\n- {said} {}\n", mark(token))
}

fn commented(text: String, token: Uid, said: &str) -> String {
    if text.contains(&mark(token)) { text } else { text + &comment(token, said) }
}

/// Reads fields of ours from between the first two lines of dashes.
fn fields(text: &str) -> Fields {
    let mut lines = text.lines();
    if lines.next() != Some("---") {
        return Fields::new();
    }
    let pairs = lines.take_while(|line| *line != "---").filter_map(|line| line.split_once(": "));
    let ours = pairs.filter(|(field, _)| [TITLE, SEVERITY, STATUS].contains(field));
    ours.map(|(field, value)| (field.to_owned(), sanitise::line(value))).collect()
}

/// Calls a document by another title, where its heading is the title that it had: one that somebody wrote stays.
fn headed(text: &str, title: &str) -> String {
    let had = text.lines().find_map(|line| line.strip_prefix("title: ")).map(str::trim_end);
    let mut is_changed = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let heading = line.strip_prefix("# ").map(str::trim_end);
        if is_changed || heading.is_none() || heading != had {
            return line.to_owned();
        }
        is_changed = true;
        format!("# {title}\n")
    });
    lines.collect()
}

/// Sets a field.
fn with(text: &str, field: &str, value: &str) -> String {
    let begin = format!("{field}: ");
    let (mut out, mut dashes) = (String::with_capacity(text.len()), 0);
    for line in text.split_inclusive('\n') {
        dashes += u8::from(line.trim_end() == "---" && dashes < 2);
        if dashes == 1 && line.starts_with(&begin) {
            _ = writeln!(out, "{begin}{value}");
        } else {
            out.push_str(line);
        }
    }
    out
}
