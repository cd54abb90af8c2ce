//! The rules that hold without a word in the configuration.
use crate::core::{
    alerts::{RuleSpec, Severity, Threshold},
    id::RuleName,
};

/// Lists the built-in rules.
pub(super) fn built_in() -> Vec<RuleSpec> {
    let rule = |name: &str, metric: &str, threshold, clear: Option<f64>, for_ms, severity| RuleSpec {
        name: RuleName::from(name),
        metric: metric.to_owned(),
        threshold,
        clear,
        for_ms,
        severity,
        matches: std::collections::BTreeMap::new(),
        enabled: true,
    };
    vec![
        rule("cpu", "host.cpu", Threshold::Above(80.0), Some(70.0), 300_000, Severity::P2),
        rule("memory", "host.memory", Threshold::Above(85.0), Some(80.0), 120_000, Severity::P2),
        rule("disk", "host.disk_free", Threshold::Below(10.0), Some(12.0), 300_000, Severity::P1),
        rule("down", "service.down", Threshold::Above(0.0), None, 0, Severity::P1),
    ]
}
