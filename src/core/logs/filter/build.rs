//! The tree's normal form: nothing nested in its own kind, nothing negated twice.
use super::{Expr, Op, Term};

impl Expr {
    /// All must hold. What is itself such a list becomes part of this one.
    pub fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::All => {}
                Self::And(more) => all.extend(more),
                other @ (Self::Or(_) | Self::Not(_) | Self::Term(_)) => all.push(other),
            }
        }
        match all.len() {
            0 => Self::All,
            1 => all.pop().unwrap_or_default(),
            _ => Self::And(all),
        }
    }

    /// One must hold. Of nothing it is [`Expr::All`], which no filter writes.
    pub fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Vec::new();
        for part in parts {
            match part {
                Self::Or(more) => any.extend(more),
                other @ (Self::All | Self::And(_) | Self::Not(_) | Self::Term(_)) => any.push(other),
            }
        }
        if any.contains(&Self::All) {
            return Self::All;
        }
        match any.len() {
            0 => Self::All,
            1 => any.pop().unwrap_or_default(),
            _ => Self::Or(any),
        }
    }

    /// It must not hold. Twice is not at all.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other @ (Self::All | Self::And(_) | Self::Or(_) | Self::Term(_)) => Self::Not(Box::new(other)),
        }
    }

    /// Leaves out terms that are known to hold, or not, for all of a source's records. None where nothing can match.
    pub fn decided(&self, decide: &dyn Fn(&Term) -> Option<bool>) -> Option<Self> {
        let nothing = || Self::Not(Box::new(Self::All));
        let with = |part: &Self| part.decided(decide).unwrap_or_else(nothing);
        match self {
            Self::All => Some(Self::All),
            Self::Term(term) => match decide(term) {
                Some(holds) => holds.then_some(Self::All),
                None => Some(self.clone()),
            },
            Self::And(parts) => {
                parts.iter().map(|part| part.decided(decide)).collect::<Option<Vec<_>>>().map(Self::and)
            }
            Self::Or(parts) => {
                let parts: Vec<Self> = parts.iter().filter_map(|part| part.decided(decide)).collect();
                (!parts.is_empty()).then(|| Self::or(parts))
            }
            Self::Not(inner) => match with(inner).negated() {
                Self::All => Some(Self::All),
                Self::Not(all) if *all == Self::All => None,
                other @ (Self::And(_) | Self::Or(_) | Self::Not(_) | Self::Term(_)) => Some(other),
            },
        }
    }

    /// Calls a function with every term.
    pub fn each_term<'a>(&'a self, see: &mut dyn FnMut(&'a Term)) {
        match self {
            Self::All => {}
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_term(see)),
            Self::Not(inner) => inner.each_term(see),
            Self::Term(term) => see(term),
        }
    }

    /// Returns the conditions that must all hold.
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::All => &[],
            Self::And(parts) => parts,
            Self::Or(_) | Self::Not(_) | Self::Term(_) => std::slice::from_ref(self),
        }
    }
}

impl Term {
    /// The field that it looks at, if any: levels are one, text is none.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Text(_) | Self::Regex(_) => None,
            Self::Level { .. } => Some("level"),
            Self::Glob { field, .. }
            | Self::FieldRegex { field, .. }
            | Self::Compare { field, .. }
            | Self::Has(field) => Some(field),
        }
    }
}

impl From<Term> for Expr {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

impl Op {
    /// How it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    /// Says whether it holds between two values in this order.
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}
