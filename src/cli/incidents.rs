//! `qd incidents`: what is open and what is owed, the document of one, and a new one in somebody's own words.
use std::path::PathBuf;

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    status, stored,
};
use crate::{
    core::{
        State,
        id::{IncidentId, ServiceId, Uid},
        incidents::{Clock, Incident},
        opening, outbox,
        time::{Now, Timestamp, precise, short},
    },
    parse::sanitise,
    render,
    store::{IfMissing, Store},
};

/// What `qd incidents` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Incidents {
    /// One of them, as INC-214: print its document
    incident: Option<String>,
    /// Also those that were closed more than a week ago
    #[arg(long, conflicts_with = "incident")]
    all: bool,
    /// Open one in these words; how bad it is may begin them: "P1 nobody can pay"
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["incident", "all"])]
    open: Option<String>,
    /// About which service, as SERVICE or SERVICE@ENV
    #[arg(long, requires = "open")]
    service: Option<String>,
    /// Write the document by this template (minijinja); what it may use is what --json prints
    #[arg(long, value_name = "FILE", requires = "incident", conflicts_with = "json")]
    template: Option<PathBuf>,
}

/// A week.
pub(super) const RECENT_MS: i64 = 7 * crate::core::time::DAY;
/// Most incidents that are told to be like one.
const LIKE: usize = 5;
/// How many incidents an error names.
const LISTED: usize = 5;
/// Bytes of a template at most.
const TEMPLATE_BYTES: u64 = 1 << 20;

pub(super) fn run(common: &Common, args: &Incidents) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let template = args.template.as_ref().map(|path| read_template(path)).transpose()?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let whole = args.all || args.incident.is_some();
    let from = if whole { Timestamp(i64::MIN) } else { now.utc - RECENT_MS };
    let mut state = stored::read(&setup, &loaded, store.as_mut(), from)?;
    if let Some(text) = &args.open {
        let service =
            args.service.as_deref().map(|name| status::service_id(common, &state.inventory, name)).transpose()?;
        let (uid, is_new) = open(&mut state, text, service, (store.as_mut(), now))?;
        let state = stored::read(&setup, &loaded, store.as_mut(), from)?;
        let Some(of) = state.incidents.incidents.get(&uid) else { return Ok(Exit::Unknown) };
        return opened(&setup, common, &state, (of, is_new));
    }
    let Some(name) = &args.incident else { return list(&setup, common, &state, args.all) };
    let of = meant(&state, name)?.uid;
    stored::measured(&mut state, store.as_mut(), now)?;
    let Some(of) = state.incidents.incidents.get(&of) else { return Ok(Exit::Unknown) };
    let document = state.document(of, now.utc);
    if common.json {
        setup::print_json("qd.document/1", setup.clock.as_ref(), serde_json::to_value(&document)?)?;
    } else {
        let class = of.classified.as_ref().map(|classified| classified.class.as_str());
        let own = state.inventory.policy.template(class).map(std::sync::Arc::as_ref);
        let (text, fell_back) = match &template {
            Some((name, text)) => (render::incident(&document, (name, text)), None),
            None => render::document(&document, own),
        };
        if let Some(why) = fell_back {
            setup::warn(&format!("{why}\n  the built-in template is used"));
        }
        let text = text.map_err(|error| eyre!("{error}"))?;
        setup::print(&format!("{}\n", text.trim_end()))?;
    }
    Ok(Exit::Ok)
}

/// Opens an incident with its tickets and notices; says which, and whether it is new.
fn open(
    state: &mut State,
    text: &str,
    service: Option<ServiceId>,
    (store, now): (&mut dyn Store, Now),
) -> color_eyre::Result<(Uid, bool)> {
    let Some(worded) = opening::worded(&sanitise::line_max(text, 2 * opening::TITLE)) else {
        return Err(eyre!("--open: say what is wrong, in one line"));
    };
    match state.open_worded(worded, service, Vec::new(), now) {
        Ok((uid, effects)) => {
            stored::commit(state, effects, store)?;
            Ok((uid, true))
        }
        Err(known) => Ok((known, false)),
    }
}

fn opened(setup: &Setup, common: &Common, state: &State, (of, is_new): (&Incident, bool)) -> color_eyre::Result<Exit> {
    if common.json {
        let data = to_json(state, of, setup.clock.now().utc);
        setup::print_json("qd.incidents/1", setup.clock.as_ref(), vec![data].into())?;
    } else {
        let how = if is_new { "opened" } else { "is open already" };
        let service = of.service.as_ref().map(|id| format!(", {id}")).unwrap_or_default();
        let title = sanitise::line_max(&of.title, opening::TITLE);
        setup::print(&format!("{} {how}: {title}, {:?}{service}\n", of.number, of.severity))?;
    }
    Ok(Exit::Ok)
}

/// Finds the incident that is meant by its number, with or without `INC-`, or by its id.
pub(super) fn meant<'a>(state: &'a State, name: &str) -> color_eyre::Result<&'a Incident> {
    let number = name.parse::<IncidentId>().or_else(|_| format!("INC-{name}").parse()).ok();
    let uid = name.parse::<Uid>().ok();
    let found = state.incidents.incidents.values().find(|of| Some(of.number) == number || Some(of.uid) == uid);
    found.ok_or_else(|| {
        let name = sanitise::line(name);
        let mut known: Vec<&Incident> = state.incidents.incidents.values().collect();
        known.sort_by_key(|of| std::cmp::Reverse(of.number));
        let shown = known.iter().take(LISTED).map(|of| format!("{} {}", of.number, sanitise::line_max(&of.title, 60)));
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() {
            return eyre!("no incident `{name}`: there is none yet");
        }
        let near = number.and_then(|number| known.iter().min_by_key(|of| of.number.0.abs_diff(number.0)));
        let near = near.map(|of| format!("the nearest is {}; ", of.number)).unwrap_or_default();
        let more = if known.len() > shown.len() { "; `qd incidents --all` prints the others" } else { "" };
        eyre!("no incident `{name}`\n  {near}there are: {}{more}", shown.join(", "))
    })
}

fn read_template(path: &std::path::Path) -> color_eyre::Result<(String, String)> {
    let shown = sanitise::line(path.display().to_string());
    let fails = |why: String| eyre!("cannot read the template {shown}: {why}");
    let bytes = std::fs::metadata(path).map_err(|error| fails(error.to_string()))?.len();
    if bytes > TEMPLATE_BYTES {
        return Err(fails(format!("it has {bytes} bytes; {TEMPLATE_BYTES} are the most")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fails(error.to_string()))?;
    Ok((shown, text))
}

fn list(setup: &Setup, common: &Common, state: &State, all: bool) -> color_eyre::Result<Exit> {
    let now = setup.clock.now().utc;
    let env = common.env.as_deref();
    let here =
        |of: &&Incident| env.is_none_or(|env| of.service.as_ref().is_none_or(|service| service.env.as_str() == env));
    let wanted: Vec<&Incident> = state.incidents.worst_first().into_iter().filter(here).collect();
    if common.json {
        let data = wanted.iter().map(|of| to_json(state, of, now)).collect();
        setup::print_json("qd.incidents/1", setup.clock.as_ref(), data)?;
    } else if wanted.is_empty() {
        let all = if all { "" } else { " within a week; --all prints older ones" };
        setup::print(&format!("no incident{all}\n"))?;
    } else {
        setup::print(&setup::table(&rows(state, &wanted, now)))?;
        let owed = wanted.iter().filter(|of| of.is_owed()).count();
        if owed > 0 {
            setup::print(&format!("{} due\n", setup::many(owed, "document")))?;
        }
    }
    Ok(if wanted.iter().any(|of| of.is_open()) { Exit::Down } else { Exit::Ok })
}

fn rows(state: &State, wanted: &[&Incident], now: Timestamp) -> Vec<Vec<String>> {
    let head = ["INCIDENT", "SEV", "STATE", "PHASE", "SERVICE", "LEAD", "AGE", "NEXT", "TICKET", "TITLE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for of in wanted {
        let age = of.resolved.unwrap_or(now).since(of.detected.unwrap_or(of.opened));
        rows.push(vec![
            of.number.to_string(),
            format!("{:?}", of.severity),
            of.standing().to_owned(),
            of.phase.word().to_owned(),
            of.service.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string),
            of.owner.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string),
            precise(u64::try_from(age).unwrap_or(0)),
            next(state, of).map_or_else(|| "-".to_owned(), |clock| promise(clock, now)),
            state.outbox.of_incident(of.uid).map_or("-", |sync| sync.word()).to_owned(),
            sanitise::line_max(&of.title, 60),
        ]);
    }
    rows
}

/// The clock that runs out next, of those that still run.
fn next(state: &State, of: &Incident) -> Option<Clock> {
    of.next_clock(&state.inventory.policy).filter(|_| of.closed.is_none())
}

fn promise(clock: Clock, now: Timestamp) -> String {
    let left = clock.left(now).unwrap_or(0);
    let how = if left < 0 { "over" } else { "left" };
    format!("{} {} {how}", clock.kind.word(), short(left.unsigned_abs()))
}

fn to_json(state: &State, of: &Incident, now: Timestamp) -> serde_json::Value {
    let stamp = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    let clocks = of.clocks(&state.inventory.policy).into_iter().map(|clock| {
        json!({
            "clock": clock.kind.word(), "due": clock.due.rfc3339(), "met": stamp(clock.met), "late": clock.is_late(now),
        })
    });
    json!({
        "incident": of.number.to_string(),
        "uid": of.uid,
        "title": of.title,
        "severity": of.severity,
        "state": of.standing(),
        "phase": of.phase,
        "service": of.service,
        "lead": of.owner,
        "onset": stamp(of.onset.as_ref().map(|onset| onset.at)),
        "detected": stamp(of.detected),
        "opened": of.opened.rfc3339(),
        "acknowledged": stamp(of.acknowledged),
        "mitigated": stamp(of.mitigated),
        "resolved": stamp(of.resolved),
        "closed": stamp(of.closed),
        "clocks": clocks.collect::<Vec<_>>(),
        "document_due": of.is_owed(),
        "missing": state.missing_to_close(of, now).iter().map(|guard| guard.words()).collect::<Vec<_>>(),
        // Of what is over nobody asks what would mend it.
        "similar": of.is_open().then(|| state.similar(of.uid, LIKE).iter().map(|like| json!({
            "incident": like.number.to_string(), "title": like.title, "score": like.score, "shares": like.shares,
            "mended": like.mended,
        })).collect::<Vec<_>>()),
        "ticket": state.outbox.of_incident(of.uid).map(outbox::Sync::word),
    })
}
