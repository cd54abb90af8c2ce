//! What is longer than a tracker takes at once: it is there to its last word, and each part of it once.
use std::time::Duration;

use quarterdeck::core::{
    incidents::{IncidentEventKind, evidence::sha256},
    outbox::{Sync, Write},
};

use super::{
    faults::tracker,
    sim::{Sim, means},
};
use crate::tickets::{Fault, Shared, Vendor, start};

const VENDORS: [Vendor; 4] = [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday];

async fn opened(vendor: Vendor) -> (Shared, Sim) {
    let (fake, url) = start(vendor, 0).await;
    let mut sim = Sim::new(&tracker(vendor, &url), &fake, means(Duration::from_secs(30)));
    sim.opened().await;
    sim.settle(20).await;
    (fake, sim)
}

/// A document with 3,000 lines of evidence, and what was learned after that.
fn document() -> String {
    let evidence: String = (0..3_000).map(|n| format!("{n} GET /v1/orders{{id}}[{n}] 504 & <slow>\n")).collect();
    format!(
        "# INC-7: play is down\n\n## 7. Evidence\n\n```text\n{evidence}```\n\n## 8. Root cause\n\nthe pool was full\n\n## 10. Follow-ups\n\n- measure the pool\n"
    )
}

#[tokio::test]
async fn a_long_document_is_in_every_ticket_to_its_last_section_each_part_once() {
    let text = document();
    assert!(text.len() > 80_000);
    for vendor in VENDORS {
        let (fake, mut sim) = opened(vendor).await;
        let sha256 = sha256(&text);
        fake.lock().unwrap().faults = vec![Fault::IllAfter, Fault::Lost, Fault::Unheard, Fault::Throttled];
        sim.happens(IncidentEventKind::Published { text: text.clone(), sha256 }).await;
        sim.settle(200).await;
        assert_eq!(sim.sync(), Some(Sync::Synced));
        let parts = sim.state.outbox.items.values().filter(|item| matches!(item.item.write, Write::Comment { .. }));
        let parts = parts.count();
        let fake = fake.lock().unwrap();
        let said: Vec<&str> = fake.tickets[0].comments.iter().map(|(_, text)| text.as_str()).collect();
        assert!(parts > 5 && said.len() == parts, "{vendor:?}: {parts} {}", said.len());
        for (at, text) in (1..).zip(&said) {
            assert!(text.contains(&format!("Part {at} of {parts}.")), "{vendor:?}: {text:.200}");
        }
        assert!(said.last().unwrap().contains("measure the pool"), "{vendor:?}");
        for line in [0, 1_499, 2_999] {
            let line = format!("{line} GET /v1/orders");
            let times: usize = said.iter().map(|text| text.matches(&line).count()).sum();
            assert!(times >= 1, "{vendor:?}: {line}");
        }
        assert!(!said.iter().any(|text| text.contains("longer than fits")), "{vendor:?}");
    }
}

#[tokio::test]
async fn a_long_comment_whose_answer_was_lost_is_there_once_with_its_token() {
    for vendor in VENDORS {
        for letter in ["x", "{", "&", "\\"] {
            let (fake, mut sim) = opened(vendor).await;
            fake.lock().unwrap().faults = vec![Fault::Lost];
            sim.happens(IncidentEventKind::Note { text: format!("begins {}", letter.repeat(70_000)) }).await;
            sim.settle(60).await;
            let fake = fake.lock().unwrap();
            let [(_, text)] = fake.tickets[0].comments.as_slice() else {
                panic!("{vendor:?} {letter}: {} comments", fake.tickets[0].comments.len())
            };
            let token = sim.state.outbox.items.values().find(|item| matches!(item.item.write, Write::Comment { .. }));
            assert!(text.contains(&token.unwrap().token.to_string()), "{vendor:?}");
            assert!(text.contains("more characters are in quarterdeck"), "{vendor:?}: what is cut says so");
        }
    }
}

/// A document with all that documents have, and what others wrote into it.
const DOCUMENT: &str = "# INC-7: play \\*is\\* down\n\n| | |\n|---|---|\n| Severity | P1 |\n| Ticket | gh 12 https://github.example/12 |\n\n**Missing:** `a \\| b`, a [wiki](https://wiki.example/x).\n\n## 3. Timeline\n\n| Offset | What |\n|---|---|\n| +00:01 | \\<script>alert(1)\\</script> {code} [x\\|http://evil] |\n| +00:02 | |\n\n- one\n  - two *really*\n- [x] three\n\n1. first\n2. second\n\n````text\n```\n# no heading {noformat} & <b>\n````\n";

#[tokio::test]
async fn a_document_is_written_in_each_vendors_own_way() {
    for vendor in VENDORS {
        let (fake, mut sim) = opened(vendor).await;
        sim.happens(IncidentEventKind::Published { text: DOCUMENT.to_owned(), sha256: sha256(DOCUMENT) }).await;
        sim.settle(20).await;
        assert_eq!(sim.sync(), Some(Sync::Synced), "{vendor:?}: {:#?}", sim.state.outbox.items);
        let text = fake.lock().unwrap().tickets[0].comments[0].1.clone();
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let shown = match json {
            Some(serde_json::Value::String(text)) => text,
            Some(tree) => serde_json::to_string_pretty(&tree).unwrap(),
            None => text.replace("><", ">\n<"),
        };
        insta::assert_snapshot!(format!("document-{vendor:?}").to_lowercase(), shown);
    }
}
