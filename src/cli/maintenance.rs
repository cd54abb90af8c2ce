//! `qd maintenance`: planned work: the windows there are, one more, and an end before its time.
use clap::Subcommand;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    config::Loaded,
    core::{
        State,
        id::Uid,
        services::uptime::Span,
        time::{DAY, Timestamp, short},
        windows::{Key, Listed, Standing, Wanted, Window, clock},
    },
    parse::sanitise,
    store::{IfMissing, StoreError},
};

const EXAMPLES: &str = "Examples:
  qd maintenance                                              what goes on, what comes, what was
  qd maintenance add play@prod --to 2h --reason 'new disk'    from now on, for two hours
  qd maintenance add host:db-01 env:staging --from '2026-12-20 02:00' --to 04:00 \\
     --zone America/Bogota --reason 'database upgrade'        by the clock of that place
  qd maintenance end qd-8f21c0aa9d31                          now, before its time

While a window goes on, alerts of what it covers are seen and nobody is told; its time is
counted apart from up and down. It ends by itself. What the configuration plans
(`[[maintenance]]`) is listed too, and is changed there.";

/// What `qd maintenance` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    deed: Option<Deed>,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Print the windows: what goes on, what comes, and what ended in the last week
    List {
        /// Also what ended before
        #[arg(long)]
        all: bool,
    },
    /// Add a window
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// End a window now, or call it off before it begins
    End {
        /// The window, as qd-8f21c0aa9d31
        window: String,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What it covers: SERVICE@ENV, host:NAME, env:NAME, or `everything`
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
    /// From when: now, +30m, 02:00, '2026-12-20 02:00'
    #[arg(long, value_name = "TIME", default_value = "now")]
    from: String,
    /// To when: 2h, 04:00, '2026-12-20 04:00'
    #[arg(long, value_name = "TIME")]
    to: String,
    /// The time zone of both [default: that of the display]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Print what would be muted, and add nothing
    #[arg(long)]
    dry_run: bool,
}

/// A week.
const RECENT_MS: i64 = 7 * DAY;

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    match &args.deed {
        None => list(&setup, common, &loaded, false),
        Some(Deed::List { all }) => list(&setup, common, &loaded, *all),
        Some(Deed::Add(wanted)) => add(&setup, common, &loaded, wanted),
        Some(Deed::End { window }) => end(&setup, common, &loaded, window),
    }
}

/// Reads what was declared. Where nobody has recorded anything yet, what the configuration plans is known all the same.
fn known(setup: &Setup, loaded: &Loaded, from: Timestamp) -> color_eyre::Result<State> {
    match Setup::store(loaded, IfMissing::Fail) {
        Ok(mut store) => stored::read(setup, loaded, store.as_mut(), from),
        Err(StoreError::Missing { .. }) => {
            Ok(State::new(std::sync::Arc::new(loaded.inventory.clone()), setup.actor.clone()))
        }
        Err(error) => Err(error.report().into()),
    }
}

fn list(setup: &Setup, common: &Common, loaded: &Loaded, all: bool) -> color_eyre::Result<Exit> {
    let now = setup.clock.now().utc;
    let state = known(setup, loaded, if all { Timestamp(i64::MIN) } else { now - RECENT_MS })?;
    let mut rows = state.windows.listed(&state.inventory, now);
    rows.retain(|of| common.env.as_deref().is_none_or(|env| of.environments.iter().any(|known| known.as_str() == env)));
    if common.json {
        setup::print_json("qd.maintenance/1", setup.clock.as_ref(), rows.iter().map(to_json).collect())?;
    } else if rows.is_empty() {
        setup::print("no work is planned\n  qd maintenance add --help\n")?;
    } else {
        setup::print(&to_text(&rows, now))?;
    }
    Ok(Exit::Ok)
}

fn id(key: &Key) -> String {
    match key {
        Key::Declared(uid) => uid.to_string(),
        Key::Configured(name) => name.clone(),
    }
}

fn to_json(of: &Listed) -> serde_json::Value {
    json!({
        "window": id(&of.key), "state": of.standing.word(), "covers": of.covers,
        "from": of.span.map(|span| span.from.rfc3339()), "to": of.span.map(|span| span.to.rfc3339()),
        "zone": of.zone, "reason": of.why, "by": of.by, "configured": of.by.is_none(), "recurs": of.recurs,
        "ended_by": of.ended.as_ref().map(|(by, _)| by), "ended_at": of.ended.as_ref().map(|(_, at)| at.rfc3339()),
    })
}

fn to_text(rows: &[Listed], now: Timestamp) -> String {
    let mut table = vec![["WINDOW", "STATE", "FROM", "TO", "ZONE", "BY", "COVERS", "WHY"].map(str::to_owned).to_vec()];
    for of in rows {
        let time = |at: fn(Span) -> Timestamp| of.span.map_or_else(|| "?".to_owned(), |span| clock(at(span), &of.zone));
        let state = match (of.standing, of.span) {
            (Standing::Running, Some(span)) => format!("running, {} left", left(span.to.since(now))),
            (Standing::Coming, Some(span)) => format!("in {}", left(span.from.since(now))),
            (standing, _) => standing.word().to_owned(),
        };
        let by = of.by.as_ref().map_or_else(|| "configuration".to_owned(), ToString::to_string);
        let ended = of.ended.as_ref().map(|(by, at)| format!(" (ended by {by}, {})", clock(*at, &of.zone)));
        let why = format!("{}{}", of.why, ended.unwrap_or_default());
        let row = [id(&of.key), state, time(|span| span.from), time(|span| span.to), of.zone.clone(), by];
        table.push(row.into_iter().chain([of.covers.clone(), why]).map(sanitise::line).collect());
    }
    setup::table(&table)
}

fn left(ms: i64) -> String {
    short(u64::try_from(ms).unwrap_or(0))
}

/// Names services in full where only those of one environment are meant.
fn within(common: &Common, state: &State, what: &[String]) -> String {
    let of_env = |word: &str| {
        let id = format!("{word}@{}", common.env.as_deref()?);
        state.inventory.services.iter().any(|service| service.id.to_string() == id).then_some(id)
    };
    let words = what.iter().flat_map(|word| word.split([' ', ',']));
    words.map(|word| of_env(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

fn add(setup: &Setup, common: &Common, loaded: &Loaded, args: &Add) -> color_eyre::Result<Exit> {
    let state = known(setup, loaded, Timestamp(i64::MIN))?;
    let now = setup.clock.now().utc;
    let wanted = Wanted {
        what: sanitise::line(within(common, &state, &args.what)),
        from: sanitise::line(&args.from),
        to: sanitise::line(&args.to),
        zone: args.zone.as_deref().map(sanitise::line).unwrap_or_default(),
        why: sanitise::line(&args.reason),
    };
    let window = wanted
        .accept((&state.windows, &state.inventory), &setup.actor, now)
        .map_err(|why| color_eyre::eyre::eyre!("{why}"))?;
    let (said, event) = (window.words(), window.clone().declared(&setup.actor, now));
    let uid = event.window;
    if !args.dry_run {
        let mut store = Setup::store(loaded, IfMissing::Create).map_err(|error| error.report())?;
        store.commit(&event.rows(&setup.actor, &said), None).map_err(|error| error.report())?;
    }
    let (services, hosts) = window.covered(&state.inventory);
    let covered = format!("{}, {}", setup::many(services.len(), "service"), setup::many(hosts.len(), "host"));
    if common.json {
        let Window { from, to, zone, why, .. } = &window;
        let data = json!({
            "window": uid, "covers": window.covers.words(), "from": from.rfc3339(), "to": to.rfc3339(), "zone": zone,
            "reason": why, "services": services, "hosts": hosts, "added": !args.dry_run,
        });
        setup::print_json("qd.maintenance-change/1", setup.clock.as_ref(), data)?;
    } else {
        let (from, to, zone) = (clock(window.from, &window.zone), clock(window.to, &window.zone), &window.zone);
        let mutes = if args.dry_run { "would mute" } else { "mutes" };
        let id = if args.dry_run { "nothing is added: it".to_owned() } else { uid.to_string() };
        let long = left(window.to.since(window.from));
        setup::print(&format!("{id} {mutes} {covered}: {}\n  {from} to {to} {zone}, {long}\n", window.covers.words()))?;
    }
    Ok(Exit::Ok)
}

fn end(setup: &Setup, common: &Common, loaded: &Loaded, name: &str) -> color_eyre::Result<Exit> {
    let mut store = Setup::store(loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let state = stored::read(setup, loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let now = setup.clock.now().utc;
    if state.inventory.maintenance.iter().any(|plan| plan.name == name) {
        let name = sanitise::line(name);
        return Err(color_eyre::eyre::eyre!(
            "{name} stands in the configuration\n  change it there: `[[maintenance]]`"
        ));
    }
    let uid: Uid = name.parse().map_err(|error| color_eyre::eyre::eyre!("{error}"))?;
    let (event, said) =
        state.windows.end(uid, &state.inventory, &setup.actor, now).map_err(|why| color_eyre::eyre::eyre!("{why}"))?;
    store.commit(&event.rows(&setup.actor, &said), None).map_err(|error| error.report())?;
    if common.json {
        let data = json!({ "window": uid, "ended_at": now.rfc3339() });
        setup::print_json("qd.maintenance-change/1", setup.clock.as_ref(), data)?;
    } else {
        setup::print(&format!("{uid} is over: {}\n", sanitise::line(said)))?;
    }
    Ok(Exit::Ok)
}
