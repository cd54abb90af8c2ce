use super::*;

fn judged(expect: &[Expect], exit: i32, stdout: &str) -> Option<bool> {
    judge((Some(0), expect), Answer { exit: Some(exit), stdout, cut: false }).met
}

#[test]
fn an_answer_is_held_against_what_it_must_be() {
    let number = |order, of| vec![Expect::Number(order, of)];
    for (expect, said, met) in [
        (number(Order::Less, 80.0), "12\n", Some(true)),
        (number(Order::Less, 80.0), "81.5 of 100", Some(false)),
        (number(Order::AtMost, 0.0), "-3", Some(true)),
        (number(Order::Equal, 2.0), "p99 2", Some(true)),
        (number(Order::Equal, 0.0), "nothing to see", None),
        (number(Order::AtLeast, 1.0), "", None),
        (vec![Expect::Contains("PONG".into())], "PONG", Some(true)),
        (vec![Expect::Lacks("NOAUTH".into())], "NOAUTH Authentication", Some(false)),
        (vec![Expect::Empty], " \n", Some(true)),
        (vec![Expect::Matches(regex::Regex::new("^on").unwrap())], "online", Some(true)),
        (vec![Expect::Empty, Expect::Contains("x".into())], "", Some(false)),
    ] {
        assert_eq!(judged(&expect, 0, said), met, "{expect:?} {said:?}");
    }
    assert_eq!(judged(&[], 1, ""), Some(false));
    assert_eq!(judged(&[], 127, ""), None, "what is not there says nothing about health");
    assert_eq!(judge((None, &[]), Answer { exit: Some(3), stdout: "", cut: false }).met, Some(true));
    assert_eq!(judge((None, &[]), Answer { exit: None, stdout: "", cut: false }).met, None);
    let cut = |expect: Expect, stdout| judge((Some(0), &[expect]), Answer { exit: Some(0), stdout, cut: true }).met;
    assert_eq!(cut(Expect::Contains("x".into()), "aaa"), None, "it may stand in what was dropped");
    assert_eq!(cut(Expect::Contains("x".into()), "axa"), Some(true));
    assert_eq!((cut(Expect::Lacks("x".into()), "aaa"), cut(Expect::Lacks("x".into()), "x")), (None, Some(false)));
}

#[test]
fn a_value_is_held_against_its_type() {
    let param = |takes: Takes| Param { name: "x".into(), takes, default: None };
    let int = Takes::Int { min: 1, max: 60 };
    for (takes, good, bad) in [
        (Takes::Word, vec!["a-b", "acme:lock", "v1.2/x"], vec!["", "-rf", "a b", "$(x)", "é"]),
        (int, vec!["1", "60"], vec!["0", "61", "1.5", "ten", ""]),
        (Takes::Number, vec!["0.5", "-1"], vec!["NaN", "inf", "1e999", "x"]),
        (Takes::Host, vec!["shop.example", "10.0.0.1", "::1"], vec!["-o", "a b", "a;b"]),
        (Takes::Path, vec!["/var/log"], vec!["var", "/var/../etc", "~/x"]),
        (Takes::OneOf(vec!["a".into(), "b".into()]), vec!["a"], vec!["c", ""]),
        (Takes::Text, vec!["anything $(at all)", ""], vec!["two\nlines", "\u{1b}[31m"]),
    ] {
        let param = param(takes);
        for value in good {
            assert_eq!(param.check(value), Ok(()), "{param:?} {value:?}");
        }
        for value in bad {
            let why = param.check(value).unwrap_err();
            assert!(value.len() < 2 || !why.contains(value), "{why}: the value is not told");
        }
    }
    assert!(param(Takes::Text).check(&"x".repeat(MOST_BYTES + 1)).is_err());
}

#[test]
fn a_step_never_reaches_a_host_of_another_environment() {
    let host = |name: &str, env: &str| {
        let labels = [("role".to_owned(), "db".to_owned())].into();
        std::sync::Arc::new(Host { env: Some(env.into()), labels, ..Host::new(name) })
    };
    let service = |id: &str, hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| (*host).into()).collect();
        std::sync::Arc::new(Service { hosts, ..Service::new(id.parse().unwrap()) })
    };
    let inventory = Inventory {
        hosts: vec![host("a", "prod"), host("b", "prod"), host("s", "stage")],
        services: vec![service("api@prod", &["a", "b"]), service("db@prod", &["b"]), service("odd@prod", &["s"])],
        ..Inventory::default()
    };
    let api = "api@prod".parse().unwrap();
    let on =
        |on: On| hosts(&inventory, &api, &on).map(|hosts| hosts.iter().map(ToString::to_string).collect::<String>());
    assert_eq!((on(On::Each), on(On::First)), (Ok("ab".into()), Ok("a".into())));
    assert_eq!(on(On::Label("role".into(), "db".into())), Ok("ab".into()));
    assert_eq!(on(On::Service("db".into())), Ok("b".into()));
    assert!(on(On::Host("s".into())).unwrap_err().contains("not in prod"));
    assert!(on(On::Host("nobody".into())).unwrap_err().contains("not in prod"));
    assert!(on(On::Service("mail".into())).unwrap_err().contains("no hosts of mail"));
    assert!(hosts(&inventory, &"odd@prod".parse().unwrap(), &On::Each).is_err());
}

#[test]
fn what_is_offered_fits_the_service_or_the_type() {
    let book = |types: &[&str], services: &[&str], kinds: &[&str]| Runbook {
        types: types.iter().map(|of| (*of).to_owned()).collect(),
        services: services.iter().map(|of| (*of).to_owned()).collect(),
        kinds: kinds.iter().map(|of| (*of).to_owned()).collect(),
        ..Runbook::default()
    };
    let service = Service { kind: "node-pm2".into(), ..Service::new("play@prod".parse().unwrap()) };
    let fits = |book: &Runbook, class: Option<&str>| book.fits(class, Some(&service));
    assert!(
        fits(&book(&["failure"], &["play"], &[]), Some("failure"))
            > fits(&book(&[], &[], &["node-pm2"]), Some("failure"))
    );
    assert_eq!(fits(&book(&["partner"], &[], &["node-pm2"]), Some("failure")), 0, "another type");
    assert!(fits(&book(&["partner"], &[], &["node-pm2"]), None) > 0, "nobody has said yet what it is");
    assert!(fits(&book(&["failure"], &[], &[]), Some("failure")) > 0);
    assert_eq!(fits(&book(&[], &["mail"], &[]), Some("failure")), 0, "another service");
    assert_eq!(fits(&book(&[], &[], &[]), None), 0, "it says nothing of where it belongs");
    assert_eq!(book(&[], &["play"], &[]).fits(None, None), 0);
}

#[test]
fn a_step_is_named_by_its_task() {
    assert_eq!(of_task(&task("pg", "end-idle")), Some(("pg", "end-idle")));
    assert_eq!(of_task("drain"), None);
}
