//! PHP-FPM beside Apache: where its opcache does not look at files (`opcache.validate_timestamps=0`), it serves the code that it had
//! until it is reloaded, whatever is checked out.
use super::{Context, QUICK_MS, quote, web};
use crate::{
    config::{self, Field, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{Precheck, Step},
    },
};

/// The unit that is reloaded.
pub(super) const UNIT: Field = Field {
    name: "php_fpm",
    shape: Shape::Text,
    required: false,
    doc: "The unit of PHP-FPM, as in \"php8.2-fpm\": reloaded once the code changed, since its opcache may keep the old. Default: none is.",
};

/// Says what is wrong with [`UNIT`]; systemd takes a name without its suffix for a service.
pub(super) fn misfit(settings: &Params) -> Option<Misfit> {
    let is_unit = |unit: &str| !unit.is_empty() && config::is_unit(&format!("{unit}.service"));
    let unit = settings.get(UNIT.name)?.as_str().filter(|unit| !is_unit(unit))?;
    let what = format!("`{}` is not the name of a unit: {unit:?}", UNIT.name);
    Some(Misfit::new(UNIT.name, what, "as `systemctl list-units 'php*'` shows it: \"php8.2-fpm\""))
}

/// Has it take the code that is there; nothing where there is none.
pub(super) fn reload(of: Context<'_>, host: &HostName) -> Result<Option<Step>, String> {
    let Some(unit) = of.text(UNIT.name) else { return Ok(None) };
    let command = format!("{} systemctl reload {}", web::sudo(of), quote(unit)?);
    Ok(Some(of.step(host, format!("reload {unit}"), command.trim_start(), QUICK_MS)))
}

/// Says what users notice of it, after what they notice of Apache.
pub(super) fn effect(of: Context<'_>) -> String {
    let time = "requests that it serves now are finished as far as its process_control_timeout lets them";
    of.text(UNIT.name).map(|unit| format!("; {unit} reloads: {time}")).unwrap_or_default()
}

/// Returns shell text that asks whether it runs, where `own` is defined.
pub(super) fn survey(service: &Service) -> String {
    let unit = service.recipe.get(UNIT.name).and_then(serde_json::Value::as_str);
    let unit = unit.and_then(|unit| quote(unit).ok());
    unit.map(|unit| format!("own fpm\nsystemctl is-active {unit} 2>/dev/null")).unwrap_or_default()
}

/// Names the hosts on which it does not run: what does not run cannot be reloaded, there or on the way back.
pub(super) fn prechecks(of: Context<'_>) -> Vec<Precheck> {
    let Some(unit) = of.text(UNIT.name) else { return Vec::new() };
    let stands = |host: &HostName| {
        let said = of.said(host, "fpm")?.trim();
        let how = if said.is_empty() { "not known to systemd" } else { said };
        (said != "active").then(|| web::bad(format!("{unit} on {host} is {how}: it cannot be reloaded")))
    };
    of.service.hosts.iter().filter_map(stands).collect()
}
