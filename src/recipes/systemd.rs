//! Services that are systemd units.
use super::{Context, PATH, Recipe, path_misfit, quote};
use crate::{
    config::{self, Field, Kind, Misfit, Shape},
    core::{inventory::Params, runs::Plan},
};

/// Restarts a systemd unit.
#[derive(Debug)]
pub(super) struct Systemd;

const FIELDS: &[Field] = &[
    Field { name: "unit", shape: Shape::Text, required: true, doc: "The unit, as in nginx.service." },
    PATH,
    Field {
        name: "restart",
        shape: Shape::Choice(&["restart", "reload", "reload-or-restart"]),
        required: false,
        doc: "What R does. Default: restart.",
    },
    Field {
        name: "sudo",
        shape: Shape::Flag,
        required: false,
        doc: "Whether systemctl needs sudo; it is called with -n and never asks. Default: true.",
    },
    Field {
        name: "test",
        shape: Shape::Text,
        required: false,
        doc: "A command that must succeed right before, as in nginx -t.",
    },
];

impl Kind for Systemd {
    fn name(&self) -> &'static str {
        "systemd"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn scripts(&self) -> &'static [&'static str] {
        &["test"]
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let unit = settings.get("unit").and_then(serde_json::Value::as_str);
        let wrong = unit.filter(|unit| !config::is_unit(unit)).map(|unit| {
            let help = format!("with its suffix, as in {:?}", format!("{}.service", unit.trim_start_matches('-')));
            Misfit::new("unit", format!("`unit` is not the name of a unit: {unit:?}"), help)
        });
        wrong.into_iter().chain(path_misfit(settings)).collect()
    }
}

/// systemctl waits for the job; units may take their 90 s to stop.
const TIMEOUT_MS: u64 = 180_000;

impl Recipe for Systemd {
    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let unit = of.needed("unit")?;
        let verb = of.text("restart").unwrap_or("restart");
        let systemctl = if of.flag("sudo", true) { "sudo -n systemctl" } else { "systemctl" };
        let quoted = quote(unit)?;
        // `restart` of a simple unit returns once exec began: whether it lives is seen some seconds later.
        let restart = format!("{systemctl} {verb} {quoted} && sleep 3 && systemctl is-active {quoted}");
        let command = match of.text("test") {
            Some(before) => format!("{before} && {restart}"),
            None => restart,
        };
        let steps =
            of.service.hosts.iter().map(|host| of.step(host, format!("{verb} {unit}"), command.clone(), TIMEOUT_MS));
        let effect = if verb == "reload" {
            "open connections are kept, if the service can reload"
        } else {
            "open connections are cut; the service is away while it starts"
        };
        Ok(Plan {
            steps: steps.collect(),
            effect: effect.into(),
            undo: "nothing to undo: the same version starts again".into(),
            proof: "the unit is active three seconds later, and the checks answer".into(),
            ..of.plan(format!("{verb} {}", of.service.id.service))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{inventory::Inventory, runs::PlanFacts},
        recipes::tests::service,
    };

    #[test]
    fn the_test_goes_first_and_the_state_is_looked_at_last() {
        let recipe = [("unit", "nginx.service"), ("restart", "reload"), ("test", "sudo -n nginx -t")];
        let service = service("www@prod", "systemd", &["web-01", "web-02"], &recipe);
        let (inventory, facts) = (Inventory::default(), PlanFacts::default());
        let plan = Systemd.restart(Context { inventory: &inventory, service: &service, facts: &facts }).unwrap();
        assert_eq!(plan.steps.len(), 2);
        assert_eq!(
            plan.steps[0].command,
            "sudo -n nginx -t && sudo -n systemctl reload nginx.service && sleep 3 && systemctl is-active nginx.service"
        );
        assert!(plan.effect.contains("kept"));
        assert_eq!(plan.lock, "/run/lock/qd-www@prod");
    }
}
