//! `qd import`: past days from another tool, marked as imported.
use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    config::secret,
    core::{id::ServiceId, record::Row},
    import::{self, Ask, Map},
    remote::http::Trust,
    store::IfMissing,
};

/// What `qd import` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// From where: prometheus or uptimerobot
    from: String,
    /// Address of the other side
    #[arg(long)]
    url: Option<String>,
    /// Days before today
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// The query, for Prometheus
    #[arg(long)]
    query: Option<String>,
    /// The label, or monitor's field, that names the service
    #[arg(long, value_name = "LABEL", conflicts_with = "service")]
    map: Option<String>,
    /// Everything belongs to this service, as SERVICE@ENV
    #[arg(long, value_name = "SERVICE@ENV")]
    service: Option<ServiceId>,
    /// A name over there and its service here; may be given several times
    #[arg(long = "name", value_name = "THERE=SERVICE@ENV")]
    names: Vec<String>,
    /// The token, by reference as in env:NAME; never the token itself
    #[arg(long, value_name = "REFERENCE")]
    token: Option<String>,
    /// Say what would be imported, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Time for one answer: a quarter of a year is a long query.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows in one transaction.
const AT_ONCE: usize = 1_000;

pub(super) fn run(common: &Common, args: &Import) -> color_eyre::Result<Exit> {
    let importer = import::importer(&args.from)?;
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let names = args.names.iter().map(|pair| name(pair)).collect::<color_eyre::Result<BTreeMap<_, _>>>()?;
    let report = setup.runtime.block_on(async {
        let secret = match &args.token {
            Some(reference) => Some(secret::resolve(reference, &setup.env, Duration::from_secs(10)).await?),
            None => None,
        };
        let ask = Ask {
            url: args.url.clone(),
            days: args.days,
            now: setup.clock.now().utc,
            zone: loaded.inventory.display.timezone,
            services: loaded.inventory.services.iter().map(|service| service.id.clone()).collect(),
            env: common.env.as_deref().map(Into::into),
            map: match (&args.map, &args.service) {
                (Some(label), _) => Map::Label(label.clone()),
                (None, Some(service)) => Map::To(service.clone()),
                (None, None) => Map::Usual,
            },
            names,
            query: args.query.clone(),
            secret,
            trust: Trust::system(),
            timeout: PATIENCE,
        };
        color_eyre::Result::<_>::Ok(importer.import(&ask).await?)
    })?;
    if !args.dry_run && !report.buckets.is_empty() {
        let mut store = Setup::store(&loaded, IfMissing::Create).map_err(|error| error.report())?;
        for rows in report.buckets.chunks(AT_ONCE) {
            let rows: Vec<Row> = rows.iter().cloned().map(Row::Bucket).collect();
            store.commit(&rows, None).map_err(|error| error.report())?;
        }
    }
    if common.json {
        let data = json!({
            "source": importer.name(),
            "days": report.days,
            "services": report.services,
            "buckets": report.buckets.len(),
            "written": !args.dry_run,
            "skipped": report.skipped.iter().map(|one| json!({ "what": one.what, "why": one.why })).collect::<Vec<_>>(),
            "warnings": report.warnings,
        });
        setup::print_json("qd.import/1", setup.clock.as_ref(), data)?;
    } else {
        let verb = if args.dry_run { "would be imported" } else { "imported" };
        let days = setup::many(report.buckets.len(), "day");
        let services = setup::many(report.services.len(), "service");
        let mut text = format!("{days} of {services} {verb} from {}\n", importer.name());
        for skipped in &report.skipped {
            text.push_str(&["left out: ", &skipped.what, ": ", &skipped.why, "\n"].concat());
        }
        for warning in &report.warnings {
            text.push_str(&["note: ", warning, "\n"].concat());
        }
        setup::print(&text)?;
    }
    Ok(if report.buckets.is_empty() { Exit::Unknown } else { Exit::Ok })
}

fn name(pair: &str) -> color_eyre::Result<(String, ServiceId)> {
    let (there, here) = pair.rsplit_once('=').ok_or_else(|| eyre!("--name takes THERE=SERVICE@ENV, got `{pair}`"))?;
    Ok((there.to_owned(), here.parse()?))
}
