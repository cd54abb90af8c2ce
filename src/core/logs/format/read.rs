//! Fields and messages of a record.
use std::borrow::Cow;

use super::{
    FieldRef, Format, Kind, Piece, Shape, Slot, Start, Taken,
    escape::Escape,
    json, pairs,
    pattern::{self, cut},
    units,
};

impl Format {
    /// Reads one field, unescaped. Hot: runs over all records of a filter that names the field.
    pub fn field<'a>(&self, record: &'a [u8], field: &FieldRef) -> Option<Cow<'a, [u8]>> {
        match field {
            FieldRef::Absent => None,
            FieldRef::Named(index) => {
                if self.body == Some(*index) {
                    return self.body_of(record);
                }
                let line = self.line_of(record);
                self.slots.get(*index)?.iter().find_map(|slot| self.slot(line, slot))
            }
            FieldRef::Dynamic(name) => self.dynamic(self.line_of(record), name),
        }
    }

    /// Reads several fields as [`Format::field`] reads one, taking a line that has a pattern apart once. `each` is told the
    /// place in `fields` and the value; absent fields are left out.
    pub fn fields_of<'a>(&self, record: &'a [u8], fields: &[FieldRef], mut each: impl FnMut(usize, Cow<'a, [u8]>)) {
        if let Shape::Json { .. } = &self.shape {
            return self.keys_of(record, fields, each);
        }
        let line = self.line_of(record);
        let slots_of = |field: &FieldRef| match field {
            FieldRef::Named(index) if self.body != Some(*index) => self.slots.get(*index).map(Vec::as_slice),
            FieldRef::Named(_) | FieldRef::Dynamic(_) | FieldRef::Absent => None,
        };
        let taken = match &self.shape {
            Shape::Pattern { pattern, .. } => {
                let last = fields.iter().filter_map(slots_of).flatten().map(last_capture).max().unwrap_or(0);
                let mut spans = pattern::NONE;
                pattern.run(line, last, &mut spans);
                Taken::Spans(line, spans)
            }
            Shape::Regex { regex, .. } => match regex.captures(line) {
                Some(groups) => Taken::Groups(groups),
                None => Taken::Text(line),
            },
            Shape::Json { .. } | Shape::Logfmt | Shape::Plain => Taken::Text(line),
        };
        for (at, field) in fields.iter().enumerate() {
            let value = match slots_of(field) {
                Some(slots) => slots.iter().find_map(|slot| self.slot_of(line, &taken, slot)),
                None => self.field(record, field),
            };
            if let Some(value) = value {
                each(at, value);
            }
        }
    }

    /// As [`Format::fields_of`] of JSON, going through it once.
    fn keys_of<'a>(&self, record: &'a [u8], fields: &[FieldRef], mut each: impl FnMut(usize, Cow<'a, [u8]>)) {
        let slots_of = |field: &FieldRef| match field {
            FieldRef::Named(index) if self.body != Some(*index) => self.slots.get(*index).map(Vec::as_slice),
            FieldRef::Named(_) | FieldRef::Dynamic(_) | FieldRef::Absent => None,
        };
        let slots = || fields.iter().filter_map(slots_of).flatten();
        let mut paths: [&[u8]; json::PATHS] = [b""; json::PATHS];
        let mut count = 0;
        for (path, slot) in paths.iter_mut().zip(slots()) {
            *path = key_of(slot).unwrap_or_default();
            count += 1;
        }
        let mut found = [None; json::PATHS];
        json::get_each(self.line_of(record), paths.get(..count).unwrap_or_default(), &mut found);
        let mut from = 0;
        for (at, field) in fields.iter().enumerate() {
            let slots = slots_of(field).unwrap_or_default();
            let values = found.get(from..).unwrap_or_default();
            from += slots.len();
            let value = if slots.is_empty() || from > json::PATHS || slots.iter().any(|slot| key_of(slot).is_none()) {
                self.field(record, field)
            } else {
                slots.iter().zip(values).find_map(|(slot, value)| part_of(slot, value.as_ref().copied()?.bytes()?))
            };
            if let Some(value) = value {
                each(at, value);
            }
        }
    }

    /// As [`Format::slot`], of a line that was taken apart as far as its captures go.
    fn slot_of<'a>(&self, line: &'a [u8], taken: &Taken<'a>, slot: &Slot) -> Option<Cow<'a, [u8]>> {
        match slot {
            Slot::Capture(index) if let Taken::Groups(groups) = taken => {
                Some(self.escape.undo(groups.get(*index)?.as_bytes()))
            }
            Slot::Capture(_) => Some(self.escape.undo(self.raw_of(taken, slot)?)),
            Slot::Part(of, part) => taken_part(*part, self.slot_of(line, taken, of)?),
            Slot::Key(_) | Slot::Tail(_) | Slot::Scaled(..) => self.slot(line, slot),
        }
    }

    fn dynamic<'a>(&self, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
        let within = |text: &'a [u8]| {
            if json::is_object(text) {
                json::get(text, name.as_bytes())?.bytes()
            } else {
                pairs::get(text, name.as_bytes()).map(pairs::Pair::bytes)
            }
        };
        match &self.shape {
            Shape::Json { wants, .. } => {
                if let Some(value) = json::get(line, name.as_bytes()) {
                    return value.bytes();
                }
                let [.., body] = wants.find(line);
                let (_, body) = body.filter(|(_, body)| body.text.starts_with(b"{") && body.is == json::Is::Text)?;
                let body = Escape::Json.undo(body.text);
                Some(Cow::Owned(json::get(&body, name.as_bytes())?.bytes()?.into_owned()))
            }
            Shape::Logfmt | Shape::Plain => within(line),
            Shape::Pattern { pattern, .. } => {
                let mut spans = pattern::NONE;
                pattern.run(line, usize::MAX, &mut spans);
                if let Some(tail) = pattern.tail() {
                    return within(cut(line, *spans.get(tail)?)?);
                }
                self.within_body(line, name)
            }
            Shape::Regex { .. } => self.within_body(line, name),
        }
    }

    fn within_body<'a>(&self, line: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
        let body = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot))?;
        let own = |value: json::Value<'_>| Some(Cow::Owned(value.bytes()?.into_owned()));
        match body {
            Cow::Borrowed(body) if json::is_object(body) => json::get(body, name.as_bytes())?.bytes(),
            Cow::Borrowed(body) => pairs::get(body, name.as_bytes()).map(pairs::Pair::bytes),
            Cow::Owned(body) if json::is_object(&body) => json::get(&body, name.as_bytes()).and_then(own),
            Cow::Owned(body) => pairs::get(&body, name.as_bytes()).map(|pair| Cow::Owned(pair.bytes().into_owned())),
        }
    }

    /// Reads what stands in a slot of a line, unescaped.
    pub(super) fn slot<'a>(&self, line: &'a [u8], slot: &Slot) -> Option<Cow<'a, [u8]>> {
        match slot {
            Slot::Scaled(of, factor) => {
                let text = self.slot(line, of)?;
                units::scaled(&text, *factor).map(|text| Cow::Owned(text.into_bytes()))
            }
            Slot::Part(of, part) => match self.slot(line, of)? {
                Cow::Borrowed(text) => part.of(text).map(Cow::Borrowed),
                Cow::Owned(text) => part.of(&text).map(|part| Cow::Owned(part.to_vec())),
            },
            Slot::Key(key) => match &self.shape {
                Shape::Logfmt => pairs::get(line, key.as_bytes()).map(pairs::Pair::bytes),
                Shape::Json { .. } | Shape::Plain => json::get(line, key.as_bytes())?.bytes(),
                Shape::Pattern { .. } | Shape::Regex { .. } => self.dynamic(line, key),
            },
            Slot::Capture(_) | Slot::Tail(_) => match &self.shape {
                Shape::Pattern { pattern, .. } => {
                    let mut spans = pattern::NONE;
                    let upto = if let Slot::Capture(index) = slot { *index } else { usize::MAX };
                    pattern.run(line, upto, &mut spans);
                    let raw = self.raw_of(&Taken::Spans(line, spans), slot)?;
                    Some(self.escape.undo(raw))
                }
                Shape::Regex { regex, .. } => {
                    let Slot::Capture(index) = slot else { return None };
                    Some(self.escape.undo(regex.captures(line)?.get(*index)?.as_bytes()))
                }
                Shape::Json { .. } | Shape::Logfmt | Shape::Plain => None,
            },
        }
    }

    /// Reads what stands in a slot as it is written; a dash is nothing.
    pub(super) fn raw_of<'a>(&self, taken: &Taken<'a>, slot: &Slot) -> Option<&'a [u8]> {
        let text = match (slot, taken) {
            (Slot::Capture(index), Taken::Spans(line, spans)) => {
                let text = cut(line, *spans.get(*index)?)?;
                match self.body {
                    Some(body) if self.is_body(body, *index) => text.get(..self.tail_at(text)).unwrap_or(text),
                    _ => text,
                }
            }
            (Slot::Capture(index), Taken::Groups(groups)) => groups.get(*index)?.as_bytes(),
            (Slot::Key(key), Taken::Spans(line, spans)) => {
                let Shape::Pattern { pattern, .. } = &self.shape else { return None };
                pairs::get(cut(line, *spans.get(pattern.tail()?)?)?, key.as_bytes())?.value
            }
            (Slot::Key(key), Taken::Text(line)) => pairs::get(line, key.as_bytes())?.value,
            (Slot::Tail(number), Taken::Spans(line, spans)) => {
                let Shape::Pattern { pattern, tail, .. } = &self.shape else { return None };
                let whole = cut(line, *spans.get(pattern.names().len().checked_sub(1)?)?)?;
                let mut found = None;
                pairs::each_of_tail(whole.get(self.tail_at(whole)..)?, tail, |at, value| {
                    found = (at == *number).then_some(value);
                    found.is_some()
                });
                found?
            }
            (Slot::Part(of, part), _) => part.of(self.raw_of(taken, of)?)?,
            // Columns read the main unit only: what must be computed is made by `slot`.
            (Slot::Scaled(..) | Slot::Tail(_), _)
            | (Slot::Key(_), Taken::Groups(_))
            | (Slot::Capture(_), Taken::Text(_)) => return None,
        };
        (text != b"-" && !text.is_empty()).then_some(text)
    }

    pub(super) fn is_body(&self, body: usize, capture: usize) -> bool {
        let is_it = |slot: &Slot| matches!(slot, Slot::Capture(index) if *index == capture);
        self.slots.get(body).is_some_and(|slots| slots.iter().any(is_it))
    }

    /// Where the keys after a message begin; its length where there are none.
    pub(super) fn tail_at(&self, message: &[u8]) -> usize {
        match &self.shape {
            Shape::Pattern { tail, .. } if !tail.is_empty() => pairs::tail(message, tail).unwrap_or(message.len()),
            Shape::Pattern { .. } | Shape::Regex { .. } | Shape::Json { .. } | Shape::Logfmt | Shape::Plain => {
                message.len()
            }
        }
    }

    /// Reads the message with its continuation lines.
    fn body_of<'a>(&self, record: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let line = self.line_of(record);
        let more = record.get(line.len()..).unwrap_or_default();
        let head = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot))?;
        if more.is_empty() {
            return Some(head);
        }
        let mut text = head.into_owned();
        for line in more.split(|byte| *byte == b'\n').skip(1) {
            // A fragment of what one process wrote goes on where the one before ended.
            let part = self.slots.get(self.body?)?.iter().find_map(|slot| self.slot(line, slot));
            match part.filter(|_| self.repeats_head()) {
                Some(part) if self.whole.is_some() => text.extend_from_slice(&part),
                Some(part) => {
                    text.push(b'\n');
                    text.extend_from_slice(&part);
                }
                None => {
                    text.push(b'\n');
                    text.extend_from_slice(line);
                }
            }
        }
        Some(Cow::Owned(text))
    }

    /// Says whether continuation lines have a head of their own, as PM2 puts the time before every line of a stack trace.
    pub(super) fn repeats_head(&self) -> bool {
        self.whole.is_some() || (matches!(self.start, Start::Trace) && !matches!(self.shape, Shape::Plain))
    }

    /// Reads every field that the record has, in the order written, for the detail view and JSON output.
    pub fn all<'a>(&self, record: &'a [u8]) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
        let line = self.line_of(record);
        let mut all = Vec::new();
        match &self.shape {
            Shape::Json { .. } => {
                json::all(line, "", &mut all, 0);
            }
            Shape::Logfmt => pairs_into(line, &mut all),
            Shape::Plain if json::is_object(line) => {
                json::all(line, "", &mut all, 0);
            }
            Shape::Plain => {}
            Shape::Pattern { .. } | Shape::Regex { .. } => {
                for (index, field) in self.fields.iter().enumerate() {
                    if let Some(value) = self.field(record, &FieldRef::Named(index)) {
                        all.push((Cow::Owned(field.name.clone()), value));
                    }
                }
                if let Shape::Pattern { pattern, .. } = &self.shape
                    && let Some(tail) = pattern.tail()
                {
                    let mut spans = pattern::NONE;
                    pattern.run(line, tail, &mut spans);
                    let text = spans.get(tail).and_then(|span| cut(line, *span)).unwrap_or_default();
                    let known = all.len();
                    pairs_into(text, &mut all);
                    let named: Vec<_> = all.iter().take(known).map(|(name, _)| name.clone()).collect();
                    let mut index = 0;
                    all.retain(|(name, _)| {
                        index += 1;
                        index <= known || !named.contains(name)
                    });
                }
                if let Some(Cow::Borrowed(body)) = self.body.and_then(|body| self.field(line, &FieldRef::Named(body)))
                    && json::is_object(body)
                {
                    json::all(body, "", &mut all, 0);
                }
            }
        }
        all
    }

    /// Returns what a person reads: the message without the columns. Continuation lines follow after `\n`.
    pub fn message<'a>(&self, record: &'a [u8]) -> Cow<'a, [u8]> {
        if self.message.is_empty() {
            return self.body_of(record).map_or(Cow::Borrowed(record), trimmed);
        }
        let line = self.line_of(record);
        let mut text = Vec::with_capacity(96);
        let mut literal: &str = "";
        let mut any = false;
        for (number, piece) in self.message.iter().enumerate() {
            match piece {
                Piece::Literal(piece) => literal = piece,
                Piece::Field(index) => {
                    let slots = self.slots.get(*index).map_or(&[][..], Vec::as_slice);
                    let Some(value) = slots.iter().find_map(|slot| self.slot(line, slot)) else { continue };
                    if any || number <= 1 {
                        text.extend_from_slice(literal.as_bytes());
                    }
                    match self.fields.get(*index).map(|field| field.kind) {
                        Some(Kind::Duration { micros }) => text.extend(units::shown(&value, micros).into_bytes()),
                        _ => text.extend_from_slice(&value),
                    }
                    any = true;
                    literal = "";
                }
            }
        }
        if any {
            text.extend_from_slice(record.get(line.len()..).unwrap_or_default());
            Cow::Owned(text)
        } else {
            Cow::Borrowed(record)
        }
    }
}

fn pairs_into<'a>(text: &'a [u8], all: &mut Vec<(Cow<'a, str>, Cow<'a, [u8]>)>) {
    pairs::each(text, |pair| {
        all.push((String::from_utf8_lossy(pair.key), pair.bytes()));
        all.len() >= 512
    });
}

/// Drops the line break that a process wrote at the end of its message.
fn trimmed(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix(b"\n").unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(text.strip_suffix(b"\n").map_or(text.len(), <[u8]>::len));
            Cow::Owned(text)
        }
    }
}

/// The last capture of a pattern that a slot needs.
fn last_capture(slot: &Slot) -> usize {
    match slot {
        Slot::Capture(index) => *index,
        Slot::Part(of, _) | Slot::Scaled(of, _) => last_capture(of),
        Slot::Key(_) | Slot::Tail(_) => 0,
    }
}

/// The key that a slot is read from, itself or a part of it.
fn key_of(slot: &Slot) -> Option<&[u8]> {
    match slot {
        Slot::Key(key) => Some(key.as_bytes()),
        Slot::Part(of, _) => key_of(of),
        Slot::Capture(_) | Slot::Tail(_) | Slot::Scaled(..) => None,
    }
}

/// Takes of a key's value what its slot is.
fn part_of<'a>(slot: &Slot, value: Cow<'a, [u8]>) -> Option<Cow<'a, [u8]>> {
    match slot {
        Slot::Part(of, part) => taken_part(*part, part_of(of, value)?),
        Slot::Key(_) | Slot::Capture(_) | Slot::Tail(_) | Slot::Scaled(..) => Some(value),
    }
}

fn taken_part(part: super::request::Part, text: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    match text {
        Cow::Borrowed(text) => part.of(text).map(Cow::Borrowed),
        Cow::Owned(text) => part.of(&text).map(|part| Cow::Owned(part.to_vec())),
    }
}
