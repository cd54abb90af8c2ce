//! `qd formats`: how log lines are read, and what a format makes of a sample.
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use color_eyre::eyre::{WrapErr as _, eyre};
use serde_json::{Value as Json, json};

use super::{
    Common, Exit, logs,
    setup::{self, Setup},
};
use crate::{
    config::{self, formats::BUILT_IN, problem::Severity},
    core::logs::{
        Nanos,
        format::{Assume, Format, Formats, Kind, detect, trial},
        redact::Redactor,
    },
    parse::sanitise,
};

/// Examples below the help.
const EXAMPLES: &str = "\
Formats of your own stand beside the configuration, in formats/NAME.toml; one of the name of a built-in takes its place.

Examples:
  qd formats                                     which there are
  qd formats show nginx-combined > mine.toml     one to begin with
  qd formats test mine.toml                      runs its samples
  qd formats test /var/log/app.log               which format it is, and what is read of its first records
  qd formats test app.log --format mine.toml     what that format makes of it";

/// What `qd formats` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the formats
    List,
    /// Print a format's file
    Show {
        /// The format
        name: String,
    },
    /// Show what a format makes of a sample: of a log's first records, or of its own file's samples
    Test {
        /// A log, or a format's file (NAME.toml)
        file: PathBuf,
        /// Read by this format (a name, or a format's file) instead of finding it out
        #[arg(long, value_name = "NAME")]
        format: Option<String>,
        /// So many records
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 5)]
        records: usize,
    },
}

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::unlogged()?;
    let located = config::locate(common.config.clone(), &setup.env);
    let dir = config::formats::dir_beside(&located.path);
    let (formats, problems) = config::formats::load(dir.as_deref());
    for problem in &problems {
        setup::warn(&problem.one_line());
    }
    match &args.command {
        None | Some(Command::List) => list(&setup, common, &formats, dir.as_deref()),
        Some(Command::Show { name }) => show(&formats, name, dir.as_deref()),
        Some(Command::Test { file, format, records }) => {
            let now = Nanos::from(setup.clock.now().utc);
            let (redactor, _) = config::redact::load(config::redact::file_beside(&located.path).as_deref());
            let assume = Assume { zone: chrono_tz::UTC, now };
            let test = Test { setup: &setup, json: common.json, assume, redactor };
            if is_toml(file) { test.format(file) } else { test.log(&formats, file, format.as_deref(), *records) }
        }
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

fn list(setup: &Setup, common: &Common, formats: &Formats, dir: Option<&Path>) -> color_eyre::Result<Exit> {
    let own = dir.map(config::formats::names_in).unwrap_or_default();
    let is_own = |format: &Format| own.iter().any(|name| name == format.name());
    if common.json {
        let one = |format: &std::sync::Arc<Format>| {
            let fields: Vec<Json> =
                format.fields().iter().map(|field| json!({ "name": field.name, "kind": kind(field.kind) })).collect();
            json!({ "name": format.name(), "words": format.words(), "built_in": !is_own(format), "fields": fields })
        };
        setup::print_json("qd.formats/1", setup.clock.as_ref(), formats.iter().map(one).collect())?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["NAME", "FROM", "READS"].map(str::to_owned).to_vec()];
    rows.extend(formats.iter().map(|format| {
        let from = if is_own(format) { "own file" } else { "built in" };
        vec![format.name().to_owned(), from.to_owned(), format.words().to_owned()]
    }));
    setup::print(&setup::table(&rows))?;
    Ok(Exit::Ok)
}

fn show(formats: &Formats, name: &str, dir: Option<&Path>) -> color_eyre::Result<Exit> {
    let own = dir.map(|dir| dir.join(format!("{name}.toml"))).filter(|file| !name.contains('/') && file.is_file());
    let text = match own {
        Some(file) => std::fs::read_to_string(&file).wrap_err_with(|| file.display().to_string())?,
        None => match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (*text).to_owned(),
            None => return logs::named(formats, name).map(|_| Exit::Usage),
        },
    };
    setup::print(&text)?;
    Ok(Exit::Ok)
}

/// A word for what a field's text means.
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Number => "number",
        Kind::Duration { .. } => "duration",
        Kind::Bytes => "bytes",
    }
}

struct Test<'a> {
    setup: &'a Setup,
    json: bool,
    assume: Assume,
    redactor: Redactor,
}

impl Test<'_> {
    /// Runs a format's own samples.
    fn format(&self, file: &Path) -> color_eyre::Result<Exit> {
        let (read, problems) = config::formats::load_file(file);
        let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error) || read.is_none();
        let mut readings = Vec::new();
        if let Some((format, spec)) = &read {
            for sample in &spec.samples {
                readings.extend(trial::read(format, sample.text.trim_matches('\n').as_bytes(), self.assume));
            }
        }
        if self.json {
            let said: Vec<String> = problems.iter().map(config::Problem::one_line).collect();
            let data = json!({ "records": readings.iter().map(|reading| self.as_json(reading)).collect::<Vec<_>>(), "problems": said });
            setup::print_json("qd.formats.test/1", self.setup.clock.as_ref(), data)?;
        } else {
            let mut text: String = readings.iter().map(|reading| self.as_text(reading)).collect();
            if problems.is_empty() {
                let samples = read.as_ref().map_or(0, |(_, spec)| spec.samples.len());
                text.extend([setup::many(samples, "sample"), " as they say\n".into()]);
            } else {
                text.push_str(&config::check_text(&problems));
            }
            setup::print(&text)?;
        }
        let misread = !problems.is_empty();
        Ok(if is_wrong || misread { Exit::Usage } else { Exit::Ok })
    }

    /// Reads a log's first records.
    fn log(&self, formats: &Formats, file: &Path, format: Option<&str>, records: usize) -> color_eyre::Result<Exit> {
        let sample = match sample(file) {
            Ok(sample) => sample,
            Err(error) => {
                setup::warn(&format!("qd: {}: {error}", sanitise::line(file.display().to_string())));
                return Ok(Exit::Unreachable);
            }
        };
        let found = detect::detect(formats, &sample, Some(&file.display().to_string()));
        let own;
        let format: &Format = match format {
            None => &found.format,
            Some(name) if is_toml(Path::new(name)) => {
                let (read, problems) = config::formats::load_file(Path::new(name));
                let Some((format, _)) = read else { return Err(eyre!(config::check_text(&problems))) };
                own = format;
                &own
            }
            Some(name) => &*logs::named(formats, name)?,
        };
        let end = memchr::memrchr(b'\n', &sample).map_or(sample.len(), |last| last + 1);
        let all = trial::read(format, sample.get(..end).unwrap_or_default(), self.assume);
        let fit = all.iter().filter(|reading| reading.fits).count();
        let shown = all.iter().take(records);
        if self.json {
            let runner_up = found
                .runner_up
                .as_ref()
                .map(|(format, matched)| json!({ "format": format.name(), "matched": matched }));
            let data = json!({
                "format": format.name(),
                "detected": found.format.name(),
                "runner_up": runner_up,
                "matched": fit,
                "of": all.len(),
                "records": shown.map(|reading| self.as_json(reading)).collect::<Vec<_>>(),
            });
            setup::print_json("qd.formats.test/1", self.setup.clock.as_ref(), data)?;
            return Ok(Exit::Ok);
        }
        if all.is_empty() {
            setup::print("there is nothing in it to read\n")?;
            return Ok(Exit::Ok);
        }
        let mut text = format!("{}: {fit} of {} are of it", format.name(), setup::many(all.len(), "record"));
        if format.name() != found.format.name() {
            text.extend(["; by itself it would be ", found.format.name()]);
        } else if let Some((second, matched)) = &found.runner_up {
            text.push_str(
                &["; next is ", second.name(), " with ", &matched.to_string(), " of ", &found.of.to_string()].concat(),
            );
        }
        text.push_str("\n\n");
        text.extend(shown.map(|reading| self.as_text(reading)));
        setup::print(&text)?;
        Ok(Exit::Ok)
    }

    fn as_json(&self, reading: &trial::Reading) -> Json {
        let head = &reading.head;
        let fields: serde_json::Map<String, Json> =
            reading.fields.iter().map(|(name, value)| (name.clone(), self.hidden(value).into())).collect();
        json!({
            "line": reading.line,
            "lines": reading.lines,
            "fits": reading.fits,
            "at": head.time.map(logs::rfc3339),
            "level": head.level.word(),
            "status": (head.status != 0).then_some(head.status),
            "dur_us": (head.duration_us != u32::MAX).then_some(head.duration_us),
            "fields": fields,
            "message": self.hidden(&reading.message),
        })
    }

    fn as_text(&self, reading: &trial::Reading) -> String {
        let head = &reading.head;
        let lines = if reading.lines > 1 { format!("–{}", reading.line + reading.lines - 1) } else { String::new() };
        let fits = if reading.fits { "" } else { "   not of this format" };
        let mut rows = vec![
            vec![
                format!("line {}{lines}", reading.line),
                format!("{}{fits}", sanitise::line_max(self.redactor.redact(&reading.text), 160)),
            ],
            vec!["  time".into(), head.time.map_or_else(|| "?".to_owned(), logs::rfc3339)],
            vec!["  level".into(), head.level.word().to_owned()],
        ];
        if head.status != 0 {
            rows.push(vec!["  status".into(), head.status.to_string()]);
        }
        if head.duration_us != u32::MAX {
            rows.push(vec!["  dur".into(), format!("{} us", head.duration_us)]);
        }
        for (name, value) in &reading.fields {
            rows.push(vec![
                format!("  .{}", sanitise::name(name)),
                sanitise::line_max(self.redactor.redact(value), 160),
            ]);
        }
        rows.push(vec!["  message".into(), sanitise::line_max(self.redactor.redact(&reading.message), 160)]);
        format!("{}\n", setup::table(&rows))
    }

    fn hidden(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(&self.redactor.redact(text)).into_owned()
    }
}

/// Reads the beginning of a log, unpacked where it is packed.
fn sample(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(detect::SAMPLE).unwrap_or(u64::MAX);
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(file)?).take(most).read_to_end(&mut unpacked)?;
        return Ok(unpacked);
    }
    Ok(bytes)
}
