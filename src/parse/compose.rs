//! What `docker compose ps --format json` says of containers: one object a line, or one list by versions before 2.21.
use serde::Deserialize;

/// A container of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The service it is of.
    pub service: String,
    /// What it is made of.
    pub image: String,
    /// `running`, `exited` …
    pub state: String,
    /// `healthy`, `starting`, `unhealthy`; empty where nobody asks it.
    pub health: String,
    /// What it ended with.
    pub exit_code: i64,
}

impl Container {
    /// Says whether it runs, and is healthy where it is asked.
    pub fn runs(&self) -> bool {
        self.state == "running" && matches!(self.health.as_str(), "" | "healthy")
    }

    /// Says how it stands: `shop-api-1 is exited, exit code 137`.
    pub fn words(&self) -> String {
        let health = if self.health.is_empty() { String::new() } else { format!(", {}", self.health) };
        let code = if self.state == "running" { String::new() } else { format!(", exit code {}", self.exit_code) };
        format!("{} is {}{health}{code}", self.name, self.state)
    }
}

/// Most containers that are read.
const CONTAINERS: usize = 200;

/// Reads the containers; nothing is none.
///
/// # Errors
/// What was said instead.
pub fn containers(answer: &str) -> Result<Vec<Container>, String> {
    let unread = |error: serde_json::Error| format!("its answer cannot be read: {error}");
    let mut read = match answer.bytes().next() {
        None => Vec::new(),
        Some(b'[') => serde_json::from_str::<Vec<Container>>(answer).map_err(unread)?,
        Some(b'{') => {
            let lines = answer.lines().filter(|line| !line.is_empty()).take(CONTAINERS);
            lines.map(|line| serde_json::from_str(line).map_err(unread)).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(super::kubernetes::words(answer)),
    };
    read.truncate(CONTAINERS);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"ID":"1553b023","Name":"shop-api-1","Image":"reg/api:v1","Command":"\"/entry.sh\"","Project":"shop","Service":"api","State":"running","Status":"Up 2 hours (healthy)","Health":"healthy","ExitCode":0,"Publishers":null,"Labels":"a=b"}"#;
    const TWO: &str =
        r#"{"Name":"shop-api-2","Image":"reg/api:v1","Service":"api","State":"exited","Health":"","ExitCode":137}"#;

    #[test]
    fn both_shapes_say_the_same() {
        let lines = containers(&format!("{ONE}\n{TWO}\n")).unwrap();
        assert_eq!(lines, containers(&format!("[{ONE},{TWO}]")).unwrap());
        assert!(lines[0].runs() && !lines[1].runs());
        assert_eq!(lines[1].words(), "shop-api-2 is exited, exit code 137");
        assert_eq!(containers("").unwrap(), []);
    }

    #[test]
    fn what_is_no_list_is_refused_in_its_own_words() {
        assert_eq!(containers(" no such service: api").unwrap_err(), "no such service: api");
        for hostile in ["[", "{", "[1]", "{\"Name\":7}", "{\"Name\":\"a\"}\n7"] {
            assert!(containers(hostile).is_err(), "{hostile}");
        }
    }
}
