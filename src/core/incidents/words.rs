//! What an incident's timeline says, with the names that people give to its parts.
use super::{Incident, IncidentEventKind};
use crate::core::time::{Timestamp, clock};

impl Incident {
    /// Says how long after its onset something happened: `+01:20`, `-00:28`.
    pub fn offset(&self, at: Timestamp) -> String {
        let ms = at.since(self.zero());
        let clock = clock(ms.unsigned_abs());
        let short = clock.strip_prefix("00:").unwrap_or(&clock);
        format!("{}{short}", if ms < 0 { "-" } else { "+" })
    }

    /// Says what an entry tells, with hypotheses and tasks by the names that people know them by.
    pub fn tells(&self, kind: &IncidentEventKind) -> String {
        let name = |seq: &u64| {
            let place = self.hypotheses.keys().position(|known| known == seq);
            place.map_or_else(|| seq.to_string(), |at| format!("H{}", at + 1))
        };
        if let IncidentEventKind::Argument { of, supports, text } = kind {
            return format!("{} {}: {text}", if *supports { "for" } else { "against" }, name(of));
        }
        if let IncidentEventKind::Verdict { of, holds } = kind {
            return format!("{} {}", name(of), if *holds { "holds" } else { "is ruled out" });
        }
        if let IncidentEventKind::TaskDone { of } = kind {
            let task = self.tasks.get(of).map_or("?", |task| task.text.as_str());
            return format!("done: {task}");
        }
        kind.says()
    }
}
