//! What the AWS command line says of a service of ECS.
use serde::Deserialize;

/// The answer to the question for one service: it, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Answer {
    services: Option<Vec<Service>>,
    failures: Option<Vec<Option<String>>>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub status: String,
    /// What it is to run, as an ARN.
    pub task_definition: String,
    /// How many tasks.
    pub desired_count: u32,
    /// How many run.
    pub running_count: u32,
    /// How many are starting.
    pub pending_count: u32,
    /// What was rolled out last, and what is still there of before.
    pub deployments: Vec<Deployment>,
    /// Whether AWS ends a bad deployment by itself.
    pub breaker: Option<Breaker>,
    /// Who rolls out: `ECS` where it says nothing.
    pub controller: Option<String>,
}

/// One rollout.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// `PRIMARY` is what is wanted; `ACTIVE` what is still there of before.
    pub status: String,
    /// What it runs, as an ARN.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED`, `FAILED`; none under other controllers.
    pub rollout_state: Option<String>,
    /// Tasks of it that failed.
    pub failed_tasks: Option<u32>,
}

/// Whether AWS ends a bad deployment by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// Whether it ends it.
    pub enable: bool,
    /// Whether it brings back what was there.
    pub rollback: bool,
}

/// Within which numbers something else keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Scaler {
    /// Least tasks.
    pub min: u32,
    /// Most tasks.
    pub max: u32,
}

impl Service {
    /// Returns what is wanted.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.status == "PRIMARY")
    }
}

/// Reads the service.
///
/// # Errors
/// What was said instead: an unknown service is no error to the command line.
pub fn service(answer: &str) -> Result<Service, String> {
    let read: Answer = json(answer)?;
    if let Some(service) = read.services.into_iter().flatten().next() {
        let named =
            !service.task_definition.is_empty() && service.primary().is_some_and(|primary| !primary.id.is_empty());
        return if named { Ok(service) } else { Err("what it answers is no service with a deployment".to_owned()) };
    }
    let reason = read.failures.into_iter().flatten().flatten().next();
    Err(format!("there is no such service in the cluster ({})", reason.unwrap_or_else(|| "MISSING".to_owned())))
}

/// Reads the short names of task definitions, `api:42`, the newest first.
///
/// # Errors
/// What was said instead.
pub fn definitions(answer: &str) -> Result<Vec<String>, String> {
    let arns: Vec<String> = json(answer)?;
    Ok(arns.iter().map(|arn| short(arn).to_owned()).filter(|name| revision(name).is_some()).collect())
}

/// Reads what else scales it.
///
/// # Errors
/// What was said instead.
pub fn scalers(answer: &str) -> Result<Vec<Scaler>, String> {
    json(answer)
}

/// Reads the images of a task definition; none where it said something else.
pub fn images(answer: &str) -> Vec<String> {
    json(answer).unwrap_or_default()
}

fn json<T: for<'a> Deserialize<'a>>(answer: &str) -> Result<T, String> {
    if answer.is_empty() || answer.starts_with(' ') {
        return Err(words(answer));
    }
    serde_json::from_str(answer).map_err(|error| format!("its answer cannot be read: {error}"))
}

/// Returns what the command line says is wrong, and what helps where that is known.
fn words(answer: &str) -> String {
    let line = super::kubernetes::words(answer);
    if line.contains("Token has expired") || line.contains("sso") && line.contains("expired") {
        return format!("{line}: run `aws sso login` there");
    }
    line
}

/// Returns the last part of a task definition's ARN: `api:42`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns the family and the number of a task definition's short name.
pub fn revision(short: &str) -> Option<(&str, u64)> {
    let (family, number) = short.rsplit_once(':')?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let named = !family.is_empty() && family.chars().all(fits) && !family.starts_with('-');
    Some((family, number.parse().ok()?)).filter(|_| named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_there_is_said_to_be() {
        let missing = r#"{"failures":["MISSING"],"services":[]}"#;
        assert_eq!(service(missing).unwrap_err(), "there is no such service in the cluster (MISSING)");
        let expired = " Error when retrieving token from sso: Token has expired and refresh failed";
        assert!(service(expired).unwrap_err().ends_with("run `aws sso login` there"));
        for hostile in [
            "{",
            "[]",
            "7",
            r#"{"services":[{}]}"#,
            r#"{"services":[{"taskDefinition":"a:1","deployments":[{"status":"PRIMARY"}]}]}"#,
        ] {
            assert!(service(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn definitions_are_told_apart_by_their_numbers() {
        let text = r#"["arn:aws:ecs:us-west-2:1:task-definition/api:42","arn:x/api:41","arn:x/evil;reboot:7","api"]"#;
        assert_eq!(definitions(text).unwrap(), ["api:42", "api:41"]);
        assert_eq!(revision("api:42"), Some(("api", 42)));
        assert_eq!(revision("-x:1"), None);
    }
}
