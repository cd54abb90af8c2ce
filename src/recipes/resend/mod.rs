//! A package for a partner, verified and sent once more.
use super::{Context, PATH, Recipe, control, fill, path_misfit, quote};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{Action, Fit, Order, Plan, Precheck, Takes, Task, Wanted, is_release},
    },
};

/// Sends a package again, in a controlled way: what is sent is what was verified, one at a time, and never twice unless that is
/// said. A mark on the host remembers, whoever sends it.
#[derive(Debug)]
pub(super) struct Resend;

const FIELDS: &[Field] = &[
    Field {
        name: "file",
        shape: Shape::Text,
        required: true,
        doc: "Where a package lies on the first of `hosts`: \"/srv/partner/out/$QD_PACKAGE.zip\".",
    },
    Field {
        name: "verify",
        shape: Shape::Text,
        required: true,
        doc: "What must succeed first, with $QD_PACKAGE and $QD_FILE: \"unzip -tq $QD_FILE\".",
    },
    Field { name: "send", shape: Shape::Text, required: true, doc: "What sends it, with $QD_PACKAGE and $QD_FILE." },
    Field { name: "within", shape: Shape::Duration, required: false, doc: "How long sending may take. Default: 30m." },
    PATH,
];

impl Kind for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn scripts(&self) -> &'static [&'static str] {
        &["verify", "send"]
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let file = settings.get("file").and_then(serde_json::Value::as_str);
        let wrong = file.filter(|file| !is_pattern(file)).map(|file| {
            let help = "a whole path with $QD_PACKAGE in it, as in \"/srv/partner/out/$QD_PACKAGE.zip\"";
            Misfit::new("file", format!("`file` does not say where a package lies: {file:?}"), help)
        });
        wrong.into_iter().chain(path_misfit(settings)).collect()
    }
}

/// What stands for the package in `file`.
const PACKAGE: &str = "$QD_PACKAGE";

fn is_pattern(file: &str) -> bool {
    let rest = file.replace(PACKAGE, "");
    file.starts_with('/') && file.contains(PACKAGE) && !rest.contains('$')
}

const VERIFY_MS: u64 = 10 * 60_000;

/// What an order names: the package, quoted, and its file, quoted.
fn named(service: &Service, order: &Order) -> Result<(String, String), String> {
    let package = order.settings.get("package").map(String::as_str).unwrap_or_default();
    if !is_release(package) {
        return Err(format!(
            "{package:?} cannot be a package: up to 80 letters, digits, dots, dashes, underscores and pluses"
        ));
    }
    let file = service.recipe.get("file").and_then(serde_json::Value::as_str).filter(|file| is_pattern(file));
    let file = file.ok_or("its recipe does not say where a package lies")?.replace(PACKAGE, package);
    Ok((quote(package)?, quote(&file)?))
}

/// Reads `key=value` of an answer.
fn value<'a>(answer: &'a str, key: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

impl Recipe for Resend {
    fn hosts<'a>(&self, service: &'a Service) -> &'a [HostName] {
        control(service)
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let Wanted::Task(order) = wanted else { return None };
        let (package, file) = named(service, order).ok()?;
        let id = quote(&service.id.to_string()).ok()?;
        Some(fill(include_str!("survey.sh"), &[("PACKAGE", &package), ("FILE", &file), ("SERVICE", &id)]))
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        Err(format!("{} sends packages: its task is resend", of.service.id))
    }

    fn tasks(&self, _: &Service) -> Vec<Task> {
        let takes = |name: &str, required, doc: &str| Takes { name: name.into(), required, doc: doc.into() };
        vec![Task {
            name: "resend".into(),
            doc: "Verifies a package and sends it to the partner once more.".into(),
            takes: vec![
                takes("package", true, "Its id."),
                takes("again", false, "`yes`: also when it was sent again before."),
            ],
            file: false,
        }]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let host = of.service.hosts.first().ok_or("it has no host that sends")?;
        let (package, file) = named(of.service, order)?;
        let again = match order.settings.get("again").map(String::as_str) {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => return Err(format!("again is yes or no, and not {other:?}")),
        };
        let said = of.said(host, "package").unwrap_or_default();
        let (Some(sum), true) = (value(said, "sha256").filter(|sum| sum.len() == 64), said.starts_with("ok\n")) else {
            return Err(format!("{host}: {}", said.trim()));
        };
        let mark = of.said(host, "mark").unwrap_or_default();
        let mut prechecks = vec![Precheck {
            verdict: Fit::Good,
            text: format!("{file} is there, {} bytes, sha256 {sum}", value(said, "bytes").unwrap_or("?")),
        }];
        if let Some(state) = value(mark, "state") {
            let at = value(mark, "at").and_then(|at| at.parse::<i64>().ok()?.checked_mul(1_000));
            let at = at.map_or_else(String::new, |at| format!(" at {}", crate::core::time::Timestamp(at).rfc3339()));
            let same = if value(mark, "sha256") == Some(sum) { "the same content" } else { "another content" };
            let (verdict, help) =
                if again { (Fit::Doubtful, "") } else { (Fit::Bad, "; again=yes sends it once more") };
            prechecks.push(Precheck { verdict, text: format!("it was {state} from here{at}, with {same}{help}") });
        }
        let claim = if again {
            "note sending >\"$m\" || exit 73"
        } else {
            "(set -C; note sending >\"$m\") 2>/dev/null || { echo \"it was sent from here before: $(head -n 2 \"$m\" | tr '\\n' ' ')\" >&2; exit 65; }"
        };
        let id = quote(&of.service.id.to_string())?;
        let make = |template: &str, command: &str| {
            let values = [
                ("PACKAGE", package.as_str()),
                ("FILE", &file),
                ("SUM", sum),
                ("SERVICE", &id),
                ("AGAIN", claim),
                ("COMMAND", command),
            ];
            fill(template, &values).trim_end().to_owned()
        };
        let within = of.number("within", 30 * 60_000);
        Ok(Plan {
            action: Action::Other { name: order.task.clone() },
            steps: vec![
                of.step(host, "verify", make(include_str!("verify.sh"), of.needed("verify")?), VERIFY_MS),
                of.step(host, "send", make(include_str!("send.sh"), of.needed("send")?), within),
            ],
            effect: format!("the partner gets {package} once more"),
            undo: "what is sent is sent: tell the partner what to do with it".into(),
            proof: "the send command says that it was taken; then the checks".into(),
            prechecks,
            ..of.plan(format!("resend {package} of {}", of.service.id.service))
        })
    }
}

#[cfg(test)]
mod tests;
