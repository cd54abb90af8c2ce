use proptest::prelude::*;

use super::*;

fn rule(name: &str, near: &[&str], regex: &str, check: RedactCheck) -> RedactRule {
    RedactRule {
        name: name.into(),
        near: near.iter().map(|near| (*near).to_owned()).collect(),
        regex: regex.into(),
        check,
        except: Vec::new(),
        enabled: true,
        samples: Vec::new(),
    }
}

fn some() -> &'static Redactor {
    static SOME: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();
    SOME.get_or_init(make)
}

fn make() -> Redactor {
    Redactor::new(&[
        rule("password", &["pass"], r#"(?i)password=("[^"]*"|[^\s&\[][^\s&]*)"#, RedactCheck::None),
        rule("key", &["AK"], "AK[A-Z0-9]{8}", RedactCheck::None),
        rule("card", &[], r"\b(\d{13,19})\b", RedactCheck::Card),
        rule("email", &["@"], r"([a-z0-9.]+@[a-z0-9]+\.[a-z]{2,})", RedactCheck::None),
    ])
    .unwrap()
}

#[test]
fn marks_are_where_it_says() {
    let mut out = Vec::new();
    let spans = some().apply(b"Password=abc& AK12345678 \xff ok", &mut out);
    assert_eq!(out, b"Password=[redacted:password]& [redacted:key] \xff ok");
    let shown: Vec<_> = spans.into_iter().map(|span| out[span].to_vec()).collect();
    assert_eq!(shown, [&b"[redacted:password]"[..], b"[redacted:key]"]);
    assert!(some().apply(b"nothing here", &mut out).is_empty());
    assert_eq!(out, b"nothing here");
}

#[test]
fn secrets_that_overlap_become_one() {
    assert_eq!(some().text("password=AK12345678@x.org now"), "password=[redacted:password] now");
}

#[test]
fn card_numbers_are_told_by_length_issuer_and_check_digit() {
    let is = |text: &str| some().text(text) == "[redacted:card]";
    for yes in [
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
    ] {
        assert!(is(yes), "{yes}");
    }
    for no in ["4111111111111112", "1790000000000", "0000000000000000", "79927398713", "-4111111111111111"] {
        assert!(!is(no), "{no}");
    }
}

#[test]
fn a_rule_that_cannot_be_used_is_named() {
    let why = |rule: RedactRule| Redactor::new(&[rule]).unwrap_err().to_string();
    assert_eq!(why(rule("a", &[], "(", RedactCheck::None)), "the rule `a` cannot be used: unclosed group");
    assert!(why(rule("A", &[], "x", RedactCheck::None)).contains("a name is made of"));
    assert!(why(rule("a", &[], "x*", RedactCheck::None)).contains("everywhere"));
}

proptest! {
    #[test]
    fn redacting_twice_is_redacting_once(text in r#"([ -~]{0,12}(password=|Password="|AK[0-9A-Z]{8}|a@b\.cd|4111111111111111|\[redacted:[a-z]{0,3}\]?|"|&){0,2}){0,6}"#) {
        let once = some().redact(text.as_bytes()).into_owned();
        let twice = some().redact(&once).into_owned();
        prop_assert_eq!(String::from_utf8(twice).unwrap(), String::from_utf8(once).unwrap());
    }

    #[test]
    fn what_holds_no_secret_is_left_as_it_is(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let redactor = some();
        if redactor.worth(&bytes) == 0 {
            prop_assert_eq!(redactor.redact(&bytes), Cow::Borrowed(&bytes[..]));
        }
    }
}
