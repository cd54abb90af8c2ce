//! Every view and every box of the console, for what draws all of them and for what presses every key in all of them.
use std::sync::Arc;

use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    alerts::{Alert, AlertEvent, AlertEventKind, Severity},
    hosts::{LinkFault, Question},
    incidents::{
        IncidentAction,
        policy::{Contact, Member, Team},
    },
    record::Row,
    runs::{self, Wanted, sudo::SudoMsg},
    screen::Draft,
    time::MINUTE,
};

use crate::{
    audits, deploys,
    night::{AT, Night, id},
    outboxes, papers, pipes,
    rollout::{self, Rollout},
    scans, works,
};

/// The alert of Play is another's, and is asked for all the same.
pub(crate) fn taken() -> Night {
    let mut night = Night::new();
    let of_play = |alert: &&Alert| night.state.alerts.service_of(&alert.target) == Some(id("Play"));
    let worst = night.state.alerts.firing().filter(of_play).min_by_key(|alert| (alert.severity, alert.since));
    let worst = worst.map(|alert| alert.uid).unwrap();
    let (until, reason) = (AT + 21 * MINUTE, Some("the partner is called: no answer yet".to_owned()));
    let kind = AlertEventKind::Acknowledged { until, reason, over: Some("op1".into()) };
    night.commit(vec![Row::Alert(AlertEvent { alert: worst, at: night.now.utc, by: "leo".into(), kind })]);
    night.act(&[Action::AcknowledgeAlert]);
    night
}

/// A box about an incident that somebody has thought about, of which another one is open, and whose team has a vendor.
fn asks(action: IncidentAction) -> Night {
    let mut night = Night::new();
    let mut inventory = (*night.state.inventory).clone();
    let member = |name: &str, phone: Option<&str>| Member {
        name: name.into(),
        mail: Some(format!("{name}@acme.example")),
        phone: phone.map(Into::into),
    };
    let members = vec![member("op1", None), member("ben", Some("+49 30 1234")), member("leo", None)];
    inventory.policy.teams = vec![Team { name: inventory.policy.of(Severity::P1).team.clone(), members }];
    inventory.policy.contacts = vec![Contact {
        name: "Edge".into(),
        role: "CDN".into(),
        reach: "+49 30 9876".into(),
        responds_ms: Some(30 * MINUTE.unsigned_abs()),
        services: Vec::new(),
    }];
    night.tell(Msg::InventoryReplaced { inventory: Arc::new(inventory), problems: Vec::new() });
    night.words("P3 the pictures of channels are slow");
    let mut night = night.diagnosed();
    night.act(&[Action::Incident(action)]);
    if action == IncidentAction::Escalate {
        // Past whoever is of the team, to the vendor.
        night.act(&[Action::Move(Motion::Left)]);
    }
    night
}

/// Opening an incident in one's own words.
pub(crate) fn in_words() -> Night {
    let mut night = Night::new();
    night.act(&[Action::OpenInWords]);
    night.types(Draft::Note, "P2 streams stutter since the new build");
    night
}

/// Every view and every box, by name.
pub(crate) fn places() -> Vec<(&'static str, Night)> {
    use Action::{
        ArmWrite, FilterRows, FocusPane, GoAlerts, GoHosts, GoIncidents, GoMessages, GoOverview, GoRuns,
        OpenActionMenu, OpenHelp, OpenPalette, OpenSelected, WriteUpdate,
    };
    let after = |mut night: Night, actions: &[Action]| {
        night.act(actions);
        night
    };
    let at = |actions: &[Action]| after(Night::new(), actions);
    let lost = |host: &str, fault, reason: &str, question: Option<Question>| {
        let mut night = Night::new();
        night.stale(host, fault, reason, question.clone());
        night.pass(42);
        if let Some(question) = question {
            night.tell(Msg::HostAsked { host: host.into(), question });
        }
        night
    };
    let mut update = at(&[WriteUpdate]);
    update.types(
        Draft::Update,
        "Streams fail to start for some people. We restart a part of it now -- the stream process on play-01",
    );
    let mut found = at(&[OpenPalette]);
    found.types(Draft::Palette, "play");
    let key = Question::UnknownHostKey {
        pattern: "api-02.acme.example".into(),
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:tVbpjBQXpRBlw5cWmZWtUQDlpsFC7DdHyr4TeHQkqTk".into(),
        line: "api-02.acme.example ssh-ed25519 AAAA".into(),
    };
    let mut passphrase = lost(
        "api-01",
        LinkFault::Auth,
        "the key is encrypted",
        Some(Question::Passphrase { identity: "~/.ssh/id_ed25519".into() }),
    );
    passphrase.types(Draft::Passphrase, "•••••");
    let mut sudo = Night::new();
    sudo.state.runs.planning = Some((id("Play"), Wanted::Restart));
    let (service, hosts) = (id("Play"), vec!["play-01".into(), "play-02".into()]);
    sudo.tell(Msg::Runs(runs::Msg::Sudo(SudoMsg::Needed { service, hosts })));
    sudo.types(Draft::Passphrase, "•••••");
    vec![
        ("overview", Night::new()),
        ("calm", Night::calm()),
        ("empty", Night::empty()),
        ("service", at(&[OpenSelected])),
        ("hosts", at(&[GoHosts])),
        ("host", at(&[GoHosts, OpenSelected])),
        ("host-old", at(&[GoHosts, Action::Move(Motion::Down), Action::Move(Motion::Down), OpenSelected])),
        ("alerts", at(&[GoAlerts])),
        ("no-alerts", after(Night::calm(), &[GoAlerts])),
        ("incidents", at(&[GoIncidents])),
        ("incident", at(&[GoIncidents, OpenSelected])),
        ("incident-diagnosed", Night::new().diagnosed()),
        ("classify", after(Night::new(), &[GoIncidents, OpenSelected, Action::Incident(IncidentAction::Classify)])),
        ("leave-phase", after(Night::new(), &[GoIncidents, OpenSelected, Action::Incident(IncidentAction::NextPhase)])),
        ("write-up", {
            let mut night = after(Night::new().diagnosed(), &[Action::Incident(IncidentAction::WriteSection)]);
            night.types(Draft::Form, "2.31.0 opens a file for each stream and closes none");
            night
        }),
        ("judge", asks(IncidentAction::Judge)),
        ("hypothesis", asks(IncidentAction::AddHypothesis)),
        ("give-duty", asks(IncidentAction::GiveDuty)),
        ("escalate", asks(IncidentAction::Escalate)),
        ("onset", asks(IncidentAction::SetOnset)),
        ("correct-time", asks(IncidentAction::CorrectTime)),
        ("task", {
            let mut night = asks(IncidentAction::AddTask);
            night.types(Draft::Form, "2026-12-01 alert on the size of the pool");
            night
        }),
        ("link", asks(IncidentAction::Link)),
        ("split", asks(IncidentAction::Split)),
        ("rename", asks(IncidentAction::Rename)),
        ("open-in-words", in_words()),
        ("note", at(&[GoHosts, Action::AddNote])),
        ("document", papers::night()),
        ("document-section", papers::writing()),
        ("replay", papers::replay()),
        ("replay-seek", papers::seeking()),
        ("handover", papers::handover()),
        ("handover-sign", papers::signing()),
        ("suspects", crate::suspected::night()),
        ("runbook", crate::booked::night()),
        ("runbook-values", crate::booked::values()),
        ("suspects-difference", crate::suspected::difference()),
        ("suspects-file", crate::suspected::file()),
        ("suspects-none", crate::suspected::nothing()),
        ("runs", after(Night::new().ended(), &[GoRuns])),
        ("no-runs", at(&[GoRuns])),
        ("run", Night::new().run()),
        ("run-ended", Night::new().ended()),
        ("run-grid", Rollout::live(6).night()),
        ("run-many", Rollout::live(20).night()),
        ("run-output", {
            let mut night = Rollout::live(6).night();
            night.act(&[OpenSelected]);
            night
        }),
        ("run-snapshot", Rollout::snapshot().night()),
        ("run-staging", Rollout::staging().night()),
        ("run-baking", Rollout::baking().night()),
        ("run-unknown", Rollout::unknown().night()),
        ("run-link-lost", {
            let mut night = Rollout::live(6).night();
            let run = *night.state.runs.runs.keys().next_back().unwrap();
            let how = "play-02: no answer to keep-alive; the run may go on there, trying again".to_owned();
            night.tell(Msg::Runs(runs::Msg::LinkLost { run, host: "play-02".into(), how }));
            night
        }),
        ("comes-back", after(Rollout::left().night(), &[GoOverview])),
        ("run-recovered", Rollout::proved(true).night()),
        ("run-not-recovered", Rollout::proved(false).night()),
        ("deploy", deploys::chosen()),
        ("deploy-path", deploys::path()),
        ("deploy-reading", deploys::reading()),
        ("run-search", {
            let mut night = Rollout::live(6).night();
            night.act(&[Action::SearchOutput]);
            night.types(Draft::Search, "reload");
            night.act(&[Action::Confirm, Action::PreviousFound]);
            night
        }),
        ("review-rollback", rollout::review()),
        ("review-second", rollout::second()),
        ("approve", rollout::approval()),
        ("audit", audits::log(None)),
        ("audit-broken", audits::log(Some(343))),
        ("no-audit", audits::empty()),
        ("findings", scans::found()),
        ("findings-refused", scans::refused()),
        ("findings-incident", scans::opened()),
        ("no-findings", scans::none()),
        ("pipeline", pipes::waits()),
        ("pipeline-failed", pipes::failed()),
        ("pipeline-silent", pipes::silent()),
        ("pipeline-never", pipes::never()),
        ("pipeline-version", pipes::version()),
        ("pipeline-review", pipes::review()),
        ("pipeline-unknown", pipes::unknown()),
        ("maintenance", works::planned()),
        ("maintenance-add", works::adding("01:00")),
        ("maintenance-refused", works::adding("30h")),
        ("maintenance-end", works::ending()),
        ("no-maintenance", works::none()),
        ("outbox", outboxes::waiting()),
        ("outbox-edit", outboxes::editing()),
        ("outbox-drop", outboxes::dropping()),
        ("no-outbox", outboxes::empty()),
        ("messages", after(Night::new().run(), &[GoMessages])),
        ("help", at(&[FocusPane(3), OpenHelp])),
        ("palette", found),
        ("menu", at(&[OpenActionMenu])),
        ("filter", at(&[FilterRows])),
        ("update", update),
        ("update-proposed", at(&[WriteUpdate])),
        ("update-whole", at(&[WriteUpdate, Action::Confirm])),
        ("arm", at(&[ArmWrite])),
        ("review", Night::new().review()),
        ("alert-taken", taken()),
        ("host-key", lost("api-01", LinkFault::HostKey, "its key is not known", Some(key))),
        ("passphrase", passphrase),
        ("sudo", sudo),
        ("link-lost", lost("jump", LinkFault::Timeout, "no answer within 10 s", None)),
    ]
}
