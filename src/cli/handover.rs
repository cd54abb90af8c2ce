//! `qd handover`: what whoever comes next has to know; they sign it here or in the console.
use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        Msg, State, audit,
        handover::{Handover, Promise, Signature},
        incidents::document::Moment,
        record::{Audit, Row},
        time::{DAY, Timestamp},
        update,
    },
    parse::sanitise,
    render,
    store::{IfMissing, Store},
};

/// What `qd handover` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take it over: it is on the audit who has read what
    #[arg(long, conflicts_with_all = ["promise", "kept"])]
    sign: bool,
    /// Promise something, as "ben 09:00 call the bank back": a time is UTC, or 2h from now
    #[arg(long, value_name = "WHO WHEN WHAT")]
    promise: Option<String>,
    /// Say that a promise was kept, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with = "promise")]
    kept: Option<u64>,
}

/// How far back runs and incidents are told that are over.
const RECENT_MS: i64 = 7 * DAY;

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let mut state = stored::read(&setup, &loaded, store.as_mut(), now.utc - RECENT_MS)?;
    stored::measured(&mut state, store.as_mut(), now)?;
    read_audit(&setup, &mut state, store.as_mut())?;
    if args.sign {
        let signed = sign(&setup, &state, store.as_mut())?;
        print(&setup, common, &signed)?;
        return Ok(Exit::Ok);
    }
    if let Some(entry) = entry(&setup, &state, args)? {
        store.commit(&[Row::Audit(entry)], None).map_err(|error| error.report())?;
        read_audit(&setup, &mut state, store.as_mut())?;
    }
    let handover = state.handover(setup.clock.now().utc);
    print(&setup, common, &handover)?;
    Ok(if handover.is_signed { Exit::Ok } else { Exit::Down })
}

/// Signs what stands here, and returns that: by now another period begins, of which nothing was signed.
fn sign(setup: &Setup, state: &State, store: &mut dyn Store) -> color_eyre::Result<Handover> {
    let now = setup.clock.now();
    let of = state.handover(now.utc);
    let entry = of.signature(&setup.actor, now);
    let signed = Signature { by: entry.by.to_string(), at: Moment(entry.at) };
    store.commit(&[Row::Audit(entry)], None).map_err(|error| error.report())?;
    Ok(Handover { signed: Some(signed), is_signed: true, ..of })
}

/// What is to be written down first.
fn entry(setup: &Setup, state: &State, args: &Args) -> color_eyre::Result<Option<Audit>> {
    let now = setup.clock.now();
    if let Some(text) = &args.promise {
        let text = sanitise::line_max(text, 400);
        let (who, due, what) =
            Promise::read(&text, now.utc).map_err(|why| color_eyre::eyre::eyre!("--promise: {why}"))?;
        return Ok(Some(Promise::entry(&setup.actor, now, (&who, due, &what))));
    }
    if let Some(id) = args.kept {
        if !state.promises().iter().any(|promise| promise.id == id) {
            return Err(color_eyre::eyre::eyre!("no promise {id} waits\n  `qd handover` prints those that do"));
        }
        return Ok(Some(Promise::kept(&setup.actor, now, id)));
    }
    Ok(None)
}

fn read_audit(setup: &Setup, state: &mut State, store: &mut dyn Store) -> color_eyre::Result<()> {
    let log = store.audit(Timestamp(i64::MIN)).map_err(|error| error.report())?;
    let mut entries: Vec<_> = log.entries.into_iter().map(|(seq, hash, of)| audit::Entry { seq, hash, of }).collect();
    entries.reverse();
    let read = audit::Read { entries, unreadable: log.unreadable, chain: audit::Chain::default() };
    drop(update(state, Msg::AuditRead(Box::new(Ok(read))), setup.clock.now()));
    Ok(())
}

fn print(setup: &Setup, common: &Common, of: &Handover) -> color_eyre::Result<()> {
    if common.json {
        return setup::print_json("qd.handover/1", setup.clock.as_ref(), serde_json::to_value(of)?);
    }
    let text = render::handover(of).map_err(|error| color_eyre::eyre::eyre!("{error}"))?;
    setup::print(&format!("{}\n", text.trim_end()))
}
