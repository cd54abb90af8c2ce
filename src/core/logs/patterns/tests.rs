use std::sync::Arc;

use super::*;

fn at(second: i64) -> Nanos {
    Nanos((1_790_000_000 + second) * Nanos::SECOND)
}

fn seen(second: i64, record: u64) -> Seen {
    Seen { at: Some(at(second)), level: Level::Info, source: SourceId(0), record }
}

/// A word that is no value by its form: letters only.
fn word(mut number: u64) -> String {
    let mut word = String::new();
    for _ in 0..6 {
        word.push(char::from(b'g' + u8::try_from(number % 20).unwrap()));
        number /= 20;
    }
    word
}

fn scope(_: SourceId) -> Arc<str> {
    "play@prod".into()
}

fn period(since: i64, until: i64) -> Period {
    Period { since: at(since), until: at(until), remember_from: at(since - 7 * 86_400) }
}

/// 400 templates that have nothing in common but their outline.
fn known(number: u64) -> String {
    let words =
        |salt: u64| word(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(8) ^ salt.wrapping_mul(77_777_777));
    format!("{} {} {} took {number} ms for user={}", words(1), words(2), words(3), number * 7)
}

#[test]
fn one_new_template_among_four_hundred_is_found() {
    let mut miner = Miner::default();
    for record in 0..20_000_u64 {
        let second = i64::try_from(record).unwrap() / 10;
        miner.add(known(record % 400).as_bytes(), seen(second, record));
        if record == 15_000 {
            miner.add(b"pool timeout after 5000 ms with 20 waiting", seen(second, record));
        }
    }
    let templates = miner.templates();
    assert_eq!(templates.len(), 401);
    let novelty = Novelty::of(&templates, period(1_000, 2_000), &Memory::default(), scope);
    let texts: Vec<_> = novelty.new.iter().map(|new| templates.get(new.template).unwrap().text.clone()).collect();
    assert_eq!(texts, ["pool timeout after <dur> with <n> waiting"]);
    assert_eq!(novelty.new[0].first, at(1_500));
    assert_eq!((novelty.gone, novelty.unproven), (vec![], vec![]));
}

#[test]
fn a_steady_template_that_stops_is_gone_and_a_rare_one_is_not() {
    let mut miner = Miner::default();
    let mut record = 0;
    for second in 0..3_600 {
        record += 1;
        miner.add(format!("served {second} requests").as_bytes(), seen(second, record));
        if second % 60 == 0 && second < 1_800 {
            miner.add(format!("cron sync done in {second} ms").as_bytes(), seen(second, record));
        }
        if second == 100 || second == 1_000 {
            miner.add(b"config reloaded", seen(second, record));
        }
    }
    let templates = miner.templates();
    let novelty = Novelty::of(&templates, period(1_800, 3_600), &Memory::default(), scope);
    let gone: Vec<_> = novelty.gone.iter().map(|gone| gone.outline.as_str()).collect();
    assert_eq!(gone, ["cron sync done in <*>"]);
    assert!((50.0..75.0).contains(&novelty.gone[0].rate), "{}", novelty.gone[0].rate);
    // A minute later nobody can know yet.
    assert_eq!(Novelty::of(&templates, period(1_800, 1_860), &Memory::default(), scope).gone, []);
    // It had stopped long before this moment.
    assert_eq!(Novelty::of(&templates, period(3_000, 3_600), &Memory::default(), scope).gone, []);
}

#[test]
fn a_source_that_falls_silent_makes_nothing_gone() {
    let mut miner = Miner::default();
    for second in 0..1_000 {
        miner.add(format!("served {second} requests").as_bytes(), seen(second, 0));
        miner.add(format!("cache holds {second} entries").as_bytes(), seen(second, 0));
    }
    let novelty = Novelty::of(&miner.templates(), period(900, 100_000), &Memory::default(), scope);
    assert_eq!(novelty.gone, []);
}

#[test]
fn what_the_memory_knows_is_not_new() {
    let mut before = Miner::default();
    for second in 0..100 {
        before.add(
            format!("session opened for user {}", word(1 + u64::try_from(second).unwrap())).as_bytes(),
            seen(second - 86_400, 0),
        );
        before.add(b"disk full on 3", seen(second - 86_400, 0));
    }
    let mut memory = Memory::default();
    memory.learn(&before.templates(), scope);
    let rows = memory.changed(str::to_owned);
    assert_eq!(rows.len(), 2);
    assert_eq!(memory.changed(str::to_owned), []);
    let memory = Memory::load(rows);

    let mut miner = Miner::default();
    // One shape alone is narrower than the template that the memory has.
    miner.add(b"session opened for user zoe", seen(10, 1));
    miner.add(b"disk full on 4", seen(11, 2));
    miner.add(b"disk failed on 4", seen(12, 3));
    let templates = miner.templates();
    let novelty = Novelty::of(&templates, period(0, 20), &memory, scope);
    let texts: Vec<_> = novelty.new.iter().map(|new| templates.get(new.template).unwrap().text.clone()).collect();
    assert_eq!(texts, ["disk failed on <n>"]);
    // Nobody knows what was before: nothing is called new.
    let novelty = Novelty::of(&templates, period(0, 20), &Memory::default(), scope);
    assert_eq!((novelty.new.len(), novelty.unproven), (0, vec![scope(SourceId(0))]));
}

#[test]
fn what_stopped_before_this_console_started_is_gone_by_memory() {
    let known = |outline: &str, rate: f64| KnownPattern {
        scope: scope(SourceId(0)),
        template: TemplateId(token::tokens_hash(&template::tokens_of(outline))),
        outline: outline.into(),
        level: Level::Info,
        first_seen: at(-86_400).timestamp(),
        last_seen: at(-30).timestamp(),
        count: 1_000,
        rate,
    };
    let memory = Memory::load([
        known("cron sync done in <*>", 60.0),
        known("config reloaded", 0.1),
        known("served <*> requests", 3_600.0),
    ]);
    let mut miner = Miner::default();
    for second in 0..1_800 {
        miner.add(format!("served {second} requests").as_bytes(), seen(second, 0));
    }
    let novelty = Novelty::of(&miner.templates(), period(0, 1_800), &memory, scope);
    assert_eq!(novelty.gone.iter().map(|gone| gone.outline.as_str()).collect::<Vec<_>>(), ["cron sync done in <*>"]);
    assert_eq!(novelty.new, []);
}

#[test]
fn miners_merge_in_any_order_to_the_same_templates() {
    let lines: Vec<String> = (0..3_000_u64)
        .map(|number| match number % 3 {
            0 => format!("user {} came from {}", word(number), word(number * 31)),
            1 => format!("job {number} {}", ["started", "stopped"][usize::try_from(number % 2).unwrap()]),
            _ => known(number % 50),
        })
        .collect();
    let mine = |from: usize, to: usize| {
        let mut miner = Miner::default();
        for (index, line) in lines[from..to].iter().enumerate() {
            let record = u64::try_from(from + index).unwrap();
            miner.add(line.as_bytes(), seen(i64::try_from(record).unwrap(), record));
        }
        miner
    };
    let show = |miner: &Miner| miner.templates().iter().cloned().collect::<Vec<_>>();
    let whole = show(&mine(0, 3_000));
    let (a, b, c) = (mine(0, 1_000), mine(1_000, 1_700), mine(1_700, 3_000));
    for order in [[&a, &b, &c], [&c, &a, &b], [&b, &c, &a]] {
        let mut merged = Miner::default();
        let mut counted = 0;
        for part in order {
            let names = merged.merge(part);
            counted += names.len();
        }
        assert!(counted > 0);
        let got = show(&merged);
        let brief =
            |all: &[Template]| all.iter().map(|t| (t.id, t.outline.clone(), t.stats.clone())).collect::<Vec<_>>();
        assert_eq!(brief(&got), brief(&whole));
    }
}

#[test]
fn the_limit_holds_and_what_is_forgotten_is_counted() {
    let limits = Limits { shapes: 200, remembered: 500 };
    let mut miner = Miner::new(limits);
    let mut ids = Vec::new();
    for number in 0..20_000_u64 {
        ids.push(miner.add(format!("connection from {} accepted by worker", word(number)).as_bytes(), seen(0, number)));
        if number % 4 == 0 {
            ids.push(miner.add(
                format!("{} {} {}", word(number + 7), word(number * 3), word(number * 5)).as_bytes(),
                seen(0, number),
            ));
        }
        assert!(miner.shapes() <= limits.shapes);
        assert!(miner.by_hash.len() <= limits.remembered + limits.shapes);
    }
    let templates = miner.templates();
    let counted: u64 = templates.iter().map(|template| template.stats.count).sum();
    assert_eq!(counted + miner.evicted().records, miner.records());
    assert!(miner.evicted().records > 0);
    let most = templates.iter().next().unwrap();
    assert_eq!((most.text.as_str(), most.stats.count), ("connection from <*> accepted by worker", 20_000));
    // What was united is still found by what it was called at first.
    assert_eq!(templates.of(ids[0]).map(|template| template.id), Some(most.id));
    assert!(templates.matches(most.id, b"connection from nobodyyet accepted by worker"));
}

#[test]
fn two_words_at_a_place_are_two_templates_and_many_are_one() {
    let mut miner = Miner::default();
    for number in 0..40 {
        miner.add(b"link of port alpha went up", seen(0, number));
        miner.add(b"link of port alpha went down", seen(0, number));
        miner.add(format!("mail for {} was sent", word(number)).as_bytes(), seen(0, number));
        miner.add(
            format!("{} said to {} that all is well", word(number * 13), word(number * 17 + 5)).as_bytes(),
            seen(0, number),
        );
    }
    let templates = miner.templates();
    let mut texts: Vec<_> = templates.iter().map(|template| template.text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "<*> said to <*> that all is well",
            "link of port alpha went down",
            "link of port alpha went up",
            "mail for <*> was sent"
        ]
    );
}

#[test]
fn a_template_knows_its_records_and_its_number_stays() {
    let mut miner = Miner::default();
    let shape = miner.add(b"GET /a/b?x=1 took 12 ms for 10.0.0.1 (blk_-7)", seen(3, 9));
    let templates = miner.templates();
    let template = templates.of(shape).unwrap();
    assert_eq!(template.text, "GET <path> took <dur> for <ip> (blk_<n>)");
    assert_eq!((template.record, template.shapes, template.stats.count), (9, 1, 1));
    assert_eq!(template.id.to_string(), "691a772b529f1bd3");
    assert_eq!(template.id.to_string().parse(), Ok(template.id));
    assert!(templates.matches(template.id, b"GET /c took 3 s for ::1 (blk_8)"));
    assert!(!templates.matches(template.id, b"PUT /c took 3 s for ::1 (blk_8)"));
    let regex = ::regex::bytes::Regex::new(&template.regex()).unwrap();
    assert!(regex.is_match(b"<31> GET /c took 3 s for ::1 (blk_8)") && !regex.is_match(b"PUT /c took 3"));
}
