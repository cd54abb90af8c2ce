//! What Qualys says: XML that is read as a stream. Nothing that a document points to is fetched, and no entity of its own is known.
use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

use super::sanitise;
use crate::core::{
    findings::{Asset, Finding, MOST, Status, Vuln},
    time::Timestamp,
};

/// Elements within each other.
const DEPTH: usize = 32;
/// Bytes of the text of an element.
const TEXT: usize = 4_096;
/// CVEs of one vulnerability.
const CVES: usize = 20;

/// An answer, or a refusal: both come with any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<T> {
    /// What was asked for.
    Answer(T),
    /// Why not.
    Refused(Refusal),
}

/// Why Qualys does not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Its number for that.
    pub code: Option<u32>,
    /// In its words.
    pub text: String,
    /// Seconds that it asks to wait.
    pub wait_s: Option<i64>,
    /// Calls that have to end before.
    pub calls: Option<u32>,
}

/// A page of the list of detections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// When it was written, by the clock of Qualys.
    pub at: Option<Timestamp>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Detections that name no vulnerability or no host, or are more than is kept.
    pub unread: usize,
}

/// Reads a page of the list of detections.
///
/// # Errors
/// That it is no such list, or breaks off.
pub fn detections(body: &[u8]) -> Result<Said<Page>, String> {
    let mut page = Page::default();
    let (mut host, mut one) = (Asset::default(), Draft::default());
    let mut of_host: Vec<Draft> = Vec::new();
    let refused = read(body, "HOST_LIST_VM_DETECTION_OUTPUT", |path, text| match path {
        ["RESPONSE", "DATETIME"] => page.at = moment(text),
        ["RESPONSE", "WARNING", "URL"] => page.next = Some(text.to_owned()).filter(|url| !url.is_empty()),
        ["RESPONSE", "HOST_LIST", "HOST"] => {
            let asset = std::mem::take(&mut host);
            for draft in std::mem::take(&mut of_host) {
                match draft.finding(&asset).filter(|_| page.findings.len() < MOST) {
                    Some(finding) => page.findings.push(finding),
                    None => page.unread += 1,
                }
            }
        }
        ["RESPONSE", "HOST_LIST", "HOST", "DETECTION_LIST", "DETECTION"] => of_host.push(std::mem::take(&mut one)),
        ["RESPONSE", "HOST_LIST", "HOST", "DETECTION_LIST", "DETECTION", field] => one.set(field, text),
        ["RESPONSE", "HOST_LIST", "HOST", field] => match *field {
            "ID" => host.id = text.parse().ok(),
            "IP" => host.ip = word(text),
            "DNS" => host.dns = word(text).or(host.dns.take()),
            _ => {}
        },
        ["RESPONSE", "HOST_LIST", "HOST", "DNS_DATA", "HOSTNAME"] => host.name = word(text),
        ["RESPONSE", "HOST_LIST", "HOST", "DNS_DATA", "FQDN"] => host.dns = host.dns.take().or_else(|| word(text)),
        _ => {}
    })?;
    Ok(refused.map_or(Said::Answer(page), Said::Refused))
}

/// Reads what the library says of vulnerabilities. It leaves out those that it does not know.
///
/// # Errors
/// That it is no such list, or breaks off.
pub fn knowledge(body: &[u8], asked: Timestamp) -> Result<Said<Vec<(u64, Vuln)>>, String> {
    let mut all = Vec::new();
    let empty = || Vuln { asked, ..Vuln::default() };
    let (mut qid, mut one) = (None, empty());
    let refused = read(body, "KNOWLEDGE_BASE_VULN_LIST_OUTPUT", |path, text| match path {
        ["RESPONSE", "VULN_LIST", "VULN"] => {
            let vuln = std::mem::replace(&mut one, empty());
            all.extend(qid.take().map(|qid| (qid, vuln)));
        }
        ["RESPONSE", "VULN_LIST", "VULN", field] => match *field {
            "QID" => qid = text.parse().ok(),
            "TITLE" => one.title = Some(sanitise::line_max(text, 200)).filter(|title| !title.trim().is_empty()),
            "PCI_FLAG" => one.pci = flag(text),
            "PATCHABLE" => one.patchable = flag(text),
            _ => {}
        },
        ["RESPONSE", "VULN_LIST", "VULN", "CVE_LIST", "CVE", "ID"] if one.cves.len() < CVES => {
            one.cves.extend(word(text));
        }
        _ => {}
    })?;
    Ok(refused.map_or(Said::Answer(all), Said::Refused))
}

/// Reads why it does not answer; none where that is not said in its way.
pub fn refusal(body: &[u8]) -> Option<Refusal> {
    read(body, "SIMPLE_RETURN", |_, _| {}).ok().flatten()
}

/// A detection that is being read.
#[derive(Debug, Default)]
struct Draft {
    unique: Option<u64>,
    qid: Option<u64>,
    sure: Option<String>,
    severity: Option<u8>,
    port: Option<u16>,
    protocol: Option<String>,
    status: Option<Status>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    score: Option<u8>,
}

impl Draft {
    fn set(&mut self, field: &str, text: &str) {
        match field {
            "UNIQUE_VULN_ID" => self.unique = text.parse().ok(),
            "QID" => self.qid = text.parse().ok(),
            "TYPE" => self.sure = word(text),
            "SEVERITY" => self.severity = text.parse().ok().filter(|severity| (1..=5).contains(severity)),
            "PORT" => self.port = text.parse().ok().filter(|port| *port > 0),
            "PROTOCOL" => self.protocol = word(text),
            "STATUS" => self.status = word(text).map(status),
            "FIRST_FOUND_DATETIME" => self.first = moment(text),
            "LAST_FOUND_DATETIME" => self.last = moment(text),
            "QDS" => self.score = text.parse().ok().filter(|score| (1..=100).contains(score)),
            _ => {}
        }
    }

    /// Makes a finding of it; none where it does not say what was found, or where.
    fn finding(self, asset: &Asset) -> Option<Finding> {
        let qid = self.qid?;
        let host = asset.id.map(|id| id.to_string()).or_else(|| asset.ip.clone()).or_else(|| asset.dns.clone())?;
        let port = self.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
        let by_place = || format!("{host}/{qid}/{port}/{}", self.protocol.as_deref().unwrap_or("-"));
        Some(Finding {
            key: self.unique.map_or_else(by_place, |unique| unique.to_string()),
            qid,
            asset: asset.clone(),
            severity: self.severity,
            sure: self.sure,
            status: self.status.unwrap_or_else(|| Status::Other("?".to_owned())),
            port: self.port,
            protocol: self.protocol,
            first: self.first,
            last: self.last,
            score: self.score,
            vuln: None,
            gone: None,
            at: Timestamp::default(),
        })
    }
}

fn status(word: String) -> Status {
    match word.as_str() {
        "New" => Status::New,
        "Active" => Status::Active,
        "Re-Opened" => Status::ReOpened,
        "Fixed" => Status::Fixed,
        _ => Status::Other(word),
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

fn word(text: &str) -> Option<String> {
    Some(sanitise::name(text)).filter(|word| !word.trim().is_empty())
}

fn moment(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| Timestamp(at.timestamp_millis()))
}

/// Reads a document whose root is called `root`: tells each element that ends by its path below the root, with the text that stands
/// in it, without blanks around it. Returns why Qualys refuses, where it does.
fn read(body: &[u8], root: &str, mut each: impl FnMut(&[&str], &str)) -> Result<Option<Refusal>, String> {
    let text = String::from_utf8_lossy(body);
    let mut reader = Reader::from_str(&text);
    let mut open: Vec<(String, String)> = Vec::new();
    let (mut refusal, mut ended, mut key) = (None, false, String::new());
    loop {
        let event = reader.read_event().map_err(|error| unread(&error.to_string()))?;
        match event {
            Event::Start(tag) => {
                let name = tag.name().into_inner();
                if open.is_empty() {
                    refusal = begins(name, root, ended)?;
                }
                if open.len() >= DEPTH {
                    return Err(unread("its elements are too deep within each other"));
                }
                open.push((name.to_owned(), String::new()));
            }
            Event::Empty(tag) if open.is_empty() => {
                refusal = begins(tag.name().into_inner(), root, ended)?;
                ended = true;
            }
            Event::Text(said) => keep(&mut open, &said),
            Event::CData(said) => keep(&mut open, &said),
            Event::GeneralRef(of) => {
                let letter = of.resolve_char_ref().ok().flatten().map(String::from);
                let known = letter.or_else(|| resolve_predefined_entity(&of).map(str::to_owned));
                keep(&mut open, &known.unwrap_or_else(|| "?".to_owned()));
            }
            Event::End(_) => {
                let Some((last, said)) = open.pop() else { continue };
                let path: Vec<&str> =
                    open.iter().skip(1).map(|(name, _)| name.as_str()).chain([last.as_str()]).collect();
                let said = said.trim();
                match &mut refusal {
                    _ if open.is_empty() => ended = true,
                    Some(refusal) => refused(refusal, &mut key, &path, said),
                    None => each(&path, said),
                }
            }
            Event::Eof if ended => return Ok(refusal),
            Event::Eof => return Err(unread("it breaks off")),
            // What is empty says nothing, and what a document type names outside is never fetched.
            Event::Empty(_) | Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn begins(name: &str, root: &str, ended: bool) -> Result<Option<Refusal>, String> {
    match name {
        _ if ended => Err(unread("there is more after its end")),
        "SIMPLE_RETURN" => Ok(Some(Refusal::default())),
        _ if name == root => Ok(None),
        _ => Err(format!("it is no answer of Qualys: it begins with <{}>", sanitise::line_max(name, 40))),
    }
}

fn unread(why: &str) -> String {
    format!("its XML cannot be read: {}", sanitise::line_max(why, 160))
}

fn keep(open: &mut [(String, String)], said: &str) {
    if let Some((_, text)) = open.last_mut() {
        text.extend(said.chars().take(TEXT.saturating_sub(text.len())));
    }
}

fn refused(refusal: &mut Refusal, key: &mut String, path: &[&str], text: &str) {
    match path {
        ["RESPONSE", "CODE"] => refusal.code = text.parse().ok(),
        ["RESPONSE", "TEXT"] => refusal.text = sanitise::line_max(text, 200),
        ["RESPONSE", "ITEM_LIST", "ITEM", "KEY"] => text.clone_into(key),
        ["RESPONSE", "ITEM_LIST", "ITEM", "VALUE"] => match key.as_str() {
            "SECONDS_TO_WAIT" => refusal.wait_s = text.parse().ok(),
            "CALLS_TO_FINISH" => refusal.calls = text.parse().ok(),
            _ => {}
        },
        _ => {}
    }
}

#[cfg(test)]
#[path = "qualys_tests.rs"]
mod tests;
