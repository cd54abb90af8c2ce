//! What reading logs needs: the filter made ready, the formats, the rules of what is hidden, the time zone.
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use color_eyre::eyre::eyre;

use super::{Logs, record, wrong};
use crate::{
    cli::{
        Common,
        setup::{self, Setup},
    },
    config,
    core::{
        logs::{
            Nanos,
            derive::Derived,
            eval::Matcher,
            filter::{Filter, Moment, Parsed, Problem, complete, moment, parse},
            format::{Assume, Format, Formats},
            redact::Redactor,
        },
        screen::logs::named_moment,
    },
};

/// Everything that does not depend on the files.
pub(super) struct Desk {
    pub(super) filter: Filter,
    pub(super) matcher: Matcher,
    pub(super) since: Option<Nanos>,
    pub(super) derived: Arc<Derived>,
    pub(super) formats: Formats,
    pub(super) format: Option<Arc<Format>>,
    pub(super) assume: Assume,
    pub(super) json: bool,
    pub(super) colour: bool,
    pub(super) on_terminal: bool,
    pub(super) at: String,
    /// Where the audit is, if there is one.
    pub(super) store: Option<PathBuf>,
    redact: Option<Redacting>,
}

/// Rules that are read when the first record is shown: to count, none is needed.
struct Redacting {
    file: Option<PathBuf>,
    rules: OnceLock<Redactor>,
}

impl Redacting {
    fn rules(&self) -> &Redactor {
        self.rules.get_or_init(|| {
            let (redactor, problems) = config::redact::load(self.file.as_deref());
            for problem in &problems {
                setup::warn(&problem.one_line());
            }
            redactor
        })
    }
}

/// What the configuration does not let anybody do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Forbidden(pub(super) String);

impl Desk {
    pub(super) fn new(setup: &Setup, common: &Common, args: &Logs) -> color_eyre::Result<Self> {
        use std::io::IsTerminal as _;

        let located = config::locate(common.config.clone(), &setup.env);
        let is_there = located.path.exists();
        if common.config.is_some() && !is_there {
            return Err(eyre!(config::starter(&located)));
        }
        let loaded = is_there.then(|| setup::load(&located.path, &setup.env)).filter(|loaded| loaded.usable);
        let here = local_zone(setup);
        let zone = loaded.as_ref().map_or(here, |loaded| loaded.inventory.display.timezone);
        let (formats, problems) = config::formats::load(config::formats::dir_beside(&located.path).as_deref());
        for problem in &problems {
            setup::warn(&problem.one_line());
        }
        let format = args.format.as_deref().map(|name| named(&formats, name)).transpose()?;
        let now = Nanos::from(setup.clock.now().utc);
        let text = args.filter.as_deref().unwrap_or("");
        let Parsed { mut filter, .. } = parse(text).map_err(|problem| wrong("the filter is wrong", text, &problem))?;
        for (option, name, told) in
            [(&args.since, "since", &mut filter.since), (&args.until, "until", &mut filter.until)]
        {
            let Some(option) = option else { continue };
            let moment = moment::read(option).ok_or_else(|| {
                eyre!("`--{name} {option}` is no time\n  for example: --{name} 02:55, --{name} -10m, --{name} 2026-11-21T02:55Z")
            })?;
            if told.replace(moment).is_some() {
                return Err(eyre!("`--{name}` and `{name}:` in the filter say the same\n  leave one of them out"));
            }
        }
        if filter.stage.is_some() && (args.count || args.patterns || args.follow) {
            return Err(eyre!(
                "a stage behind `|` makes a table of all records\n  leave out --count, --patterns and --follow"
            ));
        }
        let store = loaded.as_ref().map(|loaded| loaded.settings.store.clone());
        let resolve = |moment: &Option<Moment>| -> color_eyre::Result<Option<Nanos>> {
            let Some(moment) = moment else { return Ok(None) };
            let state = match moment {
                Moment::Named(name) => Some(record::state(setup, store.as_deref(), name)?),
                Moment::Now | Moment::Ago(_) | Moment::At(_) | Moment::TimeOfDay(_) => None,
            };
            let known = |name: &str| named_moment(state.as_ref()?, name);
            moment::resolve(moment, now, zone, &known).map(Some).map_err(|error| {
                let hint = match moment {
                    Moment::Named(name) => record::missing(name),
                    Moment::Now | Moment::Ago(_) | Moment::At(_) | Moment::TimeOfDay(_) => "",
                };
                eyre!("{error}{hint}")
            })
        };
        let specs = loaded.iter().flat_map(|loaded| &loaded.inventory.derives).map(|spec| (**spec).clone());
        // `qd check` says which rule is wrong, and where.
        let derived = Arc::new(Derived::new(specs).unwrap_or_default());
        let window = (resolve(&filter.since)?, resolve(&filter.until)?);
        let matcher = Matcher::new(&filter, window, Arc::clone(&derived)).map_err(|_| {
            let problem = Problem { range: 0..text.len(), message: "it is too large".into(), hint: None };
            wrong("the filter is wrong", text, &problem)
        })?;
        let redacting = Redacting { file: config::redact::file_beside(&located.path), rules: OnceLock::new() };
        if args.raw && !redacting.rules().may_reveal() {
            let file = redacting.file.as_deref().unwrap_or(Path::new("redact.toml")).display();
            return Err(Forbidden(format!("--raw is forbidden by `reveal = \"never\"` in {file}")).into());
        }
        let redact = (!args.raw).then_some(redacting);
        let on_terminal = std::io::stdout().is_terminal();
        let no_colour = setup.env.variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || setup.env.variable("TERM").is_none_or(|term| term == "dumb");
        Ok(Self {
            filter,
            matcher,
            since: window.0,
            derived,
            formats,
            format,
            assume: Assume { zone: here, now },
            json: common.json,
            colour: on_terminal && !no_colour && !args.plain,
            on_terminal,
            at: setup.clock.now().utc.rfc3339(),
            store,
            redact,
        })
    }

    /// The rules of what is hidden, unless nothing is to be.
    pub(super) fn redactor(&self) -> Option<&Redactor> {
        self.redact.as_ref().map(Redacting::rules)
    }

    /// Says which fields of the filter no format has, once the formats are known.
    pub(super) fn doubt(&self, known: &[&Format]) {
        if known.iter().any(|format| format.fields().is_empty() && format.name() != "plain") {
            return;
        }
        let fields: Vec<&str> =
            known.iter().flat_map(|format| format.fields()).map(|field| field.name.as_str()).collect();
        for (field, near) in complete::doubts(&self.filter, &fields) {
            // A key that only the records know is none that was mistyped.
            if let Some(near) = near {
                setup::warn(&format!("qd: no format here names a field `{field}`; did you mean `{near}`?"));
            }
        }
    }
}

/// Finds a format by name.
pub(in crate::cli) fn named(formats: &Formats, name: &str) -> color_eyre::Result<Arc<Format>> {
    formats.get(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
        let near = config::problem::closest(name, names.iter().copied());
        let meant = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        let shown = crate::parse::sanitise::name(name);
        eyre!("no format `{shown}`\n  {meant}there are: {}", names.join(", "))
    })
}

/// The time zone of this machine: what its programs write without saying so.
fn local_zone(setup: &Setup) -> chrono_tz::Tz {
    let named = setup.env.variable("TZ").map(|name| name.trim_start_matches(':').to_owned());
    let of_link = || {
        let link = std::fs::read_link("/etc/localtime").ok()?;
        Some(link.to_string_lossy().split_once("zoneinfo/")?.1.to_owned())
    };
    let of_file = || std::fs::read_to_string(Path::new("/etc/timezone")).ok().map(|name| name.trim().to_owned());
    let known = [named.filter(|name| !name.is_empty()), of_link(), of_file()];
    known.into_iter().flatten().find_map(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC)
}
