//! A field of all records of a segment, each different value once.
use super::super::{
    bitmap::{Bitmap, Bits},
    format::Kind,
    hash::TextMap,
};

/// A column's values are not counted before there are so many of them.
const SOME: usize = 4_096;
/// A field that has more different values than one in so many records has no column: it would be as large as the text.
const SHARED: usize = 2;

/// Which value of a field each record has.
#[derive(Debug)]
pub(in super::super) struct Column {
    ids: Ids,
    values: Values,
}

/// A value's number for each record; nought where the record has none.
#[derive(Debug)]
enum Ids {
    Byte(Vec<u8>),
    Short(Vec<u16>),
    Long(Vec<u32>),
}

/// Different values, numbered from one.
#[derive(Debug, Default)]
struct Values {
    text: Vec<u8>,
    ends: Vec<u32>,
    /// What the values mean: of each, or of all.
    kinds: Vec<Kind>,
}

/// A column while it is made.
#[derive(Debug, Default)]
pub(super) struct Maker {
    ids: Vec<u32>,
    values: Values,
    known: Vec<(Kind, TextMap<u32>)>,
}

impl Maker {
    /// Makes one for so many records.
    pub(super) fn of(records: usize) -> Self {
        Self { ids: Vec::with_capacity(records), ..Self::default() }
    }

    /// Takes the next record's value.
    pub(super) fn push(&mut self, value: Option<(&[u8], Kind)>) {
        let id = value.map_or(0, |(value, kind)| self.number(value, kind));
        self.ids.push(id);
    }

    /// Finds a value's number.
    fn number(&mut self, value: &[u8], kind: Kind) -> u32 {
        let at = self.known.iter().position(|(of, _)| *of == kind).unwrap_or_else(|| {
            self.known.push((kind, TextMap::default()));
            self.known.len() - 1
        });
        let Some((_, known)) = self.known.get_mut(at) else { return 0 };
        if let Some(number) = known.get(value) {
            return *number;
        }
        self.values.text.extend_from_slice(value);
        self.values.ends.push(u32::try_from(self.values.text.len()).unwrap_or(u32::MAX));
        self.values.kinds.push(kind);
        let number = u32::try_from(self.values.ends.len()).unwrap_or(0);
        known.insert(value.to_vec(), number);
        number
    }

    /// Says whether there are too many different values.
    pub(super) fn is_various(&self) -> bool {
        self.values.ends.len() > SOME.max(self.ids.len() / SHARED)
    }

    pub(super) fn done(self) -> Column {
        let Self { ids, mut values, known } = self;
        if known.len() < 2 {
            values.kinds.truncate(1);
        }
        values.text.shrink_to_fit();
        values.ends.shrink_to_fit();
        values.kinds.shrink_to_fit();
        let ids = match values.ends.len() {
            0..=0xff => Ids::Byte(ids.into_iter().map(|id| u8::try_from(id).unwrap_or(0)).collect()),
            0x100..=0xffff => Ids::Short(ids.into_iter().map(|id| u16::try_from(id).unwrap_or(0)).collect()),
            _ => Ids::Long(ids),
        };
        Column { ids, values }
    }
}

impl Column {
    /// Puts columns of neighbours together; none where there are too many different values.
    pub(super) fn join(parts: &[(&Self, usize)]) -> Option<Self> {
        let mut maker = Maker::of(parts.iter().map(|(_, len)| len).sum());
        for (part, _) in parts {
            let numbers: Vec<u32> = (1..=part.values()).map(|id| part.value(id)).fold(vec![0], |mut all, value| {
                all.push(value.map_or(0, |(value, kind)| maker.number(value, kind)));
                all
            });
            part.each(|id| maker.ids.push(numbers.get(id).copied().unwrap_or(0)));
            if maker.is_various() {
                return None;
            }
        }
        Some(maker.done())
    }

    /// How many different values there are. They are numbered from one on; nought is none.
    pub(in super::super) fn values(&self) -> usize {
        self.values.ends.len()
    }

    /// Returns a value by its number, and what it means.
    pub(in super::super) fn value(&self, number: usize) -> Option<(&[u8], Kind)> {
        let Values { text, ends, kinds } = &self.values;
        let at = number.checked_sub(1)?;
        let end = *ends.get(at)? as usize;
        let begin = at.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
        Some((text.get(begin..end)?, *kinds.get(at).or(kinds.first())?))
    }

    /// Returns the number of a record's value.
    #[inline]
    pub(in super::super) fn id(&self, record: usize) -> usize {
        match &self.ids {
            Ids::Byte(ids) => ids.get(record).copied().map_or(0, usize::from),
            Ids::Short(ids) => ids.get(record).copied().map_or(0, usize::from),
            Ids::Long(ids) => ids.get(record).copied().map_or(0, |id| id as usize),
        }
    }

    /// Finds the records whose value a test holds for; it is asked once for each value.
    pub(super) fn find(&self, holds: impl Fn(&[u8], Kind) -> bool) -> Bitmap {
        let mut which = vec![false; self.values() + 1];
        for (number, which) in which.iter_mut().enumerate() {
            *which = self.value(number).is_some_and(|(value, kind)| holds(value, kind));
        }
        let holds = |id: usize| which.get(id).copied().unwrap_or(false);
        let set = match &self.ids {
            Ids::Byte(ids) => Bits::of(ids.len(), ids.iter().map(|id| holds(usize::from(*id)))),
            Ids::Short(ids) => Bits::of(ids.len(), ids.iter().map(|id| holds(usize::from(*id)))),
            Ids::Long(ids) => Bits::of(ids.len(), ids.iter().map(|id| holds(*id as usize))),
        };
        set.done()
    }

    fn each(&self, mut take: impl FnMut(usize)) {
        match &self.ids {
            Ids::Byte(ids) => ids.iter().for_each(|id| take(usize::from(*id))),
            Ids::Short(ids) => ids.iter().for_each(|id| take(usize::from(*id))),
            Ids::Long(ids) => ids.iter().for_each(|id| take(*id as usize)),
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let ids = match &self.ids {
            Ids::Byte(ids) => ids.capacity(),
            Ids::Short(ids) => ids.capacity() * 2,
            Ids::Long(ids) => ids.capacity() * 4,
        };
        let Values { text, ends, kinds } = &self.values;
        size_of::<Self>() + ids + text.capacity() + ends.capacity() * 4 + kinds.capacity() * size_of::<Kind>()
    }
}
