//! The formats of log lines: those that come with the console, and files of one's own.
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::{Problem, Severity},
    source::Source,
};
use crate::core::logs::format::{Format, Formats, Spec, Wrong, trial};

/// The formats that come with the console: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("alternatives", include_str!("formats/alternatives.toml")),
    ("apache-combined", include_str!("formats/apache-combined.toml")),
    ("apache-common", include_str!("formats/apache-common.toml")),
    ("apache-error", include_str!("formats/apache-error.toml")),
    ("apache-vhost", include_str!("formats/apache-vhost.toml")),
    ("apt-history", include_str!("formats/apt-history.toml")),
    ("bunyan", include_str!("formats/bunyan.toml")),
    ("celery", include_str!("formats/celery.toml")),
    ("docker-json", include_str!("formats/docker-json.toml")),
    ("dpkg", include_str!("formats/dpkg.toml")),
    ("java", include_str!("formats/java.toml")),
    ("journald", include_str!("formats/journald.toml")),
    ("json", include_str!("formats/json.toml")),
    ("klog", include_str!("formats/klog.toml")),
    ("laravel", include_str!("formats/laravel.toml")),
    ("logfmt", include_str!("formats/logfmt.toml")),
    ("loguru", include_str!("formats/loguru.toml")),
    ("mongodb", include_str!("formats/mongodb.toml")),
    ("mysql-error", include_str!("formats/mysql-error.toml")),
    ("mysql-slow", include_str!("formats/mysql-slow.toml")),
    ("nginx-combined", include_str!("formats/nginx-combined.toml")),
    ("nginx-error", include_str!("formats/nginx-error.toml")),
    ("nginx-json", include_str!("formats/nginx-json.toml")),
    ("nginx-timed", include_str!("formats/nginx-timed.toml")),
    ("openresty", include_str!("formats/openresty.toml")),
    ("pino", include_str!("formats/pino.toml")),
    ("plain", include_str!("formats/plain.toml")),
    ("pm2-json", include_str!("formats/pm2-json.toml")),
    ("pm2-plain", include_str!("formats/pm2-plain.toml")),
    ("pm2-time", include_str!("formats/pm2-time.toml")),
    ("postgres", include_str!("formats/postgres.toml")),
    ("python", include_str!("formats/python.toml")),
    ("python-basic", include_str!("formats/python-basic.toml")),
    ("redis", include_str!("formats/redis.toml")),
    ("syslog", include_str!("formats/syslog.toml")),
    ("syslog-5424", include_str!("formats/syslog-5424.toml")),
    ("winston", include_str!("formats/winston.toml")),
];

/// Returns the formats that come with the console, compiled once.
pub fn built_in() -> &'static Formats {
    static FORMATS: OnceLock<Formats> = OnceLock::new();
    FORMATS.get_or_init(|| {
        Formats::new(BUILT_IN.iter().filter_map(|(name, text)| Some(parse(name, Path::new(name), text).0?.0)))
    })
}

/// Loads the formats of a directory over those that come with the console. A file that is wrong is said and left out.
pub fn load(dir: Option<&Path>) -> (Formats, Vec<Problem>) {
    let mut formats = built_in().clone();
    let mut problems = Vec::new();
    for name in dir.map(names_in).unwrap_or_default() {
        let file = dir.map(|dir| dir.join(format!("{name}.toml"))).unwrap_or_default();
        let (format, found) = load_file(&file);
        problems.extend(found);
        if let Some((format, _)) = format {
            formats.add(format);
        }
    }
    (formats, problems)
}

/// Loads one file as a format of its name. Samples that are read differently are warnings.
pub fn load_file(file: &Path) -> (Option<(Format, Spec)>, Vec<Problem>) {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match super::read_bounded(file) {
        Ok(text) => parse(&name, file, &text),
        Err(why) => {
            let what = format!("the format `{name}` cannot be read: {why}");
            (None, vec![Problem::of_file(file, Severity::Error, what)])
        }
    }
}

/// Reads a format's text.
pub fn parse(name: &str, file: &Path, text: &str) -> (Option<(Format, Spec)>, Vec<Problem>) {
    let mut source = Source::new(file, text);
    let spec: Spec = match toml::from_str(text) {
        Ok(spec) => spec,
        Err(error) => {
            let span = error.span().unwrap_or_default();
            let what = error.message().lines().next().unwrap_or_default().trim().to_owned();
            let problem = source.problem(&span, Severity::Error, what);
            let problem = Problem { excerpt: source.broken_excerpt(&span), ..problem };
            return (None, vec![Problem { left_out: Some(format!("format `{name}`")), ..problem }]);
        }
    };
    let (root, _) = DeTable::parse_recoverable(text);
    source.learn(&root);
    let at = |key: &str| span_of(root.get_ref(), key).unwrap_or(0..0);
    let say = |span: &std::ops::Range<usize>, severity, what: String| {
        let problem = source.problem(span, severity, what);
        Problem { excerpt: source.excerpt(span), ..problem }
    };
    match Format::compile(name, &spec) {
        Err(wrong) => {
            let problem = |Wrong { key, what }: &Wrong| {
                let problem = say(&at(key), Severity::Error, format!("`{key}`: {what}"));
                Problem { left_out: Some(format!("format `{name}`")), ..problem }
            };
            (None, wrong.iter().map(problem).collect())
        }
        Ok(format) => {
            let mut problems = Vec::new();
            for (number, sample) in spec.samples.iter().enumerate() {
                for wrong in trial::hold(&format, sample) {
                    let what = format!("sample {}: {wrong}", number + 1);
                    problems.push(say(&at(&format!("sample.{number}.text")), Severity::Warning, what));
                }
            }
            (Some((format, spec)), problems)
        }
    }
}

/// Finds where a key stands: `field.2.part`.
fn span_of(table: &DeTable<'_>, path: &str) -> Option<std::ops::Range<usize>> {
    fn within(value: &Spanned<DeValue<'_>>, rest: &str) -> std::ops::Range<usize> {
        let (first, rest) = rest.split_once('.').unwrap_or((rest, ""));
        let found = if let DeValue::Table(table) = value.get_ref() {
            table.get(first)
        } else if let DeValue::Array(list) = value.get_ref() {
            first.parse::<usize>().ok().and_then(|index| list.get(index))
        } else {
            None
        };
        found.map_or_else(|| value.span(), |found| within(found, rest))
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    table.get(first).map(|value| within(value, rest))
}

/// Where formats of one's own are, beside the main file of the configuration: `formats/NAME.toml`.
pub fn dir_beside(main: &Path) -> Option<PathBuf> {
    main.parent().map(|dir| dir.join("formats"))
}

/// Names the formats of a directory.
pub fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let toml = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|is| is == "toml"));
    let mut names: Vec<_> = toml.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
#[path = "formats_detection.rs"]
mod detection;

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::core::logs::{
        Nanos,
        format::{self, Assume, detect},
    };

    const ROOT: &str = env!("CARGO_MANIFEST_DIR");
    const ASSUME: Assume = Assume { zone: chrono_tz::Tz::UTC, now: Nanos(1_795_300_000 * Nanos::SECOND) };

    #[test]
    fn every_file_is_a_format_and_every_sample_reads_as_said() {
        let mut samples = 0;
        for (name, text) in BUILT_IN {
            let (format, problems) = parse(name, Path::new(name), text);
            assert_eq!(problems, [], "{}", super::super::check_text(&problems));
            let (_, spec) = format.unwrap();
            assert!(!spec.samples.is_empty(), "{name} has no sample");
            samples += spec.samples.len();
        }
        assert!(samples > 70, "{samples}");
        let mut files = names_in(&Path::new(ROOT).join("src/config/formats"));
        files.sort();
        assert_eq!(files, BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn recorded_files_are_found_out_and_read() {
        for (file, format, not_of_it) in [
            // A line that was cut, and what a script wrote to its error stream.
            ("nginx/access.combined.txt", "nginx-combined", 1),
            ("nginx/access.timed.txt", "nginx-timed", 0),
            ("nginx/access.json-escape.txt", "nginx-json", 0),
            ("nginx/error.log.txt", "nginx-error", 0),
            ("apache/access.combined.txt", "apache-combined", 0),
            ("apache/access.vhost_combined.txt", "apache-vhost", 0),
            ("apache/error.log.txt", "apache-error", 1),
            ("laravel/laravel.log.txt", "laravel", 0),
            ("pm2/log-l-plain-out.txt", "pm2-plain", 0),
            ("pm2/log-l-plain-error.txt", "pm2-plain", 0),
            ("pm2/log-l-time-out.txt", "pm2-time", 0),
            ("pm2/log-l-time-error.txt", "pm2-time", 0),
            ("pm2/log-l-fmt-out.txt", "pm2-time", 0),
            ("pm2/log-l-fmt-error.txt", "pm2-time", 0),
            ("pm2/log-l-json-out.txt", "pm2-json", 0),
            ("pm2/log-l-json-error.txt", "pm2-json", 0),
            ("pm2/log-l-jsontime-out.txt", "pm2-json", 0),
        ] {
            let path = Path::new(ROOT).join("tests/fixtures/logs").join(file);
            let text = fs::read(path).unwrap();
            let found = detect(built_in(), &text, Some(file));
            assert_eq!(found.format.name(), format, "{file}");
            let all = trial::read(&found.format, &text, ASSUME);
            let others: Vec<_> = all.iter().filter(|record| !record.fits).collect();
            assert_eq!(others.len(), not_of_it, "{file}: {others:?}");
            let untimed = all.iter().filter(|record| record.fits && record.head.time.is_none()).count();
            assert!(untimed == 0 || format == "pm2-plain", "{file}: {untimed} without a time");
            let lines: usize = all.iter().map(|record| record.lines).sum();
            let ended = usize::from(!text.ends_with(b"\n"));
            assert_eq!(lines, memchr::memchr_iter(b'\n', &text).count() + ended, "{file}");
        }
    }

    #[test]
    fn what_was_found_out_does_not_change_with_more_lines() {
        for file in ["nginx/access.timed.txt", "apache/access.combined.txt", "nginx/access.json-escape.txt"] {
            let text = fs::read(Path::new(ROOT).join("tests/fixtures/logs").join(file)).unwrap();
            let all = detect(built_in(), &text, Some(file)).format;
            let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
            for end in ends {
                assert_eq!(detect(built_in(), &text[..end], Some(file)).format.name(), all.name(), "{file} {end}");
            }
        }
    }

    #[test]
    fn fragments_are_put_together_over_lines_of_others() {
        let write = |message: &str, kind: &str, process: u32| {
            format!(
                "{{\"message\":\"{message}\",\"timestamp\":\"2026-11-20T19:41:03Z\",\"type\":\"{kind}\",\"process_id\":{process},\"app_name\":\"api\"}}\n"
            )
        };
        let pm2 = built_in().get("pm2-json").unwrap();
        let lines = [
            write("one ", "out", 1),
            write("two of the other\\n", "out", 2),
            write("its error ", "err", 1),
            "[PM2] App [api] online\n".to_owned(),
            write("and ", "out", 1),
            write("whole\\n", "out", 2),
            write("ends\\n", "err", 1),
            write("its end\\n", "out", 1),
            write("goes on ", "out", 2),
        ];
        let text = lines.concat();
        let gathered = pm2.gather(text.as_bytes()).unwrap();
        assert_eq!(gathered.bytes.len(), text.len());
        let done = &gathered.bytes[..gathered.open];
        let messages: Vec<_> = format::records::records(pm2, done)
            .map(|record| String::from_utf8_lossy(&pm2.message(record)).trim_end().to_owned())
            .collect();
        assert_eq!(
            messages,
            ["one and its end", "two of the other", "its error ends", "[PM2] App [api] online", "whole"]
        );
        assert_eq!(gathered.bytes[gathered.open..], *lines[8].as_bytes());
        // Whoever never ends a line is not waited for.
        let mut endless = write("dots", "out", 1);
        endless.extend((0..600).map(|_| write("x\\n", "out", 2)));
        let gathered = pm2.gather(endless.as_bytes()).unwrap();
        assert_eq!((gathered.open, gathered.bytes.as_slice()), (endless.len(), endless.as_bytes()));
        assert_eq!(pm2.gather(lines[1].as_bytes()), None);
    }

    #[test]
    fn a_file_that_is_wrong_says_where() {
        let text = "words = \"x\"\nkind = \"pattern\"\npattern = '<a> <b> <a>'\n";
        let (format, problems) = parse("own", Path::new("own.toml"), text);
        assert!(format.is_none());
        assert_eq!((problems[0].line, problems[0].what.as_str()), (3, "`pattern`: `<a>` stands twice"));
        let text = "words = \"x\"\nkind = \"json\"\n\n[[field]]\nname = \"a\"\nkind = \"nunber\"\n";
        let (_, problems) = parse("own", Path::new("own.toml"), text);
        assert_eq!(problems[0].line, 6, "{problems:?}");
        let text = "words = \"x\"\nkind = \"json\"\n[view]\ncolumns = [\"nope\"]\n";
        let (_, problems) = parse("own", Path::new("own.toml"), text);
        assert_eq!((problems[0].line, problems[0].what.as_str()), (4, "`view.columns`: there is no field `nope`"));
        let text = "words = \"x\"\nkind = \"json\"\n[[sample]]\ntext = '{\"a\":1}'\nfields = { a = \"2\" }\n";
        let (format, problems) = parse("own", Path::new("own.toml"), text);
        assert!(format.is_some());
        assert_eq!((problems[0].line, problems[0].what.as_str()), (4, "sample 1: `a` is \"1\", not \"2\""));
    }

    #[test]
    fn ones_own_file_takes_the_place_of_a_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("json.toml"), "words = \"mine\"\nkind = \"json\"\n").unwrap();
        fs::write(dir.path().join("broken.toml"), "words = ").unwrap();
        let (formats, problems) = load(Some(dir.path()));
        assert_eq!(formats.get("json").unwrap().words(), "mine");
        assert_eq!(problems.len(), 1);
        assert!(formats.get("broken").is_none());
    }

    /// Lines as a hostile or broken program writes them: pieces of real ones, cut, repeated and mixed with any bytes.
    fn dirt() -> impl Strategy<Value = Vec<u8>> {
        let samples: Vec<Vec<u8>> = BUILT_IN
            .iter()
            .flat_map(|(name, text)| parse(name, Path::new(name), text).0.unwrap().1.samples)
            .map(|sample| sample.text.into_bytes())
            .collect();
        let piece = (proptest::sample::select(samples), 0_usize..300, 0_usize..300)
            .prop_map(|(text, from, length)| text.into_iter().skip(from).take(length).collect::<Vec<u8>>());
        let any = proptest::collection::vec(proptest::num::u8::ANY, 0..20);
        let marks =
            proptest::sample::select(vec!["\"", "\\", "{", "}", "[", "]", "=", ", client: ", "\n", "\\u", ":", "<"]);
        let part = prop_oneof![3 => piece, 1 => any, 1 => marks.prop_map(|mark| mark.as_bytes().to_vec())];
        proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_a_format(text in dirt()) {
            for format in built_in().iter() {
                let mut bytes = 0;
                for record in format::records::records(format, &text) {
                    bytes += record.len() + 1;
                    let _head = format.head(record, ASSUME);
                    let _message = format.message(record);
                    let all = format.all(record);
                    prop_assert!(all.len() <= 1100);
                    for (name, _) in &all {
                        let _value = format.field(record, &format.resolve(name));
                    }
                    for field in format.fields() {
                        let _value = format.field(record, &format.resolve(&field.name));
                    }
                    let _absent = format.field(record, &format.resolve("no.such"));
                }
                // Nothing is lost between records.
                prop_assert!(bytes == text.len() || bytes == text.len() + 1, "{} {} {}", format.name(), bytes, text.len());
            }
            let _found = detect(built_in(), &text, None);
        }
    }
}
