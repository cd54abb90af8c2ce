//! What a person asks for: another filter, what is older, a file to be written.
use std::{collections::BTreeMap, sync::Arc};

use regex::bytes::Regex;

use super::Worker;
use crate::{
    config::sessions,
    core::{
        Msg,
        logs::{
            self, Ask, Nanos,
            eval::Matcher,
            filter::{Filter, Moment, Term, moment},
            read::Matches,
            state::Query,
        },
        screen::Tone,
    },
    runtime::logs::export,
};
impl Worker {
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Start => {
                self.started = true;
                self.began = Some(self.clock.now().utc.into());
                self.reconcile();
            }
            Ask::Remember(known) => {
                for row in known {
                    self.memory.merge(row);
                }
                self.mine();
            }
            Ask::Query(query) => self.adopt(*query),
            Ask::Earlier => self.earlier(),
            Ask::Export { path } => self.export(path),
            Ask::Save { name, session } => {
                let Some(file) = &self.sessions else {
                    return self.say(Tone::Error, "sessions are not kept here");
                };
                match sessions::save(file, &name, &session) {
                    Ok(all) => {
                        let text = format!("saved as {name} in {}", file.display());
                        self.post.try_fact(Msg::Logs(logs::Msg::Saved(all)));
                        self.say(Tone::Done, text);
                    }
                    Err(why) => self.say(Tone::Error, format!("the session was not saved: {why}")),
                }
            }
        }
    }

    pub(super) fn say(&self, tone: Tone, text: impl Into<String>) {
        self.post.try_fact(Msg::Said { tone, text: text.into() });
    }

    pub(super) fn read_sessions(&self) {
        let Some(path) = &self.sessions else { return };
        match sessions::load(path) {
            Ok(all) if all.is_empty() => {}
            Ok(all) => self.post.try_fact(Msg::Logs(logs::Msg::Saved(all))),
            Err(why) => self.say(Tone::Error, format!("saved filters cannot be read: {why}")),
        }
    }

    fn moment(&self, of: Option<&Moment>, named: &BTreeMap<String, Nanos>) -> Result<Option<Nanos>, String> {
        let Some(of) = of else { return Ok(None) };
        let zone = self.inventory.display.timezone;
        let resolved = moment::resolve(of, self.clock.now().utc.into(), zone, &|name| named.get(name).copied());
        resolved.map(Some).map_err(|error| error.to_string())
    }

    fn adopt(&mut self, query: Query) {
        let moments = |worker: &Self, filter: &Filter| -> Result<_, String> {
            let since = worker.moment(filter.since.as_ref(), &query.named)?;
            Ok((since, worker.moment(filter.until.as_ref(), &query.named)?))
        };
        let ready = |worker: &Self, filter: &Filter| -> Result<Matcher, String> {
            let moments = moments(worker, filter)?;
            Matcher::new(filter, moments, Arc::clone(&worker.derived)).map_err(|error| error.to_string())
        };
        let matcher = ready(self, &query.filter).map(|matcher| matcher.without(query.hidden.iter().cloned()));
        match matcher {
            Ok(matcher) => {
                let since = moments(self, &query.filter).ok().and_then(|(since, _)| since);
                self.wants(query.filter.expr.clone(), since);
                self.matcher = Some(matcher);
            }
            Err(why) => self.say(Tone::Error, format!("the filter cannot be used: {why}")),
        }
        for filter in std::iter::once(&query.filter).chain(&query.search) {
            self.ahead.note(filter);
        }
        self.search = query.search.as_ref().and_then(|search| ready(self, search).ok());
        self.needles = query.search.as_ref().map_or_else(Vec::new, needles);
        let again = query.baseline != self.query.baseline;
        self.query = query;
        if again {
            self.mine();
        }
        self.asked = true;
    }

    /// Writes what passes the filter to a file, redacted, in a thread of its own.
    fn export(&mut self, path: String) {
        let snapshot = self.buffer.snapshot();
        let matches = match &self.matcher {
            Some(matcher) => matcher.matches(&snapshot, &self.cache),
            None => Matches::all(&snapshot),
        };
        let (post, redact) = (self.post.clone(), Arc::clone(&self.redact));
        let task = move || {
            let path = std::path::absolute(&path).map_or(path, |whole| whole.to_string_lossy().into_owned());
            let (tone, text) = match export::write(&path, &snapshot, &matches, &redact) {
                Ok((lines, masked)) => {
                    (Tone::Done, format!("{lines} lines written to {path}, {masked} secrets masked"))
                }
                Err(error) => (Tone::Error, format!("{path}: {error}")),
            };
            post.try_fact(Msg::Said { tone, text });
        };
        self.tasks.blocking("log export", task).detach();
    }
}

/// Regexes that find what is searched for in a text, to mark it.
fn needles(filter: &Filter) -> Vec<Regex> {
    let mut needles = Vec::new();
    filter.expr.each_term(&mut |term| {
        let regex = match term {
            Term::Text(text) => text.regex().ok(),
            Term::Regex(pattern) => pattern.compile().ok(),
            Term::Level { .. } | Term::Glob { .. } | Term::FieldRegex { .. } | Term::Compare { .. } | Term::Has(_) => {
                None
            }
        };
        needles.extend(regex);
    });
    needles
}
