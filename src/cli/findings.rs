//! `qd findings`: what the scanner found, as whoever records was told.
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        State,
        findings::{Finding, Found, host_of},
        id::ServiceId,
        screen::findings::{place, standing},
        time::{DAY, Timestamp},
    },
    parse::sanitise,
    store::IfMissing,
};

/// What `qd findings` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also what is fixed, or no longer told
    #[arg(long)]
    all: bool,
}

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let now = setup.clock.now().utc;
    if loaded.inventory.scanner.is_none() {
        return Err(color_eyre::eyre::eyre!(
            "no scanner is configured\n  add `[qualys]` with base_url, user and password, then qd check --connect"
        ));
    }
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let state = stored::read(&setup, &loaded, store.as_mut(), now - DAY)?;
    let of_env = |services: &[ServiceId]| {
        common.env.as_deref().is_none_or(|env| services.iter().any(|service| service.env.as_str() == env))
    };
    let all = state.findings.listed().map(|(_, of)| (of, place(&state, of)));
    let shown: Vec<_> = all.filter(|(of, (_, services))| (args.all || of.is_open()) && of_env(services)).collect();
    if common.json {
        let rows: Vec<_> = shown.iter().map(|(of, (_, services))| to_json(of, services, &state)).collect();
        let data = json!({ "pull": pull(&state, now), "findings": rows });
        setup::print_json("qd.findings/1", setup.clock.as_ref(), data)?;
        return Ok(Exit::Ok);
    }
    let mut table =
        vec![["SEV", "PCI", "HOST", "QID", "WHAT", "STATE", "FIRST", "LAST", "SERVICE"].map(str::to_owned).to_vec()];
    for (of, (host, services)) in &shown {
        let day = |at: Option<Timestamp>| {
            at.and_then(Timestamp::to_utc).map_or_else(|| "?".to_owned(), |at| at.format("%Y-%m-%d").to_string())
        };
        let severity = of.severity.map_or_else(|| "?".to_owned(), |severity| severity.to_string());
        let pci = of.pci().map_or("?", |fails| if fails { "fail" } else { "" });
        let known = matches!(host_of(of, &state.inventory), Found::Host(_));
        let host = if known { host.clone() } else { format!("{host} (?)") };
        let services = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let row =
            [severity, pci.to_owned(), host, of.qid.to_string(), of.title(), standing(of), day(of.first), day(of.last)];
        table.push(row.into_iter().chain([services]).map(sanitise::line).collect());
    }
    if !shown.is_empty() {
        setup::print(&setup::table(&table))?;
    }
    setup::print(&format!("{}\n", sanitise::line(words(&state, shown.len(), now))))?;
    Ok(Exit::Ok)
}

fn words(state: &State, shown: usize, now: Timestamp) -> String {
    let (Some(pull), Some(scanner)) = (state.findings.pull(), &state.inventory.scanner) else {
        return "the scanner was not asked yet: whoever records asks it (qd watch)".to_owned();
    };
    let next = pull.next(scanner).map_or_else(
        || "it is not tried again by itself: mend the login first".to_owned(),
        |at| if at <= now { "the next pull is due".to_owned() } else { format!("next pull at {}", at.rfc3339()) },
    );
    let wrong = pull.wrong().map_or_else(String::new, |why| format!(", and did not tell all: {why}"));
    format!("{}, asked {}{wrong}; {next}", setup::many(shown, "finding"), pull.at.rfc3339())
}

fn pull(state: &State, now: Timestamp) -> serde_json::Value {
    let (Some(pull), Some(scanner)) = (state.findings.pull(), &state.inventory.scanner) else {
        return serde_json::Value::Null;
    };
    json!({
        "at": pull.at.rfc3339(), "whole": pull.wrong().is_none(), "why": pull.wrong(), "age_ms": pull.age(now),
        "next": pull.next(scanner).map(Timestamp::rfc3339), "calls_left": pull.remaining, "notes": pull.notes,
    })
}

fn to_json(of: &Finding, services: &[ServiceId], state: &State) -> serde_json::Value {
    let (host, matched) = match host_of(of, &state.inventory) {
        Found::Host(host) => (Some(host), "host"),
        Found::Nowhere => (None, "none"),
        Found::Unclear => (None, "several"),
    };
    let vuln = of.vuln.as_ref();
    json!({
        "key": of.key, "qid": of.qid, "severity": of.severity, "sure": of.sure, "status": of.status.word(),
        "open": of.is_open(), "gone_since": of.gone.map(Timestamp::rfc3339), "title": vuln.and_then(|vuln| vuln.title.clone()),
        "pci": of.pci(), "cves": vuln.map(|vuln| vuln.cves.clone()), "patchable": vuln.and_then(|vuln| vuln.patchable),
        "score": of.score, "port": of.port, "protocol": of.protocol, "host": host, "matched": matched,
        "services": services, "ip": of.asset.ip, "dns": of.asset.dns, "name": of.asset.name,
        "first_found": of.first.map(Timestamp::rfc3339), "last_found": of.last.map(Timestamp::rfc3339),
    })
}
