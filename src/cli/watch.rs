//! `qd watch`: the same engine without a screen. It records, puts measurements to rules, opens incidents.
use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    core::{State, record::Recorder, services::Health},
    runtime::{
        engine::{self, Engine},
        front::Front,
    },
    store::IfMissing,
};

/// What `qd watch` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// Serve Prometheus metrics and /healthz here, as in 127.0.0.1:9469
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
}

/// Bytes of log lines that are held for the rules about them.
const WATCH_BYTES: usize = 64 << 20;

pub(super) fn run(common: &Common, args: &Watch) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let store = Setup::store(&loaded, IfMissing::Create).map_err(|error| error.report())?;
    let pool = setup.remote(&loaded, false);
    let options =
        engine::Options { logs: Some(setup.logs(&loaded, WATCH_BYTES)), ..setup.options(&loaded, true, true) };
    let problems: Vec<String> = loaded.problems.iter().map(crate::config::Problem::one_line).collect();
    for problem in &problems {
        setup::warn(problem);
    }
    setup.runtime.block_on(async {
        let remote: setup::SharedRemote = Arc::clone(&pool) as setup::SharedRemote;
        let mut engine = Engine::new(options, Ok(store), remote, Arc::clone(&setup.clock), &setup.tasks);
        engine.adopt(Arc::new(loaded.inventory.clone()), problems);
        engine.read_logs();
        let (publish, page) = watch::channel((String::new(), false));
        if let Some(address) = args.metrics {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                let is = |kind| error.kind() == kind;
                let help = if is(std::io::ErrorKind::AddrInUse) {
                    "another program listens there, perhaps another `qd watch`: end it, or name another port"
                } else if is(std::io::ErrorKind::AddrNotAvailable) {
                    "this machine has no such address: try 127.0.0.1"
                } else if is(std::io::ErrorKind::PermissionDenied) {
                    "ports below 1024 are root's: name one above"
                } else {
                    "name another address or port"
                };
                color_eyre::eyre::eyre!("cannot serve metrics on {address}: {error}\n  {help}")
            })?;
            setup.tasks.spawn("metrics", serve(listener, page, setup.tasks.clone())).detach();
        }
        setup::print(&format!("{}\n", watching(&loaded.inventory)))?;
        let (mut term, mut int, mut hup) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
        let mut said: Option<Recorder> = None;
        let mut published = 0;
        loop {
            let turn = tokio::select! {
                turn = engine.turn() => turn,
                _ = term.recv() => break,
                _ = int.recv() => break,
                _ = hup.recv() => {
                    reload(&setup, &loaded, &pool, &mut engine);
                    continue;
                }
            };
            if turn.front.contains(&Front::Quit) {
                break;
            }
            if said.as_ref() != Some(&engine.state.recorder) {
                said = Some(engine.state.recorder.clone());
                setup::print(&format!("{}\n", recorder_words(&engine.state.recorder)))?;
            }
            if let Some(message) = engine.state.screen.message.take() {
                setup::print(&format!("{} {}\n", message.at.utc.rfc3339(), message.text))?;
            }
            let second = setup.clock.now().utc.0 / 1_000;
            if args.metrics.is_some() && second != published {
                published = second;
                let alive = !matches!(engine.state.recorder, Recorder::Nobody { .. });
                publish.send_replace((metrics(&engine.state, engine.post().replaced()), alive));
            }
        }
        engine.stop();
        color_eyre::Result::<()>::Ok(())
    })?;
    setup.tasks.cancel();
    Ok(Exit::Ok)
}

fn reload(setup: &Setup, loaded: &crate::config::Loaded, pool: &crate::remote::ssh::Pool, engine: &mut Engine) {
    let Some(path) = loaded.files.first() else { return };
    let fresh = setup::load(path, &setup.env);
    if !fresh.usable || fresh.has_errors() {
        setup::warn("the configuration in use stays:");
        setup::warn(&crate::config::check_text(&fresh.problems));
        return;
    }
    pool.set_hosts(&fresh.inventory.hosts);
    let problems: Vec<String> = fresh.problems.iter().map(crate::config::Problem::one_line).collect();
    for problem in &problems {
        setup::warn(problem);
    }
    setup::warn(&format!("configuration read again: {}", watching(&fresh.inventory)));
    engine.log_rules(setup::log_rules(&fresh));
    engine.adopt(Arc::new(fresh.inventory), problems);
}

fn watching(inventory: &crate::core::inventory::Inventory) -> String {
    let (services, hosts) = (inventory.services.len(), inventory.hosts.len());
    format!("watching {} and {}", setup::many(services, "service"), setup::many(hosts, "host"))
}

fn recorder_words(recorder: &Recorder) -> String {
    match recorder {
        Recorder::Opening => "opening the store".into(),
        Recorder::Me { epoch } => format!("recording, epoch {epoch}"),
        Recorder::Other { owner } => format!("standing by: {owner} records"),
        Recorder::Nobody { why } => format!("nothing is recorded: {why}"),
    }
}

/// Writes the metrics in Prometheus' text format.
fn metrics(state: &State, replaced: u64) -> String {
    let mut text = String::new();
    let mut write = |line: std::fmt::Arguments<'_>| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    write(format_args!("# HELP qd_recording Whether this process records.\n# TYPE qd_recording gauge"));
    write(format_args!("qd_recording {}", u8::from(matches!(state.recorder, Recorder::Me { .. }))));
    write(format_args!(
        "# HELP qd_service_up 1 up or degraded, 0 down; absent while unknown.\n# TYPE qd_service_up gauge"
    ));
    for service in state.services.services() {
        let value = match service.health {
            Health::Up | Health::Degraded => 1,
            Health::Down => 0,
            Health::Maintenance | Health::Unknown => continue,
        };
        let id = service.id();
        write(format_args!(
            "qd_service_up{{service=\"{}\",env=\"{}\"}} {value}",
            label(id.service.as_str()),
            label(id.env.as_str())
        ));
    }
    let counts = state.services.services().flat_map(|service| &service.checks).filter(|check| check.last.is_some());
    write(format_args!("# HELP qd_checks_answered Checks with at least one result.\n# TYPE qd_checks_answered gauge"));
    write(format_args!("qd_checks_answered {}", counts.count()));
    write(format_args!("# HELP qd_alerts_firing Alerts that fire.\n# TYPE qd_alerts_firing gauge"));
    write(format_args!("qd_alerts_firing {}", state.alerts.firing().count()));
    write(format_args!("# HELP qd_incidents_open Incidents that are not resolved.\n# TYPE qd_incidents_open gauge"));
    write(format_args!("qd_incidents_open {}", state.incidents.open().count()));
    write(format_args!(
        "# HELP qd_readings_replaced_total Readings that were replaced by newer ones before they were handled.\n# TYPE qd_readings_replaced_total counter"
    ));
    write(format_args!("qd_readings_replaced_total {replaced}"));
    text
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Answers /metrics and /healthz, one request a connection.
async fn serve(listener: TcpListener, page: watch::Receiver<(String, bool)>, tasks: crate::tasks::Tasks) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let page = page.clone();
        tasks
            .spawn("metrics request", async move {
                let mut request = vec![0; 4_096];
                let read = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read(&mut request)).await;
                let Ok(Ok(length)) = read else { return };
                let head = String::from_utf8_lossy(request.get(..length).unwrap_or_default()).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (metrics, alive) = page.borrow().clone();
                let (status, kind, body) = match path {
                    "/metrics" => ("200 OK", "text/plain; version=0.0.4", metrics),
                    "/healthz" if alive => ("200 OK", "text/plain", "ok\n".to_owned()),
                    "/healthz" => ("503 Service Unavailable", "text/plain", "nothing is recorded\n".to_owned()),
                    _ => ("404 Not Found", "text/plain", "try /metrics or /healthz\n".to_owned()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
                drop(stream.shutdown().await);
            })
            .detach();
    }
}
