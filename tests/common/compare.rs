//! Parses replies into values, and compares two of them.

/// The way in which two replies are compared. Errors must always have the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The same bytes.
    Exact,
    /// The same elements in any order, at any depth.
    Bag,
    /// The same pairs in any order.
    Pairs,
    /// Integers that differ by a little.
    Near,
    /// The same type, and null only if the other is null.
    Kind,
    /// One reply each, whatever it is.
    Any,
    /// An error each, in any words.
    Refused,
    /// Only the cluster is asked, and must answer this.
    Says(&'static str),
}

/// The greatest difference of times, in ms: the second side runs after the first has ended.
const NEAR: i64 = 60_000;

/// One value of a reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Any value of one line, with its first byte.
    Line(String),
    /// A bulk string.
    Text(Vec<u8>),
    /// Any value with elements; of a map the alternating keys and values.
    List(Vec<Value>),
}

impl Value {
    /// Parses a whole reply.
    pub fn of(raw: &[u8]) -> Self {
        Self::read(raw, &mut 0)
    }

    /// Returns the elements of a list.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            Self::Line(_) | Self::Text(_) => &[],
        }
    }

    /// Returns the text of a string.
    pub fn text(&self) -> String {
        match self {
            Self::Line(line) => line.get(1..).unwrap_or_default().to_owned(),
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Self::List(_) => panic!("a list: {self:?}"),
        }
    }

    /// Returns the bytes of a string.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Line(line) => line.get(1..).unwrap_or_default().as_bytes(),
            Self::Text(text) => text,
            Self::List(_) => panic!("a list: {self:?}"),
        }
    }

    /// Returns the number of an integer reply.
    pub fn number(&self) -> i64 {
        self.text().parse().unwrap_or_else(|_| panic!("no number: {self:?}"))
    }

    fn read(raw: &[u8], at: &mut usize) -> Self {
        let end = raw[*at..].windows(2).position(|pair| pair == b"\r\n").unwrap() + *at;
        let line = String::from_utf8_lossy(&raw[*at..end]).into_owned();
        *at = end + 2;
        let number = || line[1..].parse::<i64>().unwrap();
        match line.as_bytes()[0] {
            b'$' | b'=' | b'!' if number() >= 0 => {
                let len = usize::try_from(number()).unwrap();
                let text = raw[*at..*at + len].to_vec();
                *at += len + 2;
                Self::Text(text)
            }
            b'*' | b'~' | b'>' if number() >= 0 => {
                Self::List((0..number()).map(|_| Self::read(raw, at)).collect())
            }
            b'%' => Self::List((0..2 * number()).map(|_| Self::read(raw, at)).collect()),
            _ => Self::Line(line),
        }
    }

    fn sorted(self) -> Self {
        match self {
            Self::List(elements) => {
                let mut elements: Vec<Self> = elements.into_iter().map(Self::sorted).collect();
                elements.sort();
                Self::List(elements)
            }
            other => other,
        }
    }

    fn pairs(self) -> Vec<Vec<Self>> {
        let mut pairs: Vec<Vec<Self>> = self.elements().chunks(2).map(<[Self]>::to_vec).collect();
        pairs.sort();
        pairs
    }
}

/// Returns true if the two replies mean the same.
pub fn same(how: How, one: &[u8], other: &[u8]) -> bool {
    if one == other || how == How::Any {
        return true;
    }
    let is_error = |raw: &[u8]| matches!(raw[0], b'-' | b'!');
    if how == How::Refused {
        return is_error(one) && is_error(other);
    }
    let kind = |raw: &[u8]| (raw[0], raw.get(1) == Some(&b'-'));
    if is_error(one) || is_error(other) || kind(one) != kind(other) {
        return false;
    }
    let (one, other) = (Value::of(one), Value::of(other));
    match how {
        How::Exact | How::Refused | How::Says(_) => false,
        How::Bag => one.sorted() == other.sorted(),
        How::Pairs => one.pairs() == other.pairs(),
        How::Near => (one.number() - other.number()).abs() <= NEAR,
        How::Kind | How::Any => true,
    }
}
