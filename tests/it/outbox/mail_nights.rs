//! E-mail at a server that does whatever comes to its mind: what it said that it has is never sent to it again.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use quarterdeck::core::{
    alerts::Severity,
    incidents::IncidentEventKind,
    inventory::Inventory,
    outbox::{Audience, Hears, NotifierSpec, Sync},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{
    HANG,
    sim::{Dice, Sim, means},
    spec,
};
use crate::{
    net::listen,
    tickets::{Vendor, channels::Channel, start},
};

/// What is injected at least.
const INJECTIONS: usize = 1_000;

/// What the server has, and does wrong.
struct Desk {
    dice: Dice,
    /// Faults of tonight that are left.
    left: u64,
    injected: BTreeMap<String, usize>,
    /// What it took, in order: the mail's token and what it told, and whether it said so in time and in order.
    has: Vec<(String, String, bool)>,
    /// Connections that it still listens to: what came over them may be kept yet.
    open: usize,
}

type Shared = Arc<Mutex<Desk>>;

/// What a server does instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Instead {
    /// The connection ends.
    Close,
    /// It breaks.
    Reset,
    /// It ends in the middle of the answer.
    Half,
    /// It says another code.
    Code(u16),
    /// It says a line without an end.
    Endless,
    /// It says lines without an end.
    Lines,
    /// What is due, in two lines.
    Many,
    /// Two lines that are not of one mind.
    Mixed,
    /// It says what is due twice.
    Twice,
    /// It speaks something else.
    Junk(&'static [u8]),
}

const CODES: [u16; 14] = [211, 220, 221, 250, 251, 354, 334, 421, 450, 451, 500, 550, 554, 999];

const JUNK: [&[u8]; 5] = [
    b"\0\0\0\0\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\r\n",
    b"\x1b[2J\x1b]0;x\x07 250 ok\r\n",
    b"\xff\xfe250 ok\r\n",
    b"25\r\n0 ok\r\n",
];

impl Desk {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.dice.below(of.len() as u64)).unwrap()]
    }

    /// What it does instead at a step, if anything.
    fn instead(&mut self, step: &str) -> Option<Instead> {
        // Where the mail is being given, most hangs on what is said.
        let odds = if step == "END" { 2 } else { 5 };
        if self.left == 0 || self.dice.below(odds) != 0 {
            return None;
        }
        self.left -= 1;
        let instead = match self.dice.below(10) {
            0 => Instead::Close,
            1 => Instead::Reset,
            2 => Instead::Half,
            3 => Instead::Endless,
            4 => Instead::Lines,
            5 => Instead::Many,
            6 => Instead::Mixed,
            7 => Instead::Twice,
            8 => Instead::Junk(self.pick(&JUNK)),
            _ => Instead::Code(self.pick(&CODES)),
        };
        let kind = format!("{instead:?}");
        let kind = kind.split('(').next().unwrap_or_default();
        *self.injected.entry(format!("{kind} at {step}")).or_default() += 1;
        Some(instead)
    }

    fn count(&self) -> usize {
        self.injected.values().sum()
    }
}

/// Says something instead of an answer. False where the connection is over.
async fn say(stream: &mut BufReader<TcpStream>, instead: Instead, due: &str) -> bool {
    let (code, text) = due.trim_end().split_once(' ').unwrap();
    let answer = match instead {
        Instead::Close => return false,
        Instead::Reset => {
            // What waits to be read is thrown away: the other side is told so.
            _ = stream.get_ref().set_zero_linger();
            return false;
        }
        Instead::Half => {
            _ = stream.write_all(&due.as_bytes()[..due.len() / 2]).await;
            return false;
        }
        Instead::Endless | Instead::Lines => {
            let some = if instead == Instead::Endless {
                "a".repeat(8_192)
            } else {
                format!("{code}-{}\r\n", "more ".repeat(60)).repeat(60)
            };
            while stream.write_all(some.as_bytes()).await.is_ok() {}
            return false;
        }
        Instead::Code(code) => format!("{code} {text}\r\n").into_bytes(),
        Instead::Many => format!("{code}-one\r\n{code}-\r\n{code} {text}\r\n").into_bytes(),
        Instead::Mixed => format!("{code}-one\r\n550 {text}\r\n").into_bytes(),
        Instead::Twice => due.repeat(2).into_bytes(),
        Instead::Junk(bytes) => bytes.to_vec(),
    };
    stream.write_all(&answer).await.is_ok()
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    mail.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

async fn serve(stream: TcpStream, desk: Shared) {
    desk.lock().unwrap().open += 1;
    converse(stream, &desk).await;
    desk.lock().unwrap().open -= 1;
}

async fn converse(stream: TcpStream, desk: &Shared) {
    let mut stream = BufReader::new(stream);
    let (mut mail, mut in_mail, mut in_order) = (String::new(), false, true);
    let mut line = String::from("GREETING");
    loop {
        let step = line.split([' ', ':', '\r']).next().unwrap_or_default().to_uppercase();
        let ends = in_mail && line == ".\r\n";
        let due = match step.as_str() {
            _ if ends => "250 2.0.0 queued\r\n",
            _ if in_mail => "",
            "GREETING" => "220 mail.example.com ESMTP\r\n",
            "EHLO" => "250 mail.example.com\r\n",
            "MAIL" | "RCPT" => "250 ok\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "500 what\r\n",
        };
        if due.is_empty() {
            mail += &line;
        } else {
            let instead = desk.lock().unwrap().instead(if ends { "END" } else { &step });
            let refused = |code: u16| code != 354;
            in_mail = !ends && step == "DATA" && !matches!(instead, Some(Instead::Mixed));
            in_mail &= !matches!(instead, Some(Instead::Code(code)) if refused(code));
            if ends {
                let mut desk = desk.lock().unwrap();
                let said =
                    in_order && matches!(instead, None | Some(Instead::Many | Instead::Twice | Instead::Code(250)));
                // Who refuses a mail does not keep it; who says nothing that is understood may.
                let refuses = matches!(instead, Some(Instead::Code(400..)));
                if said || !refuses && desk.dice.below(2) == 0 {
                    let kept = (header(&mail, "Message-ID: ").to_owned(), mail.clone(), said);
                    desk.has.push(kept);
                }
                mail.clear();
            }
            in_order &= !matches!(instead, Some(Instead::Twice | Instead::Junk(_)));
            let goes_on = match instead {
                Some(instead) => say(&mut stream, instead, due).await,
                None => stream.write_all(due.as_bytes()).await.is_ok(),
            };
            if !goes_on {
                return;
            }
        }
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn inventory(port: u16) -> Inventory {
    let settings = json!({ "host": "127.0.0.1", "port": port, "tls": "none", "from": "qd@example.com",
        "to": ["one@example.com", "two@example.com"] });
    let notifier = NotifierSpec {
        place: spec("mail", "smtp", settings),
        hears: Hears::ALL.into_iter().map(|(_, of)| of).collect(),
        audience: Audience::Internal,
        repeats: quarterdeck::core::outbox::Repeats::Once,
        local: false,
    };
    let mut inventory = Inventory { notifiers: vec![Arc::new(notifier)], ..Inventory::default() };
    for of in &mut inventory.policy.severities {
        of.notify = vec!["mail".to_owned()];
    }
    inventory
}

/// Holds what must hold of each mail after a night.
fn holds(desk: &Desk, seed: u64, sim: &Sim) {
    for (at, (token, _, _)) in desk.has.iter().enumerate() {
        let earlier = desk.has[..at].iter().find(|(earlier, _, said)| earlier == token && *said);
        assert!(earlier.is_none() || sim.kills > 0, "seed {seed}: {token} again after 250: {:#?}", sim.stored);
    }
    for entry in sim.state.outbox.items.values() {
        let token = format!("<{}@example.com>", entry.token);
        let times = desk.has.iter().filter(|(of, _, _)| *of == token).count();
        let most = if entry.item.write.notice().unwrap().calls { 2 } else { 1 };
        assert!(times <= most, "seed {seed}: {times} times: {entry:#?} {:#?}", sim.stored);
        match entry.sync() {
            Sync::Synced => assert!(times >= 1, "seed {seed}: {entry:#?} {:#?}", sim.stored),
            Sync::Unsure => assert!(entry.reason().starts_with("it may have been sent"), "seed {seed}: {entry:?}"),
            Sync::Dropped | Sync::Waiting | Sync::Failed => panic!("seed {seed}: {entry:?}"),
        }
        let secret = desk.has.iter().any(|(_, mail, _)| mail.contains("hunter2") || mail.contains('\u{1b}'));
        assert!(!secret, "seed {seed}");
        assert!(!entry.reason().contains(['\u{1b}', '\u{7}', '\r', '\n', '\0']), "{:?}", entry.reason());
    }
}

async fn nights(killed: bool) -> (usize, usize) {
    let (clock, _) = start(Vendor::Channel(Channel::Webhook), 0).await;
    let desk =
        Arc::new(Mutex::new(Desk { dice: Dice(1), left: 0, injected: BTreeMap::new(), has: Vec::new(), open: 0 }));
    let served = Arc::clone(&desk);
    let port = listen(move |stream| serve(stream, Arc::clone(&served))).await.port();
    let (inventory, means) = (inventory(port), means(Duration::from_secs(30)));
    let (mut seed, mut kills, mut unsure) = (0, 0, 0);
    while desk.lock().unwrap().count() < INJECTIONS {
        seed += 1;
        let mut dice = Dice(seed);
        {
            let mut desk = desk.lock().unwrap();
            desk.dice = Dice(seed + 7_000);
            desk.left = 4 + dice.below(8);
            desk.has.clear();
        }
        let mut sim = Sim::with(inventory.clone(), &clock, means.clone());
        sim.kill_in = killed.then(|| dice.below(12));
        sim.opened().await;
        for kind in [
            IncidentEventKind::SeverityChanged { to: Severity::P1, reason: "worse".into() },
            IncidentEventKind::Acknowledged,
            IncidentEventKind::Resolved { summary: "green again".into() },
        ] {
            sim.happens(kind).await;
        }
        sim.settle(300).await;
        kills += sim.kills;
        unsure += sim.state.outbox.items.values().filter(|entry| entry.sync() == Sync::Unsure).count();
        // Who was hung up on may still read what it was sent.
        let all_read = async {
            while desk.lock().unwrap().open > 0 {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(HANG, all_read).await.is_ok(), "a connection never ends");
        holds(&desk.lock().unwrap(), seed, &sim);
    }
    let desk = desk.lock().unwrap();
    println!("{} faults and {kills} kills in {seed} nights, {unsure} unsure: {:?}", desk.count(), desk.injected);
    let steps = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END", "QUIT"];
    let missing = steps.iter().filter(|step| !desk.injected.keys().any(|kind| kind.ends_with(&format!(" {step}"))));
    assert_eq!(missing.collect::<Vec<_>>(), [&""; 0]);
    (kills, unsure)
}

#[tokio::test]
async fn nights_of_mail_are_never_heard_again_after_the_server_said_that_it_has_them() {
    let (kills, unsure) = nights(false).await;
    assert!(kills == 0 && unsure > 5, "{kills} {unsure}");
}

#[tokio::test]
async fn nights_of_mail_and_of_killed_consoles_page_rather_twice_and_tell_once() {
    let (kills, _) = nights(true).await;
    assert!(kills > 10, "{kills}");
}
