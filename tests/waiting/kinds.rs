//! The kinds of blocking commands: how an element is given to each, how it asks, and which elements a reply has.

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

    /// Returns the destination of BLMOVE and its like.
    fn taken(self) -> String {
        format!("{}:taken", self.key())
    }

    /// Returns true if elements reach each client in the order in which they were given.
    pub(crate) fn is_ordered(self) -> bool {
        self != Kind::Bzpopmax
    }

    /// Returns true if every client gets every element.
    pub(crate) fn is_shared(self) -> bool {
        self == Kind::Xread
    }

    pub(crate) fn setup(self) -> Option<Vec<String>> {
        (self == Kind::Xreadgroup).then(|| words(&["XGROUP", "CREATE", &self.key(), GROUP, "$", "MKSTREAM"]))
    }

    /// Returns the command that gives this element.
    pub(crate) fn give(self, element: u64) -> Vec<String> {
        let (key, element) = (self.key(), element.to_string());
        match self {
            Kind::Blpop | Kind::Blmove | Kind::Blmpop => words(&["RPUSH", &key, &element]),
            Kind::Brpop | Kind::Brpoplpush => words(&["LPUSH", &key, &element]),
            Kind::Bzpopmin | Kind::Bzpopmax | Kind::Bzmpop => words(&["ZADD", &key, &element, &element]),
            Kind::Xread | Kind::Xreadgroup => words(&["XADD", &key, &format!("{element}-1"), "n", &element]),
        }
    }

    /// Returns the command that asks for the next element. `behind` is the last one that this client has.
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

    /// Returns the element in a reply. `None`: none came in time.
    pub(crate) fn element(reply: &Reply) -> Result<Option<u64>, String> {
        if *reply == Reply::Nil {
            return Ok(None);
        }
        let text = innermost(reply).ok_or_else(|| format!("{reply:?}"))?;
        text.parse().map(Some).map_err(|_| format!("{reply:?}"))
    }

    /// Returns the commands that find what is left at the end: not taken, or taken by a command whose reply was lost.
    pub(crate) fn remains(self) -> Vec<Vec<String>> {
        let (key, taken) = (self.key(), self.taken());
        match self {
            Kind::Blpop | Kind::Brpop | Kind::Blmpop => vec![words(&["LRANGE", &key, "0", "-1"])],
            Kind::Blmove | Kind::Brpoplpush => {
                vec![words(&["LRANGE", &key, "0", "-1"]), words(&["LRANGE", &taken, "0", "-1"])]
            }
            Kind::Bzpopmin | Kind::Bzpopmax | Kind::Bzmpop => vec![words(&["ZRANGE", &key, "0", "-1"])],
            // Pending entries are among them.
            Kind::Xread | Kind::Xreadgroup => vec![words(&["XRANGE", &key, "-", "+"])],
        }
    }
}

/// Returns the last text in a list, or in nested lists, that is a number: some replies have key and score around it.
fn innermost(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Array(elements) => elements.iter().rev().find_map(innermost),
        other => other.text().filter(|text| text.parse::<u64>().is_ok()),
    }
}

/// Returns the elements in the reply to one of `remains`.
pub(crate) fn all_elements(reply: &Reply) -> Vec<u64> {
    let each = reply.elements().iter();
    each.filter_map(innermost).filter_map(|text| text.parse().ok()).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
