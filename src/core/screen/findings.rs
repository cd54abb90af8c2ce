//! What a person does about what the scanner found: look at it, open an incident for it.
use std::sync::Arc;

use super::{Pane, RowKey, View, act, pin};
use crate::core::{
    Effect, State,
    alerts::Severity,
    findings::{Finding, Found, host_of, services_on},
    id::{HostName, ServiceId, Uid},
    incidents::{self, Impact, IncidentEventKind, Urgency},
    time::{DAY, Now, Timestamp},
};

/// The type of the incidents that are opened for findings.
const CLASS: &str = "vulnerability";

/// The finding under the cursor.
pub fn under(state: &State) -> Option<Arc<Finding>> {
    match state.screen.cursor(Pane::Findings) {
        Some(RowKey::Finding(key)) if state.screen.view == View::Findings => state.findings.finding(key).cloned(),
        _ => None,
    }
}

/// The host under the cursor, where it is one of those that are configured.
pub(super) fn host(state: &State) -> Option<HostName> {
    match host_of(&*under(state)?, &state.inventory) {
        Found::Host(host) => Some(host),
        Found::Nowhere | Found::Unclear => None,
    }
}

/// Names where a finding is: the host as it is configured, else as the scanner knows it.
pub fn place(state: &State, finding: &Finding) -> (String, Vec<ServiceId>) {
    match host_of(finding, &state.inventory) {
        Found::Host(host) => (host.to_string(), services_on(&host, &state.inventory)),
        Found::Nowhere | Found::Unclear => (finding.asset.label(), Vec::new()),
    }
}

/// Returns a finding in a line: what a filter searches and what a copy takes.
pub(super) fn words(state: &State, finding: &Finding) -> String {
    let (place, services) = place(state, finding);
    let severity = finding.severity.map_or_else(|| "?".to_owned(), |severity| severity.to_string());
    let pci = if finding.pci() == Some(true) { " PCI" } else { "" };
    let services = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (standing, title) = (standing(finding), finding.title());
    format!("{severity}{pci} {place} {services} QID {} {title} {standing}", finding.qid)
}

/// Says how a finding stands.
pub fn standing(finding: &Finding) -> String {
    match finding.gone {
        Some(_) => "no longer told".to_owned(),
        None => finding.status.word().to_owned(),
    }
}

/// Returns all about a finding, as it is kept as evidence: label and text.
pub fn facts(state: &State, finding: &Finding) -> Vec<(&'static str, String)> {
    let moment = |at: Option<Timestamp>| at.map_or_else(|| "?".to_owned(), Timestamp::rfc3339);
    let mut facts = Vec::new();
    let (sure, score) = (finding.sure.as_deref().unwrap_or("?"), finding.score);
    let severity = finding.severity.map_or_else(|| "?".to_owned(), |severity| format!("{severity} of 5"));
    let score = score.map_or_else(String::new, |score| format!(", score {score} of 100"));
    let title = finding.vuln.as_ref().and_then(|vuln| vuln.title.as_deref()).unwrap_or("its title is not known");
    facts.push(("finding", format!("QID {}: {title}", finding.qid)));
    facts.push(("severity", format!("{severity}, {}{score}", sure.to_lowercase())));
    let vuln = finding.vuln.as_ref();
    let pci = match finding.pci() {
        Some(true) => "fails PCI",
        Some(false) => "no matter of PCI",
        None => "PCI: ?",
    };
    let patch = match vuln.and_then(|vuln| vuln.patchable) {
        Some(true) => "there is a patch",
        Some(false) => "there is no patch",
        None => "patch: ?",
    };
    let cves = vuln.map(|vuln| vuln.cves.join(" ")).filter(|cves| !cves.is_empty());
    facts.push(("library", format!("{pci}, {patch}, {}", cves.unwrap_or_else(|| "CVE: ?".to_owned()))));
    let asset = &finding.asset;
    let known = [&asset.dns, &asset.name, &asset.ip].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
    let port = match (finding.port, &finding.protocol) {
        (Some(port), Some(protocol)) => format!(", port {port}/{protocol}"),
        (Some(port), None) => format!(", port {port}"),
        (None, _) => String::new(),
    };
    let (place, services) = place(state, finding);
    let ours = match host_of(finding, &state.inventory) {
        Found::Host(_) => place,
        Found::Nowhere => "no host of the configuration".to_owned(),
        Found::Unclear => "several hosts of the configuration fit".to_owned(),
    };
    facts.push(("where", format!("{ours}{port}; at Qualys {}", known.join(" "))));
    if !services.is_empty() {
        let named: Vec<String> = services.iter().map(ToString::to_string).collect();
        facts.push(("services", named.join(" ")));
    }
    let gone =
        finding.gone.map(|at| format!("; no longer told since {}: whether it is fixed it does not say", at.rfc3339()));
    let (first, last) = (moment(finding.first), moment(finding.last));
    let standing = standing(finding);
    facts.push(("found", format!("{standing}, first {first}, last {last}{}", gone.unwrap_or_default())));
    facts
}

/// What is kept of a finding as evidence: what it is, where it is from, and all about it.
pub(super) fn evidence(state: &State) -> Option<(String, String, String)> {
    let finding = under(state)?;
    let pulled = state.findings.pull().map_or_else(|| "?".to_owned(), |pull| pull.at.rfc3339());
    let source = format!("Qualys, finding {}, asked {pulled}", finding.key);
    let lines: Vec<String> =
        facts(state, &finding).into_iter().map(|(label, text)| format!("{label}: {text}")).collect();
    Some(("a finding".to_owned(), source, lines.join("\n")))
}

/// Opens an incident for the finding under the cursor, or goes to the one that is open.
pub(super) fn open(state: &mut State, finding: &Finding, now: Now) -> Vec<Effect> {
    let (place, services) = place(state, finding);
    let begin = format!("{place}: QID {}", finding.qid);
    // Its title may have come to be known since.
    let is_its = |title: &str| title.strip_prefix(&begin).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    let same = |of: &&incidents::Incident| of.is_in_hand() && is_its(&of.title);
    if let Some(uid) = state.incidents.incidents.values().find(same).map(|of| of.uid) {
        return act::go(state, View::Incident(uid), now);
    }
    let title = finding.vuln.as_ref().and_then(|vuln| vuln.title.clone());
    let title = title.map_or_else(|| begin.clone(), |title| format!("{begin}: {title}"));
    // Of a day there is one, whoever opens it; one that was resolved is another.
    let before = state.incidents.incidents.values().filter(|of| is_its(&of.title)).count();
    let incident = Uid::of(&format!("finding {} {} {before}", finding.key, now.utc.0 / DAY));
    let (severity, urgency) = match finding.severity {
        Some(5..) => (Severity::P2, Urgency::Soon),
        Some(4) => (Severity::P3, Urgency::Soon),
        Some(_) | None => (Severity::P4, Urgency::Later),
    };
    let affected = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let affected =
        if affected.is_empty() { "no service is known there".to_owned() } else { format!("there: {affected}") };
    let words = format!("vulnerable, {affected}; whether somebody used it is not known");
    let is_there = state.inventory.policy.classes.iter().any(|class| class.name == CLASS);
    let class = is_there.then(|| IncidentEventKind::Classified {
        class: CLASS.to_owned(),
        impact: Impact::Nobody,
        urgency,
        words,
    });
    let kept = pin::evidence(state).map(|(_, kind)| kind).into_iter().chain(class).collect();
    // Where several run, none of them is the one that it is about.
    let service = if let [only] = services.as_slice() { Some(only.clone()) } else { None };
    let msg = incidents::Msg::OpenedByHand { incident, title, severity, service, kept };
    state.incidents_update(msg, now, Some("opening the incident"))
}
