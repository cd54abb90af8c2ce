//! What `sudo` asks for, typed at a terminal: at the shell's prompt and in the console's box. Nothing of it is ever shown.
use crate::{
    pty::{Terminal, command, qd},
    sudo::{ALL, ASKS, Bed, SERVICE},
    support::sshd::PASSWORD,
};

/// What is typed and is not it: no word of any message.
const WRONG: &str = "Zq7-xyzzy";

fn terminal(bed: &Bed, args: &[&str]) -> Terminal {
    let config = bed.dir.path().join("qd.toml");
    let mut command = command(&qd(), bed.dir.path(), &[args, &["--config", config.to_str().unwrap()]].concat());
    // Without `ssh`, which knows its user's home from elsewhere: nothing of the person who runs the tests is read.
    command.env("PATH", "/nonexistent");
    Terminal::start(command, 120, 36)
}

/// Nothing that was typed was ever written to the terminal.
fn unseen(bytes: &[u8], words: &[&str]) {
    for word in words {
        let seen = bytes.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(!seen, "{word} was shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_asks_at_its_terminal_and_shows_nothing_of_it() {
    let Some(bed) = Bed::of(2, ALL, ASKS, "").await else { return };
    bed.go();
    let change = ["restart", SERVICE, "--yes-i-mean", SERVICE];
    let question = "password for sudo on web-0, web-1 (Esc: without): ";

    let mut given_up = terminal(&bed, &change);
    given_up.shows(question.trim_end());
    given_up.keys(&format!("{WRONG}\x1b"));
    let ended = given_up.ended();
    assert_eq!((ended.code, ended.left.as_slice()), (5, [].as_slice()), "{}", ended.text);
    assert!(ended.text.contains("nothing was changed"), "{}", ended.text);
    unseen(&ended.bytes, &[WRONG]);
    assert!(bed.runs(0).is_empty() && bed.wrong(0) == 0);

    let mut asks = terminal(&bed, &change);
    asks.shows(question.trim_end());
    asks.keys(&format!("{WRONG}\r"));
    asks.shows("wrong on web-0, nothing was changed; 2 more tries");
    asks.until("the question again", |text| text.matches(question.trim_end()).count() == 2);
    // A line that is taken back, a letter too many, and it.
    asks.keys(&format!("{WRONG}\x15{PASSWORD}x\x7f\r"));
    let ended = asks.ended();
    ended.clean();
    unseen(&ended.bytes, &[WRONG, PASSWORD]);
    for host in 0..2 {
        bed.did_all(host);
    }
    assert_eq!((bed.wrong(0), bed.wrong(1)), (1, 0), "each was tried once");
    bed.found_nowhere();
    bed.forgotten().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_s_box_takes_it_by_its_keys_and_shows_dots() {
    let Some(bed) = Bed::of(1, ALL, ASKS, "").await else { return };
    let mut console = terminal(&bed, &[]);
    console.until("the service", |text| text.contains("play") && text.contains("hosts 1/1"));
    let opens = |console: &mut Terminal| {
        console.keys("R");
        console.shows("Password for sudo of");
    };
    opens(&mut console);
    let dots = |console: &Terminal, count: usize| {
        console.until("its dots", |text| text.matches('\u{2022}').count() == count);
    };
    let none = console.text().matches('\u{2022}').count();
    console.keys("abc");
    dots(&console, none + 3);
    console.keys("\x7f");
    dots(&console, none + 2);
    console.keys("\x7f\x7f");
    dots(&console, none);
    // Nothing typed is not tried.
    console.keys("\r");
    console.shows("type the password");
    for tries in ["2 more tries", "1 more try"] {
        console.keys(&format!("{WRONG}\r"));
        console.shows(tries);
    }
    console.keys(&format!("{WRONG}\r"));
    console.shows("3 wrong passwords for sudo on web-0");
    console.until("the box is closed", |text| !text.contains("Password for sudo of"));
    assert_eq!((bed.wrong(0), bed.runs(0).len()), (3, 0));

    // Esc looks without it: the review says what is not known.
    opens(&mut console);
    console.keys("ab\x1b");
    console.shows("not known until the sudo password is given");
    console.keys("\x1b");
    console.until("the review is closed", |text| !text.contains("not known until"));

    opens(&mut console);
    console.keys(&format!("{PASSWORD}\r"));
    console.shows("is right");
    console.keys("\x1b");
    console.until("the review is closed", |text| !text.contains("is right"));
    console.keys("q");
    console.keys("\x03");
    let ended = console.ended();
    ended.clean();
    unseen(&ended.bytes, &[WRONG, PASSWORD]);
    assert_eq!((bed.wrong(0), bed.runs(0).len()), (3, 0), "it was looked at, and nothing was changed");
    bed.found_nowhere();
}
