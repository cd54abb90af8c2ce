//! `qd runbook run`: looks at once; a step that changes is planned, reviewed and confirmed like any other change.
use std::{collections::BTreeMap, sync::Arc};

use color_eyre::eyre::eyre;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Run, find, notes::Notes, place::Place};
use crate::{
    cli::{
        Common, Exit,
        change::{self, Consent, Meant},
        setup::{self, Setup},
    },
    config::Loaded,
    core::{
        runbooks::{self, Look, Mode, Runbook, Seen, Step},
        runs::{Order, Wanted, gate, policy::Role},
    },
    runtime,
};

pub(super) fn run(common: &Common, args: &Run) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let mut loaded = setup.config(common)?;
    let book = find(Some(&loaded), &args.name)?;
    let mut given = BTreeMap::new();
    for pair in &args.params {
        let (name, value) = pair.split_once('=').ok_or_else(|| eyre!("--param {pair}: it is no NAME=VALUE"))?;
        given.insert(name.to_owned(), value.to_owned());
    }
    let place = Place::read(common, &loaded.inventory, &args.on)?;
    let one = args.step.as_deref().map(|called| {
        book.step(called).ok_or_else(|| {
            let known: Vec<String> = book.numbered().map(|step| step.id.clone()).collect();
            eyre!("{} has no step `{called}`\n  there are: {}", book.name, known.join(", "))
        })
    });
    match one.transpose()? {
        Some(step) if step.mode == Mode::Change => {
            let Some(service) = &place.service else {
                return Err(eyre!("`{}` changes something: name the service, --on SERVICE@ENV", step.name));
            };
            let order = Order { task: runbooks::task(&book.name, &step.id), settings: given, file: None };
            let meant = Meant { service: service.to_string(), leave: args.leave.clone() };
            let consent = Consent { meant, how: args.how.clone(), beside: args.incident.clone() };
            // A file that the configuration does not name is planned from all the same, and takes the place of its namesake.
            loaded.inventory.runbooks.retain(|known| known.name != book.name);
            loaded.inventory.runbooks.push(Arc::new(book.clone()));
            change::change_with(common, &consent, (setup, loaded), |_| Ok(Wanted::Task(order)))
        }
        Some(step) if step.mode == Mode::Undo => {
            Err(eyre!("`{}` is a way back: it runs where the change above it is taken back", step.name))
        }
        Some(step) => looks(&setup, common, &loaded, (&book, &[step]), (&place, &given, args)),
        None => {
            let all: Vec<&Step> = book.numbered().collect();
            looks(&setup, common, &loaded, (&book, &all), (&place, &given, args))
        }
    }
}

/// What came of a step: what hosts answered, or why nobody was asked.
type Came<'a> = (&'a Step, Result<Vec<Seen>, String>);

/// Runs the steps that only look, one after the other; what changes is named, and not run.
fn looks(
    setup: &Setup,
    common: &Common,
    loaded: &Loaded,
    (book, steps): (&Runbook, &[&Step]),
    (place, given, args): (&Place, &BTreeMap<String, String>, &Run),
) -> color_eyre::Result<Exit> {
    let Some(env) = &place.env else {
        return Err(eyre!("the host is in no environment: nothing is run there"));
    };
    if let Err(refused) = gate::may(&loaded.inventory, env, &setup.actor.by, Role::Responder) {
        setup::warn(&refused.to_string());
        return Ok(Exit::Refused);
    }
    let mut notes = Notes::open(setup, loaded, args.incident.as_deref(), env)?;
    let remote: setup::SharedRemote = setup.remote(loaded, false);
    let redact = setup::log_rules(loaded).redact;
    let mut came: Vec<Came<'_>> = Vec::new();
    for step in steps {
        let seen = if step.mode == Mode::Read {
            let look = Look::new(book, step, given);
            let hosts = place.hosts(&loaded.inventory, step);
            look.and_then(|look| Ok((look, hosts?))).map(|(look, hosts)| {
                let known = hosts.iter().filter_map(|host| loaded.inventory.host(host));
                let ask = |host| runtime::runbooks::look(remote.as_ref(), host, &look, Arc::clone(&redact));
                setup.runtime.block_on(join_all(known.map(|host| ask(host))))
            })
        } else {
            let number = book.number(&step.id).unwrap_or(0);
            Err(format!("it changes something: --step {number}, once you have read it with --dry-run"))
        };
        // What is said was written down before.
        if let Ok(seen) = &seen {
            notes.write(setup, (book, step), seen);
        }
        came.push((step, seen));
        if !common.json
            && let Some(last) = came.last()
        {
            setup::print(&text(book, last))?;
        }
    }
    if common.json {
        let data = came.iter().map(|came| to_json(book, came, notes.incident())).collect();
        setup::print_json("qd.runbook.run/1", setup.clock.as_ref(), data)?;
    }
    Ok(if notes.lost && exit(&came) == Exit::Ok { Exit::Unknown } else { exit(&came) })
}

/// The worst counts: what is not as it must be before what nobody knows.
fn exit(came: &[Came<'_>]) -> Exit {
    let looks = || came.iter().filter(|(step, _)| step.mode == Mode::Read);
    let seen = || looks().filter_map(|(_, seen)| seen.as_ref().ok()).flatten();
    if seen().any(|seen| seen.met == Some(false)) {
        Exit::Down
    } else if looks().any(|(_, seen)| seen.is_err()) || seen().any(|seen| seen.met.is_none()) {
        Exit::Unknown
    } else {
        Exit::Ok
    }
}

fn text(book: &Runbook, (step, seen): &Came<'_>) -> String {
    let mut text = format!("{} {}\n", book.number(&step.id).unwrap_or(0), step.name);
    match seen {
        Err(why) => text.extend(["  not run: ", why, "\n"]),
        Ok(seen) => {
            for seen in seen {
                let why = if seen.why.is_empty() { String::new() } else { format!(": {}", seen.why) };
                text.extend(["  ", seen.host.as_str(), ": ", seen.word(), &why, "\n"]);
                text.extend(seen.head.iter().map(|line| format!("    {line}\n")));
            }
        }
    }
    text
}

fn to_json(book: &Runbook, (step, seen): &Came<'_>, incident: Option<String>) -> Value {
    let host = |seen: &Seen| {
        json!({
            "host": seen.host, "exit": seen.exit, "met": seen.met, "why": seen.why, "sha256": seen.sha256, "output": seen.head,
        })
    };
    json!({
        "number": book.number(&step.id), "id": step.id, "name": step.name, "mode": step.mode.word(),
        "incident": incident.filter(|_| seen.is_ok()), "not_run": seen.as_ref().err(),
        "hosts": seen.as_ref().map(|seen| seen.iter().map(host).collect::<Vec<_>>()).unwrap_or_default(),
    })
}
