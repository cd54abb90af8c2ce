//! `qd update`: tells everybody how an incident goes: the status page, its ticket, chat and mail, from one text.
use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit, incidents,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        record::DeclaredState,
        telling::{Versions, Word},
        time::Timestamp,
    },
    parse::sanitise,
    store::IfMissing,
};

/// What `qd update` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Update {
    /// The incident, as INC-214
    incident: String,
    /// What people need to know; what follows ` -- ` only the team reads
    text: String,
    /// How it stands
    #[arg(long, value_enum)]
    state: Stands,
    /// Print both versions and where they go, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// The declared state.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Stands {
    /// Somebody looks
    Investigating,
    /// The cause is known
    Identified,
    /// Mended, under watch
    Monitoring,
    /// Over
    Resolved,
}

impl From<Stands> for DeclaredState {
    fn from(stands: Stands) -> Self {
        match stands {
            Stands::Investigating => Self::Investigating,
            Stands::Identified => Self::Identified,
            Stands::Monitoring => Self::Monitoring,
            Stands::Resolved => Self::Resolved,
        }
    }
}

pub(super) fn run(common: &Common, args: &Update) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let mut state = stored::read(&setup, &loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let of = incidents::meant(&state, &args.incident)?;
    let number = of.number;
    let word = Word {
        incident: Some(of.uid),
        service: of.service.clone(),
        state: args.state.into(),
        text: sanitise::lines(&args.text, 20, 2_000).join("\n"),
    };
    if let Some(why) = state.update_refused(&word) {
        return Err(eyre!("{why}"));
    }
    let versions = state.versions(&word, now.utc);
    if !args.dry_run {
        let effects = state.announce(&word, now).map_err(|why| eyre!("{why}"))?;
        stored::commit(&state, effects, store.as_mut())?;
    }
    let Versions { public, internal, to, next } = versions;
    if common.json {
        let data = json!({
            "incident": number.to_string(), "state": word.state, "public": public, "internal": internal, "to": to,
            "next": next.map(Timestamp::rfc3339), "sent": !args.dry_run,
        });
        setup::print_json("qd.update/1", setup.clock.as_ref(), data)?;
    } else {
        let said = if args.dry_run { "would go to" } else { "goes to" };
        let next = next.map(|next| format!("\nnext      by {}", next.rfc3339())).unwrap_or_default();
        let state = word.state.word();
        setup::print(&format!(
            "{number} {state} {said} {}\neverybody {}\nteam      {}{next}\n",
            to.join(", "),
            sanitise::line(public),
            sanitise::line(internal)
        ))?;
    }
    Ok(Exit::Ok)
}
