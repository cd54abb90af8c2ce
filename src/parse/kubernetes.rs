//! What `kubectl` says of a deployment, its revisions and what scales it.
use std::collections::BTreeMap;

use serde::Deserialize;

/// A deployment, as `kubectl get deployment NAME -o json` prints it. Counts that are nought are left out there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deployment {
    /// Who it is.
    pub metadata: Metadata,
    /// What it is to be.
    pub spec: Spec,
    /// What it is.
    pub status: Status,
}

/// Who an object is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// Its id in the cluster.
    pub uid: String,
    /// Counts its changes.
    pub generation: i64,
    /// Notes; the revision is one.
    pub annotations: BTreeMap<String, String>,
}

/// What a deployment is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// How many pods.
    pub replicas: Option<u32>,
    /// Whether changes wait.
    pub paused: bool,
    /// Seconds without progress after which a change has failed.
    pub progress_deadline_seconds: Option<u64>,
    /// How pods are replaced.
    pub strategy: Strategy,
    /// What a pod is made of.
    pub template: Template,
}

/// How pods are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Strategy {
    /// `RollingUpdate` or `Recreate`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What a pod is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Template {
    /// What runs in it.
    pub spec: PodSpec,
}

/// What runs in a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodSpec {
    /// Its containers.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub image: String,
}

/// What a deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The change that is being worked on.
    pub observed_generation: i64,
    /// All pods.
    pub replicas: u32,
    /// Pods of the newest template.
    pub updated_replicas: u32,
    /// Pods that serve.
    pub available_replicas: u32,
    /// How it gets on.
    pub conditions: Vec<Condition>,
}

/// How something of a deployment stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// What: `Progressing`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why.
    pub reason: String,
}

/// A template that a deployment had, kept as a replica set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Kept {
    revision: String,
    owners: Vec<String>,
    created: String,
    images: BTreeMap<String, String>,
}

/// A revision that can be gone back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; it changes when it is gone back to.
    pub number: u64,
    /// When its template was first rolled out, as text that sorts by time.
    pub created: String,
    /// Images by container.
    pub images: BTreeMap<String, String>,
}

/// What scales something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Scaler {
    /// What it scales: `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Least pods.
    pub min: u32,
    /// Most pods.
    pub max: u32,
}

/// Most lines that are read of a list.
const LINES: usize = 500;

impl Deployment {
    /// Returns its revision.
    pub fn revision(&self) -> Option<u64> {
        self.metadata.annotations.get("deployment.kubernetes.io/revision")?.parse().ok()
    }

    /// Says what is still to come of its last change; none when it is through. The rule is kubectl's own.
    pub fn unfinished(&self) -> Option<String> {
        let status = &self.status;
        let wanted = self.spec.replicas.unwrap_or(1);
        let stuck =
            |condition: &&Condition| condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded";
        if self.metadata.generation > status.observed_generation {
            Some("its last change is not taken up yet".to_owned())
        } else if status.conditions.iter().any(|condition| stuck(&condition)) {
            Some("its last change made no progress for too long".to_owned())
        } else if status.updated_replicas < wanted {
            Some(format!("{} of {wanted} pods are new", status.updated_replicas))
        } else if status.replicas > status.updated_replicas {
            Some(format!("{} old pods are ending", status.replicas - status.updated_replicas))
        } else if status.available_replicas < status.updated_replicas {
            Some(format!("{} of {} pods are available", status.available_replicas, status.updated_replicas))
        } else {
            None
        }
    }
}

/// Reads a deployment; kubectl's own words when it printed none.
///
/// # Errors
/// What it said instead.
pub fn deployment(answer: &str) -> Result<Deployment, String> {
    if !answer.starts_with('{') {
        return Err(words(answer));
    }
    let read: Deployment =
        serde_json::from_str(answer).map_err(|error| format!("its answer cannot be read: {error}"))?;
    let named = !read.metadata.uid.is_empty() && !read.spec.template.spec.containers.is_empty();
    named.then_some(read).ok_or_else(|| "what it answers is no deployment".to_owned())
}

/// Reads the revisions of the deployment with this id, the newest number last; a line that cannot be read is none.
///
/// # Errors
/// What kubectl said instead.
pub fn revisions(answer: &str, uid: &str) -> Result<Vec<Revision>, String> {
    let kept = lines::<Kept>(answer)?.into_iter().filter(|kept| kept.owners.iter().any(|owner| owner == uid));
    let mut revisions: Vec<Revision> = kept
        .filter_map(|mut kept| {
            kept.images.retain(|name, _| !name.is_empty());
            Some(Revision { number: kept.revision.parse().ok()?, created: kept.created, images: kept.images })
        })
        .collect();
    revisions.sort_by_key(|revision| revision.number);
    Ok(revisions)
}

/// Reads what scales deployments.
///
/// # Errors
/// What kubectl said instead.
pub fn scalers(answer: &str) -> Result<Vec<Scaler>, String> {
    lines(answer)
}

/// Reads one value a line.
fn lines<T: for<'a> Deserialize<'a>>(answer: &str) -> Result<Vec<T>, String> {
    if answer.lines().any(|line| line.starts_with(' ')) {
        return Err(words(answer));
    }
    Ok(answer.lines().take(LINES).filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Returns the first line of what it said, without the word that all its errors begin with.
pub fn words(answer: &str) -> String {
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Splits an image into what it is an image of, and its tag or digest with the sign before it.
pub fn image(image: &str) -> (&str, &str) {
    let at = image.find('@').or_else(|| {
        let name = image.rfind('/').map_or(0, |slash| slash + 1);
        image.get(name..).and_then(|name| name.find(':')).map(|colon| name + colon)
    });
    at.and_then(|at| image.split_at_checked(at)).unwrap_or((image, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_and_a_tag() {
        assert_eq!(image("api"), ("api", ""));
        assert_eq!(image("api:v1"), ("api", ":v1"));
        assert_eq!(image("reg.example:5000/shop/api"), ("reg.example:5000/shop/api", ""));
        assert_eq!(image("reg.example:5000/shop/api:v1"), ("reg.example:5000/shop/api", ":v1"));
        assert_eq!(image("reg:5000/api:v1@sha256:ff"), ("reg:5000/api:v1", "@sha256:ff"));
    }

    #[test]
    fn a_rollout_is_through_when_all_of_it_is() {
        let read = |spec: &str, status: &str| -> Option<String> {
            let text = format!(
                r#"{{"metadata":{{"uid":"u","generation":7}},"spec":{{{spec}"template":{{"spec":{{"containers":[{{"name":"api","image":"api:v1"}}]}}}}}},"status":{{{status}}}}}"#
            );
            deployment(&text).unwrap().unfinished()
        };
        let full = r#""observedGeneration":7,"replicas":3,"updatedReplicas":3,"availableReplicas":3"#;
        assert_eq!(read(r#""replicas":3,"#, full), None);
        assert_eq!(read(r#""replicas":0,"#, r#""observedGeneration":7"#), None, "nought is left out");
        let said = |spec, status| read(spec, status).unwrap();
        assert!(
            said(
                r#""replicas":3,"#,
                r#""observedGeneration":6,"replicas":3,"updatedReplicas":3,"availableReplicas":3"#
            )
            .contains("taken up")
        );
        assert!(said(r#""replicas":4,"#, full).contains("3 of 4 pods are new"));
        assert!(
            said(
                r#""replicas":3,"#,
                r#""observedGeneration":7,"replicas":4,"updatedReplicas":3,"availableReplicas":3"#
            )
            .contains("1 old")
        );
        assert!(
            said(r#""replicas":3,"#, r#""observedGeneration":7,"replicas":3,"updatedReplicas":3"#)
                .contains("0 of 3 pods are available")
        );
        let stuck = format!(r#"{full},"conditions":[{{"type":"Progressing","reason":"ProgressDeadlineExceeded"}}]"#);
        assert!(said(r#""replicas":3,"#, &stuck).contains("no progress"));
    }

    #[test]
    fn only_its_own_revisions_are_read() {
        let text = "{\"revision\":\"12\",\"owners\":[\"u\",\"\"],\"created\":\"2026-01-02T00:00:00Z\",\"images\":{\"api\":\"api:v2\",\"\":\"\"}}\n\
            {\"revision\":\"3\",\"owners\":[\"other\",\"\"],\"created\":\"\",\"images\":{\"\":\"\"}}\n\
            {\"revision\":\"\",\"owners\":[\"u\"],\"created\":\"\",\"images\":{}}\nnonsense\n\
            {\"revision\":\"11\",\"owners\":[\"u\",\"\"],\"created\":\"2026-01-01T00:00:00Z\",\"images\":{\"api\":\"api:v1\",\"\":\"\"}}";
        let numbers: Vec<u64> = revisions(text, "u").unwrap().iter().map(|revision| revision.number).collect();
        assert_eq!(numbers, [11, 12]);
        let said = revisions(" Error from server (Forbidden): replicasets.apps is forbidden", "u").unwrap_err();
        assert!(said.contains("Forbidden"));
    }

    #[test]
    fn what_is_no_deployment_is_refused_in_its_own_words() {
        assert_eq!(deployment(" error: context \"x\" does not exist").unwrap_err(), "context \"x\" does not exist");
        assert!(deployment("").unwrap_err().contains("nothing"));
        for hostile in
            ["{", "{}", "{\"metadata\":{\"uid\":\"u\"}}", "{\"metadata\":7}", "[]", "{\"spec\":{\"replicas\":-1}}"]
        {
            assert!(deployment(hostile).is_err(), "{hostile}");
        }
    }
}
