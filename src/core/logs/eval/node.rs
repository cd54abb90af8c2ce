//! A filter as a tree of what is to be tested, the cheap before the dear.
use std::sync::Arc;

use super::{
    super::{
        Source,
        filter::Expr,
        format::Kind,
        read::{service_of_last_resort, source_value},
    },
    regexes::Scan,
    test::{Test, test},
};

#[derive(Debug)]
pub(super) enum Node {
    All,
    And(Vec<Self>, Arc<str>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Leaf(Leaf),
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) key: Arc<str>,
    pub(super) test: Test,
}

pub(super) fn node(expr: &Expr) -> Result<Node, regex::Error> {
    Ok(match expr {
        Expr::All => Node::All,
        Expr::And(parts) => {
            let mut nodes: Vec<Node> = parts.iter().map(node).collect::<Result<_, _>>()?;
            nodes.sort_by_key(cost);
            let key = key_of(&nodes, None);
            Node::And(nodes, key)
        }
        Expr::Or(parts) => Node::Or(parts.iter().map(node).collect::<Result<_, _>>()?),
        Expr::Not(inner) => Node::Not(Box::new(node(inner)?)),
        Expr::Term(term) => Node::Leaf(Leaf { key: format!("{term:?}").into(), test: test(term)? }),
    })
}

/// What a set of parts of an AND is kept under, one of them left out.
pub(super) fn key_of(nodes: &[Node], without: Option<usize>) -> Arc<str> {
    let mut keys: Vec<String> =
        nodes.iter().enumerate().filter(|(at, _)| Some(*at) != without).map(|(_, node)| name(node)).collect();
    keys.sort_unstable();
    keys.join("\u{1}").into()
}

fn name(node: &Node) -> String {
    match node {
        Node::All => "all".into(),
        Node::And(_, key) => format!("({key})"),
        Node::Or(nodes) => format!("[{}]", nodes.iter().map(name).collect::<Vec<_>>().join("\u{2}")),
        Node::Not(inner) => format!("-{}", name(inner)),
        Node::Leaf(leaf) => leaf.key.to_string(),
    }
}

fn cost(node: &Node) -> u8 {
    match node {
        Node::All => 0,
        Node::And(nodes, _) | Node::Or(nodes) => nodes.iter().map(cost).max().unwrap_or(0),
        Node::Not(inner) => cost(inner),
        Node::Leaf(leaf) => match &leaf.test {
            Test::Level(..) | Test::Status(..) | Test::Duration(..) => 1,
            Test::Field(name, _) if is_of_source(name) => 1,
            Test::Find(_) | Test::Folded(_) => 2,
            Test::Regex(_, Scan::Lines | Scan::Arena, _) => 3,
            Test::Field(..) => 4,
            Test::Regex(_, Scan::Record, _) => 5,
        },
    }
}

fn is_of_source(name: &str) -> bool {
    matches!(name, "service" | "env" | "host" | "source" | "file" | "format" | "kind")
}

/// Says whether what a filter asks of sources holds for one; none where it asks nothing of them.
pub(super) fn passes(node: &Node, source: &Source) -> Option<bool> {
    match node {
        Node::And(parts, _) => Some(parts.iter().all(|part| passes(part, source) != Some(false))),
        Node::Or(parts) => Some(parts.iter().any(|part| passes(part, source) != Some(false))),
        Node::Not(inner) => passes(inner, source).map(|inner| !inner),
        Node::Leaf(Leaf { test: Test::Field(name, test), .. }) => {
            let last = || service_of_last_resort(source).filter(|_| name == "service");
            let value = source_value(source, name).or_else(last);
            value.map(|value| test.holds(value.as_bytes(), Kind::Text))
        }
        Node::All | Node::Leaf(_) => None,
    }
}
