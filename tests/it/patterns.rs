//! Log patterns against sets whose groups are known.
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use quarterdeck::core::logs::patterns::{Miner, Seen, TemplateId};

/// The share of lines whose group is exactly the true one.
fn accuracy(set: &str) -> f64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs/loghub").join(format!("{set}.tsv"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut miner = Miner::default();
    let mut truth: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut shapes = Vec::new();
    let lines: Vec<_> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
    for (number, (event, message)) in lines.iter().enumerate() {
        truth.entry(event).or_default().push(number);
        shapes.push(miner.add(message.as_bytes(), Seen { record: number as u64, ..Seen::default() }));
    }
    let templates = miner.templates();
    let mut found: HashMap<TemplateId, Vec<usize>> = HashMap::new();
    for (number, shape) in shapes.iter().enumerate() {
        let template = templates.of(*shape).unwrap();
        found.entry(template.id).or_default().push(number);
        let message = lines[number].1;
        assert!(templates.matches(template.id, message.as_bytes()), "{message}");
    }
    for template in &templates {
        let regex = regex::bytes::Regex::new(&template.regex()).unwrap();
        for number in &found[&template.id] {
            assert!(regex.is_match(lines[*number].1.as_bytes()), "{regex}\n{}", lines[*number].1);
        }
    }
    let truth: HashSet<_> = truth.into_values().collect();
    let right: usize = found.into_values().filter(|group| truth.contains(group)).map(|group| group.len()).sum();
    right as f64 / lines.len() as f64
}

#[test]
fn groups_are_the_true_ones_with_one_set_of_defaults() {
    let sets = ["HDFS", "Hadoop", "OpenStack", "Linux", "Apache", "OpenSSH"];
    let each: Vec<f64> = sets.into_iter().map(accuracy).collect();
    for (set, accuracy) in sets.iter().zip(&each) {
        println!("{set:10} {accuracy:.4}");
        assert!(*accuracy >= 0.9, "{set}: {accuracy}");
    }
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    println!("mean       {mean:.4}");
    assert!(mean >= 0.92, "{mean}");
}
