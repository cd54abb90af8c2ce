//! The systemd units that the configuration names for a host: one `systemctl show` every ten seconds.
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Context, Reading, Source, SourceError, first_line};
use crate::{
    core::{
        hosts::UnitState,
        inventory::{Host, Inventory},
    },
    parse::systemd,
    remote::{Lane, Script},
};

/// Asks systemd.
#[derive(Debug)]
pub struct Systemd;

/// The first line of the script, by which a simulated host knows it.
pub const MARK: &str = "# qd-systemd 1";
const EVERY: Duration = Duration::from_secs(10);

impl Source for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn applies(&self, _inventory: &Inventory, host: &Host) -> bool {
        !host.units.is_empty()
    }

    fn run(&self, context: Context) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            loop {
                match ask(&context).await {
                    Ok(units) => context.deliver.reading(&context.host.name, "systemd", Reading::Units(units)),
                    Err(error) => return error,
                }
                tokio::time::sleep(EVERY.max(Duration::from_millis(context.every_ms))).await;
            }
        })
    }
}

/// Returns the question about these units; versions before 251 do not know the way times are asked for, so they are asked again without.
pub fn script(units: &[String]) -> String {
    let names: Vec<String> =
        units.iter().filter_map(|unit| shlex::try_quote(unit).ok().map(std::borrow::Cow::into_owned)).collect();
    let show = format!("systemctl show --no-pager -p {}", systemd::PROPERTIES);
    let names = names.join(" ");
    format!(
        "{MARK}\nLC_ALL=C TZ=UTC; export LC_ALL TZ\n{show} --timestamp=unix -- {names} 2>/dev/null || {show} -- {names}\n"
    )
}

/// Asks once.
///
/// # Errors
/// As the source's.
pub async fn ask(context: &Context) -> Result<Vec<UnitState>, SourceError> {
    let units = &context.host.units;
    let script = Script { path_prefix: context.host.path_prefix.clone(), ..Script::brief(script(units)) };
    let output = context.remote.run(&context.host.name, Lane::Control, script).await?;
    if output.dropped_bytes > 0 {
        return Err(SourceError::Malformed("systemctl printed too much".to_owned()));
    }
    let states = systemd::show(&output.stdout, units);
    if states.is_empty() {
        let why = first_line(&output.stderr).unwrap_or_else(|| "systemctl named no unit".to_owned());
        return Err(SourceError::Absent(format!("no systemd on this host: {why}")));
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_names_are_words_of_the_shell() {
        let text = script(&["nginx".to_owned(), "a b; rm".to_owned(), "-x".to_owned()]);
        assert!(text.contains("-- nginx 'a b; rm' -x"), "{text}");
    }
}
