//! Turns what a format's file says into what reads lines.
use super::{
    Field, Format, Kind, Level, Levels, Piece, Shape, Slot, Start, StartSpec, Wants,
    pattern::Pattern,
    spec::{FieldSpec, KindSpec, Spec, SpecKind},
};

/// What is wrong with a format's file, and at which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key, with the table and its number before it: `field.2.part`.
    pub key: String,
    /// What is wrong, in lower case.
    pub what: String,
}

impl Wrong {
    fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { key: key.into(), what: what.into() }
    }
}

/// Builds one format.
struct Builder<'s> {
    spec: &'s Spec,
    fields: Vec<Field>,
    slots: Vec<Vec<Slot>>,
    aliases: Vec<(String, usize)>,
}

impl Format {
    /// Compiles a format from what its file says; all that is wrong with it is said at once.
    pub fn compile(name: &str, spec: &Spec) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut shape = shape(spec).map_err(|error| vec![error])?;
        let mut builder = Builder { spec, fields: Vec::new(), slots: Vec::new(), aliases: Vec::new() };
        builder.captures(&shape);
        for (number, field) in spec.fields.iter().enumerate() {
            if let Err(what) = builder.add(field, &shape) {
                wrong.push(Wrong::new(format!("field.{number}.name"), what));
            }
        }
        let of = |names: &[String], key: &str, wrong: &mut Vec<Wrong>, builder: &Builder<'_>| -> Vec<Slot> {
            let slots = names.iter().map(|name| builder.source(name, &shape));
            let mut all = Vec::new();
            for slot in slots {
                match slot {
                    Ok(slot) => all.push(slot),
                    Err(what) => wrong.push(Wrong::new(key, what)),
                }
            }
            all
        };
        let time = of(&spec.time.from, "time.from", &mut wrong, &builder);
        let from = of(&spec.level.from, "level.from", &mut wrong, &builder);
        let map = level_map(spec, &mut wrong);
        let start = start(spec, &mut wrong);
        let mut optional = |regex: &Option<String>, key: &str| {
            let compiled = regex.as_deref().map(compile_regex)?;
            compiled.map_err(|what| wrong.push(Wrong::new(key, what))).ok()
        };
        let open = optional(&spec.record.open, "record.open");
        let like = optional(&spec.detect.like, "detect.like");
        let find = |name: &str| builder.fields.iter().position(|field| field.name == name);
        let message = builder.template(&mut wrong);
        for name in spec.view.columns.iter().filter(|name| find(name).is_none()) {
            wrong.push(Wrong::new("view.columns", format!("there is no field `{name}`")));
        }
        let level = Levels {
            from,
            map,
            of_status: spec.level.of_status,
            is_priority: spec.level.is_priority,
            infer: spec.level.infer,
        };
        let (status, duration, body) = (find("status"), find("dur"), find("message"));
        shape = finish(shape, &builder, [&time, &level.from], [status, duration, body.filter(|_| level.infer)]);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self {
            name: name.to_owned(),
            words: spec.words.clone(),
            shape,
            fields: builder.fields,
            slots: builder.slots,
            aliases: builder.aliases,
            escape: spec.escape,
            time,
            style: spec.time.style,
            level,
            status,
            duration,
            body,
            start,
            open,
            like,
            whole: spec.record.whole.clone().map(|key| (key, spec.record.same.clone())),
            message,
            columns: spec.view.columns.clone(),
            detect: spec.detect.clone(),
        })
    }
}

fn start(spec: &Spec, wrong: &mut Vec<Wrong>) -> Start {
    match (spec.record.start, &spec.record.regex) {
        (StartSpec::Line, _) => Start::Line,
        (StartSpec::Head, _) => Start::Head,
        (StartSpec::Trace, _) => Start::Trace,
        (StartSpec::Regex, None) => {
            wrong.push(Wrong::new("record.start", "`start = \"regex\"` needs `regex`"));
            Start::Line
        }
        (StartSpec::Regex, Some(regex)) => match compile_regex(regex) {
            Ok(regex) => Start::Regex(regex),
            Err(what) => {
                wrong.push(Wrong::new("record.regex", what));
                Start::Line
            }
        },
    }
}

fn level_map(spec: &Spec, wrong: &mut Vec<Wrong>) -> Vec<(Vec<u8>, Level)> {
    let mut map = Vec::new();
    for (word, level) in &spec.level.map {
        match Level::parse(level.as_bytes()) {
            Some(level) => map.push((word.clone().into_bytes(), level)),
            None => wrong.push(Wrong::new(format!("level.map.{word}"), format!("`{level}` is not a level"))),
        }
    }
    map
}

fn compile_regex(regex: &str) -> Result<regex::bytes::Regex, String> {
    let built = regex::bytes::RegexBuilder::new(regex).size_limit(1 << 20).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

fn shape(spec: &Spec) -> Result<Shape, Wrong> {
    match (spec.kind, &spec.pattern, &spec.regex) {
        (SpecKind::Pattern, Some(pattern), None) => {
            let pattern = Pattern::compile(pattern, spec.escape).map_err(|what| Wrong::new("pattern", what))?;
            Ok(Shape::Pattern { pattern, head: usize::MAX, tail: spec.tail.clone() })
        }
        (SpecKind::Regex, None, Some(regex)) => {
            let all_lines = regex.starts_with("(?s)");
            let regex = compile_regex(regex).map_err(|what| Wrong::new("regex", what))?;
            Ok(Shape::Regex { regex, all_lines })
        }
        (SpecKind::Pattern, ..) => Err(Wrong::new("kind", "`kind = \"pattern\"` needs `pattern` and no `regex`")),
        (SpecKind::Regex, ..) => Err(Wrong::new("kind", "`kind = \"regex\"` needs `regex` and no `pattern`")),
        (SpecKind::Json | SpecKind::Logfmt | SpecKind::Plain, None, None) => Ok(match spec.kind {
            SpecKind::Json => Shape::Json { wants: Box::default(), units: Vec::new() },
            SpecKind::Logfmt => Shape::Logfmt,
            SpecKind::Pattern | SpecKind::Regex | SpecKind::Plain => Shape::Plain,
        }),
        (SpecKind::Json | SpecKind::Logfmt | SpecKind::Plain, Some(_), _) => {
            Err(Wrong::new("pattern", "only `kind = \"pattern\"` has one"))
        }
        (SpecKind::Json | SpecKind::Logfmt | SpecKind::Plain, None, Some(_)) => {
            Err(Wrong::new("regex", "only `kind = \"regex\"` has one"))
        }
    }
}

/// Notes what the columns need, so that a head is read no further.
fn finish(shape: Shape, builder: &Builder<'_>, slots: [&[Slot]; 2], fields: [Option<usize>; 3]) -> Shape {
    match shape {
        Shape::Pattern { pattern, tail, .. } => {
            let of_fields = fields.iter().flatten().filter_map(|index| builder.slots.get(*index)).flatten();
            let last = slots.into_iter().flatten().chain(of_fields).map(|slot| last_capture(slot, &pattern)).max();
            Shape::Pattern { head: last.unwrap_or(0), pattern, tail }
        }
        Shape::Json { .. } => {
            let [time, level] = slots.map(paths);
            let field =
                |index: Option<usize>| index.and_then(|index| builder.slots.get(index)).map_or(&[][..], Vec::as_slice);
            let [status, duration, body] = fields;
            let main = match duration.and_then(|index| builder.fields.get(index)).map(|field| field.kind) {
                Some(Kind::Duration { micros }) => micros,
                _ => 1.0,
            };
            let unit = |slot: &Slot| if let Slot::Scaled(_, factor) = slot { main * factor } else { main };
            let units = field(duration).iter().map(unit).collect();
            let wants =
                Wants::new([&time, &level, &paths(field(status)), &paths(field(duration)), &paths(field(body))]);
            Shape::Json { wants: Box::new(wants), units }
        }
        Shape::Regex { .. } | Shape::Logfmt | Shape::Plain => shape,
    }
}

fn paths(slots: &[Slot]) -> Vec<String> {
    fn path(slot: &Slot) -> String {
        match slot {
            Slot::Key(key) => key.to_string(),
            Slot::Part(of, _) | Slot::Scaled(of, _) => path(of),
            // JSON has none of these; the empty path is never found.
            Slot::Capture(_) | Slot::Tail(_) => String::new(),
        }
    }
    slots.iter().map(path).collect()
}

fn last_capture(slot: &Slot, pattern: &Pattern) -> usize {
    match slot {
        Slot::Capture(index) => *index,
        Slot::Part(of, _) | Slot::Scaled(of, _) => last_capture(of, pattern),
        Slot::Key(_) | Slot::Tail(_) => pattern.names().len().saturating_sub(1),
    }
}

impl Builder<'_> {
    /// Makes a field of every capture.
    fn captures(&mut self, shape: &Shape) {
        let names: Vec<(String, Slot)> = match shape {
            Shape::Pattern { pattern, tail, .. } => {
                let captures = pattern.names().iter().enumerate();
                let captures = captures.map(|(index, name)| (name.clone(), Slot::Capture(index)));
                let tail = tail.iter().enumerate().map(|(index, name)| (name.clone(), Slot::Tail(index)));
                captures.chain(tail).collect()
            }
            Shape::Regex { regex, .. } => {
                let groups = regex.capture_names().enumerate();
                groups.filter_map(|(index, name)| Some((name?.to_owned(), Slot::Capture(index)))).collect()
            }
            Shape::Json { .. } | Shape::Logfmt | Shape::Plain => Vec::new(),
        };
        for (name, slot) in names.into_iter().filter(|(name, _)| name != "_" && name != "*") {
            self.fields.push(Field { name, kind: Kind::Text });
            self.slots.push(vec![slot]);
        }
    }

    /// Finds where a field, a capture or a key stands.
    fn source(&self, name: &str, shape: &Shape) -> Result<Slot, String> {
        let field = self.fields.iter().position(|field| field.name == name);
        let of_field = field.and_then(|index| self.slots.get(index)?.first().cloned());
        match shape {
            Shape::Json { .. } | Shape::Logfmt | Shape::Plain => Ok(Slot::Key(name.into())),
            Shape::Pattern { pattern, .. } if pattern.tail().is_some() => {
                Ok(of_field.unwrap_or(Slot::Key(name.into())))
            }
            Shape::Pattern { .. } | Shape::Regex { .. } => {
                of_field.ok_or_else(|| format!("nothing is captured as `{name}`"))
            }
        }
    }

    fn add(&mut self, spec: &FieldSpec, shape: &Shape) -> Result<(), String> {
        if spec.name.is_empty() {
            return Err("a field needs a name".to_owned());
        }
        let kind = match spec.kind {
            KindSpec::Text => Kind::Text,
            KindSpec::Number => Kind::Number,
            KindSpec::Bytes => Kind::Bytes,
            KindSpec::Duration => Kind::Duration { micros: spec.unit.micros() },
        };
        let at = self.fields.iter().position(|field| field.name == spec.name);
        let is_capture = at.is_some_and(|at| self.is_untouched(at, shape));
        let own = [spec.name.clone()];
        let names = if spec.from.is_empty() { &own[..] } else { &spec.from };
        let mut slots = Vec::new();
        for name in names {
            let slot = self.source(name, shape)?;
            slots.push(match spec.part {
                Some(part) => Slot::Part(Box::new(slot), part),
                None => slot,
            });
        }
        let aliases = |at| spec.alias.iter().map(move |alias| (alias.clone(), at));
        if let Some((at, field, has)) = at.and_then(|at| Some((at, self.fields.get_mut(at)?, self.slots.get_mut(at)?)))
        {
            if is_capture && spec.from.is_empty() {
                field.kind = kind;
            } else {
                // Another unit than that of the first entry.
                if let (Kind::Duration { micros: main }, Kind::Duration { micros }) = (field.kind, kind)
                    && (main - micros).abs() > f64::EPSILON
                {
                    slots = slots.into_iter().map(|slot| Slot::Scaled(Box::new(slot), micros / main)).collect();
                }
                has.extend(slots);
            }
            self.aliases.extend(aliases(at));
        } else {
            self.aliases.extend(aliases(self.fields.len()));
            self.fields.push(Field { name: spec.name.clone(), kind });
            self.slots.push(slots);
        }
        Ok(())
    }

    fn is_untouched(&self, at: usize, shape: &Shape) -> bool {
        let captured = matches!(shape, Shape::Pattern { .. } | Shape::Regex { .. });
        captured && self.slots.get(at).is_some_and(|slots| matches!(slots[..], [Slot::Capture(_) | Slot::Tail(_)]))
    }

    fn template(&self, wrong: &mut Vec<Wrong>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = self.spec.view.message.as_deref().unwrap_or_default();
        while let Some((literal, after)) = rest.split_once('<') {
            let Some((name, after)) = after.split_once('>') else {
                wrong.push(Wrong::new("view.message", "a `<` is not closed"));
                break;
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            match self.fields.iter().position(|field| field.name == name) {
                Some(index) => pieces.push(Piece::Field(index)),
                None => wrong.push(Wrong::new("view.message", format!("there is no field `{name}`"))),
            }
            rest = after;
        }
        pieces
    }
}
