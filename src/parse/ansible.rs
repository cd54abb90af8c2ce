//! What `ansible-playbook --list-hosts` says: behind a first line with its exit code, each line set in by a blank.

/// Most hosts that are read.
const HOSTS: usize = 1_000;

/// Reads the hosts that a playbook would change, each once, in its order.
///
/// # Errors
/// What was said instead: that it failed, or that there are none.
pub fn hosts(answer: &str) -> Result<Vec<String>, String> {
    let (code, said) = answer.split_once('\n').unwrap_or((answer, ""));
    if code != "exit 0" {
        let telling = said.lines().map(str::trim).find(|line| line.starts_with("ERROR") || line.contains("not found"));
        return Err(telling
            .unwrap_or_else(|| said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(code))
            .to_owned());
    }
    let (mut hosts, mut listing) = (Vec::<String>::new(), false);
    for line in said.lines() {
        let text = line.trim();
        let depth = line.len() - line.trim_start().len();
        if text.starts_with("hosts (") && text.ends_with("):") {
            listing = true;
        } else if listing && depth >= 7 && !text.is_empty() {
            if hosts.len() < HOSTS && !hosts.iter().any(|host| host == text) {
                hosts.push(text.to_owned());
            }
        } else {
            listing = false;
        }
    }
    if hosts.is_empty() {
        Err("its plays have no hosts: see the inventory and the limit".to_owned())
    } else {
        Ok(hosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "exit 0\n \n playbook: edge.yml\n \n   play #1 (edge): edge\tTAGS: []\n     pattern: ['edge']\n     hosts (2):\n       edge-fra\n       edge-nyc\n \n   play #2 (all): all\tTAGS: []\n     pattern: ['all']\n     hosts (1):\n       edge-fra";

    #[test]
    fn each_host_is_read_once() {
        assert_eq!(hosts(TEXT).unwrap(), ["edge-fra", "edge-nyc"]);
    }

    #[test]
    fn what_is_no_list_is_refused_in_its_own_words() {
        assert_eq!(
            hosts("exit 4\n [WARNING]: x\n ERROR! the playbook: x could not be found").unwrap_err(),
            "ERROR! the playbook: x could not be found"
        );
        assert!(hosts("exit 127\n sh: 1: ansible-playbook: not found").unwrap_err().contains("not found"));
        assert!(hosts("exit 0\n playbook: x").unwrap_err().contains("no hosts"));
        assert_eq!(hosts("").unwrap_err(), "");
    }
}
