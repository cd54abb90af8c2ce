//! The audit log as the recorder's thread reads it for the screen: what is new while it is looked at, all of it when it is opened.
use crate::{
    core::{audit, time::Mono},
    store::{AuditState, Store, StoreError},
};

/// After how long without a look all of it is read anew: the screen was closed meanwhile.
const AWAY_MS: u64 = 3 * audit::LOOK_MS;
/// How long only what is new is read: a screen that is left open notices what was done to old entries by then.
const ANEW_MS: u64 = 10 * 60_000;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Audited {
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    looked: Mono,
    whole: Mono,
    state: AuditState,
    read: audit::Read,
}

impl Audited {
    /// Looks at it; none where nothing is new.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn look(&mut self, store: &mut dyn Store, now: Mono) -> Result<Option<audit::Read>, StoreError> {
        let fresh = |known: &Known| now.since(known.looked) < AWAY_MS && now.since(known.whole) < ANEW_MS;
        let known = self.known.take().filter(fresh);
        let news = store.audit_after(known.as_ref().map(|known| &known.state))?;
        let known = known.filter(|_| !news.whole);
        let silent = known.is_some() && news.log.entries.is_empty() && news.log.unreadable == 0;
        let silent = silent && news.state.broken.is_none();
        let (whole, old) = known.map_or_else(|| (now, audit::Read::default()), |known| (known.whole, known.read));
        let fresh = news.log.entries.into_iter().rev().map(|(seq, hash, of)| audit::Entry { seq, hash, of });
        let chain = audit::Chain {
            entries: news.state.entries,
            head: news.state.head.clone(),
            broken: news.state.broken.as_ref().map(|broken| (broken.seq, broken.why.to_owned())),
        };
        let unreadable = old.unreadable + news.log.unreadable;
        let read = audit::Read { entries: fresh.chain(old.entries).take(audit::SHOWN).collect(), unreadable, chain };
        let told = (!silent).then(|| read.clone());
        self.known = Some(Known { looked: now, whole, state: news.state, read });
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            record::{Audit, Row},
            time::Timestamp,
        },
        store::{Options, Sqlite},
    };

    fn entry(number: i64) -> Row {
        let (by, from, what) = ("ana".into(), "pts/3".to_owned(), "write.armed".to_owned());
        Row::Audit(Audit {
            at: Timestamp(number),
            by,
            from,
            what,
            target: "play@prod".into(),
            detail: number.to_string(),
        })
    }

    #[test]
    fn what_is_new_comes_first_and_nothing_new_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&dir.path().join("qd.db"), &Options::default()).unwrap();
        let mut audited = Audited::default();
        let mut look = |store: &mut Sqlite, ms: u64| {
            let read = audited.look(store, Mono(ms)).unwrap();
            read.map(|read| (read.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), read.chain.entries))
        };
        assert_eq!(look(&mut store, 0), Some((vec![], 0)), "an empty one is told once");
        store.commit(&[entry(1), entry(2)], None).unwrap();
        assert_eq!(look(&mut store, 5_000), Some((vec![2, 1], 2)));
        assert_eq!(look(&mut store, 10_000), None);
        store.commit(&[entry(3)], None).unwrap();
        assert_eq!(look(&mut store, 15_000), Some((vec![3, 2, 1], 3)));
        assert_eq!(look(&mut store, 15_000 + AWAY_MS), Some((vec![3, 2, 1], 3)), "the screen is opened again");
        let mut at = 15_000 + AWAY_MS;
        while look(&mut store, at).is_none() {
            at += audit::LOOK_MS;
        }
        assert!((ANEW_MS..ANEW_MS + 60_000).contains(&at), "{at}");
    }
}
