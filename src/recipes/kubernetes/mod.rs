//! Deployments of Kubernetes, by the `kubectl` of a host that controls them.
use super::{Context, PATH, Recipe, control, fill, offers, path_misfit, quote};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::HostName,
        inventory::{Params, Service},
        runs::{
            Action, Fit, Order, Plan, Precheck, Step, Takes, Task, Wanted, What, is_version,
            offer::{Brings, Known},
        },
    },
    parse::kubernetes::{self, Deployment, Revision},
};

/// Changes a deployment. Every command names its context and namespace: the host's own choice may be another cluster.
#[derive(Debug)]
pub(super) struct Kubernetes;

const FIELDS: &[Field] = &[
    Field {
        name: "context",
        shape: Shape::Text,
        required: true,
        doc: "The context of the kubeconfig on the first of `hosts`, where kubectl is run.",
    },
    Field { name: "namespace", shape: Shape::Text, required: true, doc: "Its namespace." },
    Field {
        name: "deployment",
        shape: Shape::Text,
        required: false,
        doc: "The deployment. Default: the service's name.",
    },
    Field {
        name: "container",
        shape: Shape::Text,
        required: false,
        doc: "The container whose image is the version. Default: the only one, or the one that is named like the deployment.",
    },
    Field {
        name: "within",
        shape: Shape::Duration,
        required: false,
        doc: "How long a rollout may take. Default: the deployment's progress deadline and a minute.",
    },
    PATH,
];

impl Kind for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let named = ["namespace", "deployment", "container"].into_iter().filter_map(|key| {
            let name = settings.get(key)?.as_str().filter(|name| !is_name(name))?;
            let help = "lower-case letters, digits, dots and dashes, as kubectl prints it";
            Some(Misfit::new(key, format!("`{key}` is no name in a cluster: {name:?}"), help))
        });
        named.chain(path_misfit(settings)).collect()
    }
}

/// Says whether a text can be the name of an object.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-".contains(letter);
    (1..=253).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(['-', '.'])
}

/// Most pods that a deployment is scaled to from here.
const MOST_PODS: u32 = 1_000;
/// One call of kubectl that changes something.
const CHANGE_MS: u64 = 120_000;

/// Returns the deployment's name.
fn name(service: &Service) -> &str {
    service.recipe.get("deployment").and_then(serde_json::Value::as_str).unwrap_or(service.id.service.as_str())
}

/// What the cluster said of the deployment.
struct Cluster<'a> {
    of: Context<'a>,
    host: &'a HostName,
    name: &'a str,
    context: String,
    namespace: String,
    deployment: Deployment,
    revision: u64,
    revisions: Vec<Revision>,
}

impl<'a> Cluster<'a> {
    fn of(of: Context<'a>) -> Result<Self, String> {
        let host = of.service.hosts.first().ok_or("it has no host that kubectl is run on")?;
        let name = name(of.service);
        let said = |question: &str| of.said(host, question).unwrap_or_default();
        let why = |error: String| format!("kubectl on {host}: {error}");
        let deployment = kubernetes::deployment(said("deployment")).map_err(why)?;
        let revisions = kubernetes::revisions(said("revisions"), &deployment.metadata.uid).map_err(why)?;
        if !is_name(name) {
            return Err(format!("{name:?} cannot be a deployment: name it in the recipe"));
        }
        if deployment.spec.paused {
            let resume = format!("kubectl rollout resume deployment/{name}");
            return Err(format!("{name} is paused: nothing is rolled out until somebody resumes it ({resume})"));
        }
        let revision = deployment.revision().ok_or_else(|| format!("{name} has no revision yet"))?;
        let (context, namespace) = (quote(of.needed("context")?)?, quote(of.needed("namespace")?)?);
        Ok(Self { of, host, name, context, namespace, deployment, revision, revisions })
    }

    /// Finds the container whose image is the version.
    fn container(&self) -> Result<&kubernetes::Container, String> {
        let all = &self.deployment.spec.template.spec.containers;
        let wanted = self.of.text("container");
        let found = match (wanted, all.as_slice()) {
            (None, [only]) => Some(only),
            _ => all.iter().find(|container| container.name == wanted.unwrap_or(self.name)),
        };
        found.filter(|container| is_name(&container.name)).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|container| container.name.as_str()).collect();
            let which = wanted.map_or_else(
                || "say in the recipe which `container` it is".to_owned(),
                |wanted| format!("none is {wanted}"),
            );
            format!("the pods of {} have {}: {which}", self.name, names.join(", "))
        })
    }

    /// Says what a revision runs, in as few words as tell it: the tag of its image.
    fn version_of(&self, revision: &Revision) -> String {
        let container = self.container().map(|container| container.name.clone()).unwrap_or_default();
        let image = revision.images.get(&container).or_else(|| revision.images.values().next());
        image.map_or_else(|| "?".to_owned(), |image| tag(image).to_owned())
    }

    fn step(&self, name: &str, template: &str, values: &[(&str, &str)], timeout_ms: u64) -> Step {
        let own = [("CONTEXT", self.context.as_str()), ("NAMESPACE", &self.namespace), ("NAME", self.name)];
        let values: Vec<(&str, &str)> = own.into_iter().chain(values.iter().copied()).collect();
        self.of.step(self.host, name, fill(template, &values).trim_end(), timeout_ms)
    }

    /// Changes it, unless somebody else did since it was looked at.
    fn change(&self, name: &str, change: &str) -> Step {
        let values = [("REVISION", self.revision.to_string()), ("CHANGE", change.to_owned())];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.step(name, include_str!("change.sh"), &values, CHANGE_MS)
    }

    /// Waits until all pods are new and serve.
    fn rolled(&self) -> Step {
        let deadline = self.deployment.spec.progress_deadline_seconds.unwrap_or(600).min(86_400);
        let within = self.of.number("within", (deadline + 60) * 1_000).max(1_000);
        let seconds = (within / 1_000).to_string();
        self.step("roll out", include_str!("rolled.sh"), &[("SECONDS", &seconds)], within * 2 + CHANGE_MS)
    }

    /// Brings the revision back that runs now, by its number: undoing twice without one would flip back. `image` is what the
    /// run makes it.
    fn back(&self, image: &str) -> Result<Vec<Step>, String> {
        let container = self.container()?;
        let (image, before, revision) = (quote(image)?, quote(&container.image)?, self.revision.to_string());
        let values =
            [("CONTAINER", container.name.as_str()), ("IMAGE", &image), ("BEFORE", &before), ("REVISION", &revision)];
        let back = self.step("take back", include_str!("back.sh"), &values, CHANGE_MS);
        Ok(vec![back, self.rolled()])
    }

    fn effect(&self) -> String {
        let text = if self.deployment.spec.strategy.kind == "Recreate" {
            "all pods are ended before the first new one starts: it is away meanwhile (strategy Recreate)"
        } else {
            "pods are replaced a few at a time; no request is lost if each is ready when it says so, and ends gently"
        };
        text.to_owned()
    }

    /// Says what runs now: the tag, and the revision.
    fn now(&self) -> String {
        let version = self.container().map_or_else(|_| "?".to_owned(), |container| tag(&container.image).to_owned());
        format!("{version} (revision {})", self.revision)
    }

    fn prechecks(&self) -> Vec<Precheck> {
        let mut checks = Vec::new();
        let spec = &self.deployment.spec;
        let mut check = |verdict, text: String| checks.push(Precheck { verdict, text });
        let counts = (self.deployment.status.available_replicas, spec.replicas.unwrap_or(1));
        match self.deployment.unfinished() {
            Some(what) => check(Fit::Doubtful, format!("{} is being changed, or stuck: {what}", self.name)),
            None => {
                check(Fit::Good, format!("{}: {}, {} of {} pods available", self.name, self.now(), counts.0, counts.1));
            }
        }
        let rights = self.of.said(self.host, "rights").unwrap_or_default().trim();
        if rights.starts_with("yes") {
            check(Fit::Good, format!("kubectl on {} may change it", self.host));
        } else if rights.starts_with("no") {
            check(Fit::Bad, format!("kubectl on {} may not change it: {rights}", self.host));
        } else {
            check(Fit::Doubtful, format!("whether it may be changed is not known: {}", kubernetes::words(rights)));
        }
        checks
    }

    fn plan(&self, title: String) -> Plan {
        Plan {
            from: Some(self.now()),
            effect: self.effect(),
            proof: "all pods are new and available by kubectl's own rule; then the checks".into(),
            prechecks: self.prechecks(),
            ..self.of.plan(title)
        }
    }

    /// Chooses what to go back to: a revision by its number, or by its tag the newest such; else the newest template that was
    /// rolled out before the one that runs. Numbers do not tell which is older: going back to one gives it a new one.
    fn target(&self, to: Option<&str>) -> Result<&Revision, String> {
        let known = || {
            let each =
                self.revisions.iter().map(|revision| format!("{} ({})", revision.number, self.version_of(revision)));
            let listed = each.collect::<Vec<_>>().join(", ");
            if listed.is_empty() { "none".to_owned() } else { listed }
        };
        if let Some(to) = to {
            let number = self.revisions.iter().find(|revision| revision.number.to_string() == to);
            let tagged = || self.revisions.iter().rev().find(|revision| self.version_of(revision) == to);
            return number.or_else(tagged).ok_or_else(|| format!("there is no revision {to}; there are: {}", known()));
        }
        let runs = self.revisions.iter().find(|revision| revision.number == self.revision);
        let Some(runs) = runs else {
            return Err(format!("revision {} is not among those that are kept ({}): name one", self.revision, known()));
        };
        let older = self.revisions.iter().filter(|revision| revision.created < runs.created);
        older.max_by(|a, b| a.created.cmp(&b.created)).ok_or_else(|| {
            format!("nothing was rolled out before {}, as far as it is kept; there are: {}", self.now(), known())
        })
    }
}

/// Returns the tag or digest of an image; all of it where it has none.
fn tag(image: &str) -> &str {
    let (name, tag) = kubernetes::image(image);
    if tag.is_empty() { name } else { tag.trim_start_matches([':', '@']) }
}

/// Returns an image with another tag, or with a digest.
fn tagged(image: &str, version: &str) -> Result<String, String> {
    let digest = version.strip_prefix("sha256:");
    let fits = match digest {
        Some(digest) => digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => is_version(version) && !version.contains('+'),
    };
    if !fits {
        return Err(format!("{version:?} cannot be the tag of an image"));
    }
    // What has both a tag and a digest has neither afterwards.
    let name = kubernetes::image(kubernetes::image(image).0).0;
    Ok(format!("{name}{}{version}", if digest.is_some() { '@' } else { ':' }))
}

impl Recipe for Kubernetes {
    fn hosts<'a>(&self, service: &'a Service) -> &'a [HostName] {
        control(service)
    }

    fn looks_first(&self) -> bool {
        false
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        let text = |key: &str| service.recipe.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (context, namespace) = (quote(text("context")).ok()?, quote(text("namespace")).ok()?);
        let scales = matches!(wanted, Wanted::Task(_));
        let verb = if scales { "update deployments --subresource=scale" } else { "patch deployments" };
        let values = [
            ("CONTEXT", context.as_str()),
            ("NAMESPACE", &namespace),
            ("NAME", &quote(name(service)).ok()?),
            ("SCALERS", if scales { include_str!("scalers.sh") } else { "" }),
            ("VERB", verb),
        ];
        Some(fill(include_str!("survey.sh"), &values))
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let restart = format!("rollout restart deployment/{}", cluster.name);
        // The pods of before stay until new ones serve: a restart that gets stuck can be taken back.
        let undo_steps = cluster.container().and_then(|container| cluster.back(&container.image)).unwrap_or_default();
        Ok(Plan {
            steps: vec![cluster.change("restart", &restart), cluster.rolled()],
            undo: format!(
                "the same version starts again; if that gets stuck, revision {} is brought back",
                cluster.revision
            ),
            undo_steps,
            ..cluster.plan(format!("restart {}", of.service.id.service))
        })
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let What::Version { version } = what else {
            return Err(format!("{} is brought out as an image: --version names its tag", of.service.id));
        };
        let cluster = Cluster::of(of)?;
        let container = cluster.container()?;
        let image = tagged(&container.image, version)?;
        if image == container.image {
            return Err(format!("{image} is what it runs already; to have the tag pulled again, restart it"));
        }
        let set = format!("set image deployment/{} {}={}", cluster.name, quote(&container.name)?, quote(&image)?);
        Ok(Plan {
            action: Action::Deploy { version: version.clone() },
            steps: vec![cluster.change("set image", &set), cluster.rolled()],
            undo: format!("by itself, once: revision {} ({}) is brought back", cluster.revision, container.image),
            undo_steps: cluster.back(&image)?,
            undo_by_itself: true,
            ..cluster.plan(format!("deploy {} {version}", of.service.id.service))
        })
    }

    fn brings(&self, _: &Service) -> Option<Brings> {
        Some(offers::named("the tag of its image, or a digest (sha256:…)"))
    }

    fn known(&self, of: Context<'_>) -> Result<Known, String> {
        let cluster = Cluster::of(of)?;
        let now = tag(&cluster.container()?.image);
        let of = |revision: &Revision| (cluster.version_of(revision), format!("ran as revision {}", revision.number));
        Ok(offers::versions(Some(now), cluster.revisions.iter().rev().map(of)))
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let target = cluster.target(to)?;
        if target.number == cluster.revision {
            return Err(format!("it runs {} already", cluster.now()));
        }
        let version = cluster.version_of(target);
        let undo = format!("rollout undo deployment/{} --to-revision={}", cluster.name, target.number);
        let container = cluster.container()?;
        let image = target.images.get(&container.name).unwrap_or(&container.image);
        Ok(Plan {
            action: Action::Rollback { version: version.clone() },
            steps: vec![cluster.change("undo", &undo), cluster.rolled()],
            undo: format!("never by itself: it would bring {} back, which is what you leave", cluster.now()),
            undo_steps: cluster.back(image)?,
            ..cluster.plan(format!("roll {} back to {version} (revision {})", of.service.id.service, target.number))
        })
    }

    fn tasks(&self, _: &Service) -> Vec<Task> {
        let replicas = Takes { name: "replicas".into(), required: true, doc: "How many pods.".into() };
        vec![Task {
            name: "scale".into(),
            doc: "Sets how many pods there are.".into(),
            takes: vec![replicas],
            file: false,
        }]
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let cluster = Cluster::of(of)?;
        let given = order.settings.get("replicas").map(String::as_str).unwrap_or_default();
        let to = given.parse::<u32>().ok().filter(|to| *to <= MOST_PODS);
        let to = to.ok_or_else(|| format!("replicas is a number up to {MOST_PODS}, and not {given:?}"))?;
        let now = cluster.deployment.spec.replicas.unwrap_or(1);
        if to == now {
            return Err(format!("{} has {now} pods already", cluster.name));
        }
        // The condition makes it a mistake when somebody else scaled it meanwhile.
        let scale =
            |from: u32, to: u32| format!("scale deployment/{} --replicas={to} --current-replicas={from}", cluster.name);
        let template = "kubectl --context=@CONTEXT@ --namespace=@NAMESPACE@ --request-timeout=60s @CHANGE@";
        let step = |name: &str, from, to| cluster.step(name, template, &[("CHANGE", &scale(from, to))], CHANGE_MS);
        let mut plan = Plan {
            action: Action::Other { name: "scale".into() },
            steps: vec![step("scale", now, to), cluster.rolled()],
            undo: format!("it is scaled back to {now}"),
            undo_steps: vec![step("scale back", to, now), cluster.rolled()],
            ..cluster.plan(format!("scale {} from {now} to {to}", of.service.id.service))
        };
        plan.effect = match to {
            0 => "its last pod goes: it is away until it is scaled up again".into(),
            _ if to < now => format!("{} of {now} pods end; the others take their share", now - to),
            _ => format!("{} more pods, as far as the nodes have room", to - now),
        };
        let said = of.said(cluster.host, "scalers").unwrap_or_default();
        match kubernetes::scalers(said) {
            Ok(scalers) => plan.prechecks.extend(
                scalers.iter().filter(|scaler| scaler.kind == "Deployment" && scaler.name == cluster.name).map(
                    |scaler| {
                        let within = format!("between {} and {}", scaler.min, scaler.max);
                        let text = format!("an autoscaler keeps it {within}, and will set it as it sees fit");
                        Precheck { verdict: Fit::Doubtful, text }
                    },
                ),
            ),
            Err(why) => plan.prechecks.push(Precheck {
                verdict: Fit::Doubtful,
                text: format!("whether something else scales it is not known: {why}"),
            }),
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
