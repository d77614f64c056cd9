//! Each kind of command that waits: how an element is given to it, how it asks, and which elements a reply brings.

use tideover_testbed::client::Reply;

/// One kind, with a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Blpop,
    Brpop,
    Blmove,
    Brpoplpush,
    Blmpop,
    Bzpopmin,
    Bzpopmax,
    Bzmpop,
    Xread,
    Xreadgroup,
}

pub(crate) const KINDS: [Kind; 10] = [
    Kind::Blpop,
    Kind::Brpop,
    Kind::Blmove,
    Kind::Brpoplpush,
    Kind::Blmpop,
    Kind::Bzpopmin,
    Kind::Bzpopmax,
    Kind::Bzmpop,
    Kind::Xread,
    Kind::Xreadgroup,
];

/// Seconds and milliseconds that one command waits.
const SECONDS: &str = "2";
const MILLIS: &str = "2000";
const GROUP: &str = "readers";

impl Kind {
    pub(crate) fn key(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Where BLMOVE and its like put what they took.
    fn taken(self) -> String {
        format!("{}:taken", self.key())
    }

    /// Elements come in the order in which they were given, to each client by itself.
    pub(crate) fn is_ordered(self) -> bool {
        self != Kind::Bzpopmax
    }

    /// Every client gets every element.
    pub(crate) fn is_shared(self) -> bool {
        self == Kind::Xread
    }

    pub(crate) fn setup(self) -> Option<Vec<String>> {
        (self == Kind::Xreadgroup).then(|| words(&["XGROUP", "CREATE", &self.key(), GROUP, "$", "MKSTREAM"]))
    }

    /// Gives this element.
    pub(crate) fn give(self, element: u64) -> Vec<String> {
        let (key, element) = (self.key(), element.to_string());
        match self {
            Kind::Blpop | Kind::Blmove | Kind::Blmpop => words(&["RPUSH", &key, &element]),
            Kind::Brpop | Kind::Brpoplpush => words(&["LPUSH", &key, &element]),
            Kind::Bzpopmin | Kind::Bzpopmax | Kind::Bzmpop => words(&["ZADD", &key, &element, &element]),
            Kind::Xread | Kind::Xreadgroup => words(&["XADD", &key, &format!("{element}-1"), "n", &element]),
        }
    }

    /// Asks for the next one. `behind`: the last that this client has.
    pub(crate) fn take(self, client: usize, behind: Option<u64>) -> Vec<String> {
        let (key, taken) = (self.key(), self.taken());
        let behind = behind.map_or("$".to_owned(), |element| format!("{element}-1"));
        match self {
            Kind::Blpop => words(&["BLPOP", &key, SECONDS]),
            Kind::Brpop => words(&["BRPOP", &key, SECONDS]),
            Kind::Blmove => words(&["BLMOVE", &key, &taken, "LEFT", "RIGHT", SECONDS]),
            Kind::Brpoplpush => words(&["BRPOPLPUSH", &key, &taken, SECONDS]),
            Kind::Blmpop => words(&["BLMPOP", SECONDS, "1", &key, "LEFT"]),
            Kind::Bzpopmin => words(&["BZPOPMIN", &key, SECONDS]),
            Kind::Bzpopmax => words(&["BZPOPMAX", &key, SECONDS]),
            Kind::Bzmpop => words(&["BZMPOP", SECONDS, "1", &key, "MIN"]),
            Kind::Xread => words(&["XREAD", "COUNT", "1", "BLOCK", MILLIS, "STREAMS", &key, &behind]),
            Kind::Xreadgroup => {
                let reader = format!("r{client}");
                let group = ["XREADGROUP", "GROUP", GROUP, &reader, "COUNT", "1"];
                words(&[&group[..], &["BLOCK", MILLIS, "STREAMS", &key, ">"][..]].concat())
            }
        }
    }

    /// The element in a reply. `None`: none came in time.
    pub(crate) fn element(reply: &Reply) -> Result<Option<u64>, String> {
        if *reply == Reply::Nil {
            return Ok(None);
        }
        let text = innermost(reply).ok_or_else(|| format!("{reply:?}"))?;
        text.parse().map(Some).map_err(|_| format!("{reply:?}"))
    }

    /// What can still be found at the end: not taken, or taken by a command whose reply was lost.
    pub(crate) fn remains(self) -> Vec<Vec<String>> {
        let (key, taken) = (self.key(), self.taken());
        match self {
            Kind::Blpop | Kind::Brpop | Kind::Blmpop => vec![words(&["LRANGE", &key, "0", "-1"])],
            Kind::Blmove | Kind::Brpoplpush => {
                vec![words(&["LRANGE", &key, "0", "-1"]), words(&["LRANGE", &taken, "0", "-1"])]
            }
            Kind::Bzpopmin | Kind::Bzpopmax | Kind::Bzmpop => vec![words(&["ZRANGE", &key, "0", "-1"])],
            // Pending ones among them.
            Kind::Xread | Kind::Xreadgroup => vec![words(&["XRANGE", &key, "-", "+"])],
        }
    }
}

/// The last text of a list or of nested lists that is a number: key and score stand around it in some replies.
fn innermost(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Array(elements) => elements.iter().rev().find_map(innermost),
        other => other.text().filter(|text| text.parse::<u64>().is_ok()),
    }
}

/// Elements in the reply to one of `remains`.
pub(crate) fn all_elements(reply: &Reply) -> Vec<u64> {
    let each = reply.elements().iter();
    each.filter_map(innermost).filter_map(|text| text.parse().ok()).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
