//! The vulnerability scanner of the fleet: answers as Qualys does, of findings that are made up and say so.
use super::world::Answer;
use crate::core::time::{DAY, HOUR, Timestamp};

/// Host, number, severity, how long ago it was found first and last, title, whether it fails PCI.
const FINDINGS: [(&str, u32, u8, i64, i64, &str, bool); 4] = [
    ("pay-01", 38_904, 5, 12 * DAY, 5 * HOUR, "DEMO: OpenSSH lets strangers run code", true),
    ("lb-01", 38_794, 4, 51 * DAY, 5 * HOUR, "DEMO: TLS 1.0 is accepted", true),
    ("db-01", 197_595, 4, 3 * DAY, 29 * HOUR, "DEMO: MySQL is two releases behind", false),
    ("printer", 11_830, 3, 80 * DAY, 5 * HOUR, "DEMO: a web interface without a password", false),
];

/// Answers what a scanner is asked; none where that is something else.
pub(super) fn answer(path: &str, now: Timestamp) -> Option<Answer> {
    let body = match path.split('?').next()? {
        "/api/5.0/fo/asset/host/vm/detection/" => detections(now),
        "/api/2.0/fo/knowledge_base/vuln/" => knowledge(),
        _ => return None,
    };
    Some(Answer { status: 200, after_ms: 40, kind: "text/xml", body })
}

fn detections(now: Timestamp) -> String {
    let hosts = FINDINGS.iter().map(|(host, qid, severity, first, last, ..)| {
        format!(
            "<HOST><ID>{qid}</ID><DNS_DATA><HOSTNAME>{host}</HOSTNAME></DNS_DATA><DETECTION_LIST><DETECTION><QID>{qid}</QID>\
             <TYPE>Confirmed</TYPE><SEVERITY>{severity}</SEVERITY><STATUS>Active</STATUS>\
             <FIRST_FOUND_DATETIME>{}</FIRST_FOUND_DATETIME><LAST_FOUND_DATETIME>{}</LAST_FOUND_DATETIME></DETECTION>\
             </DETECTION_LIST></HOST>",
            (now - *first).rfc3339(),
            (now - *last).rfc3339()
        )
    });
    let hosts: String = hosts.collect();
    format!(
        "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><DATETIME>{}</DATETIME><HOST_LIST>{hosts}</HOST_LIST></RESPONSE>\
         </HOST_LIST_VM_DETECTION_OUTPUT>",
        now.rfc3339()
    )
}

fn knowledge() -> String {
    let vulns = FINDINGS.iter().map(|(_, qid, _, _, _, title, pci)| {
        let pci = u8::from(*pci);
        format!("<VULN><QID>{qid}</QID><TITLE>{title}</TITLE><PATCHABLE>1</PATCHABLE><PCI_FLAG>{pci}</PCI_FLAG></VULN>")
    });
    let vulns: String = vulns.collect();
    format!(
        "<KNOWLEDGE_BASE_VULN_LIST_OUTPUT><RESPONSE><VULN_LIST>{vulns}</VULN_LIST></RESPONSE></KNOWLEDGE_BASE_VULN_LIST_OUTPUT>"
    )
}
