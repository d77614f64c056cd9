//! The filters of CLIENT LIST and CLIENT KILL: those of Redis and of Valkey, in any combination.

use super::facts::{ClientFacts, ClientType};
use crate::resp::number;
use crate::resp::request::Request;

/// Which clients are meant. Without conditions: all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientFilter {
    /// A client must meet each of them; `false` stands for the negated form (`NOT-ADDR`).
    conditions: Vec<(Condition, bool)>,
    /// The client that asks is not meant.
    pub(crate) skips_asker: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Ids(Vec<u64>),
    Type(ClientType),
    User(String),
    Addr(String),
    Laddr(String),
    Ip(String),
    Name(String),
    Library(String),
    LibraryVersion(String),
    /// All of these letters.
    Flags(String),
    Capa(String),
    Db(u32),
    /// At least so many seconds.
    Age(u64),
    Idle(u64),
}

/// Letters that a client's flags may have.
const FLAGS: &str = "OSMPxbtRBdcuAUreTNI";
/// The letter of each capability.
const CAPA: &str = "r";

impl ClientFilter {
    /// Returns the filter of CLIENT KILL's old form: the one client at this address, be it the asker.
    pub(crate) fn at(addr: &[u8]) -> ClientFilter {
        ClientFilter { conditions: vec![(Condition::Addr(text(addr)), true)], skips_asker: false }
    }

    /// Parses the arguments from the index `from` on, for CLIENT LIST. The error is in a server's words.
    pub(crate) fn of_list(request: &Request<'_>, from: usize) -> Result<ClientFilter, String> {
        parse(request, from, &mut |value| {
            Ok(number::parse(value).ok_or("ERR Invalid client ID")?.unsigned_abs())
        })
    }

    /// The same for CLIENT KILL, which skips the asker unless it is told not to.
    pub(crate) fn of_kill(request: &Request<'_>, from: usize) -> Result<ClientFilter, String> {
        const BELOW: &str = "ERR client-id should be greater than 0";
        let id =
            |value: &[u8]| number::parse(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
        let filter = parse(request, from, &mut |value| id(value).ok_or(BELOW))?;
        let says_so = request.args().skip(from).any(|arg| arg.eq_ignore_ascii_case(b"skipme"));
        Ok(ClientFilter { skips_asker: filter.skips_asker || !says_so, ..filter })
    }

    /// Returns true if the client is meant, when `asker` asks.
    pub(crate) fn matches(&self, facts: &ClientFacts, asker: u64) -> bool {
        let is_skipped = self.skips_asker && facts.id == asker;
        !is_skipped && self.conditions.iter().all(|(condition, is)| condition.is_met(facts) == *is)
    }
}

impl Condition {
    fn is_met(&self, facts: &ClientFacts) -> bool {
        match self {
            Condition::Ids(ids) => ids.contains(&facts.id),
            Condition::Type(kind) => facts.client_type() == *kind,
            Condition::User(user) => facts.user == *user,
            Condition::Addr(addr) => facts.addr == *addr,
            Condition::Laddr(laddr) => facts.laddr == *laddr,
            Condition::Ip(ip) => {
                facts.addr.rsplit_once(':').map_or(facts.addr.as_str(), |(host, _)| host) == ip
            }
            Condition::Name(name) => facts.name == *name,
            Condition::Library(name) => facts.library == *name,
            Condition::LibraryVersion(version) => facts.library_version == *version,
            Condition::Flags(letters) => letters.chars().all(|letter| facts.flags.contains(letter)),
            Condition::Capa(letters) => letters.chars().all(|letter| facts.capa.contains(letter)),
            Condition::Db(db) => facts.db == *db,
            Condition::Age(seconds) => facts.age >= *seconds,
            Condition::Idle(seconds) => facts.idle >= *seconds,
        }
    }
}

type IdOf<'a> = &'a mut dyn FnMut(&[u8]) -> Result<u64, &'static str>;

fn parse(request: &Request<'_>, from: usize, id_of: IdOf<'_>) -> Result<ClientFilter, String> {
    let mut filter = ClientFilter::default();
    let mut at = from;
    while let Some(option) = request.arg(at) {
        let value = request.arg(at + 1).ok_or(SYNTAX)?;
        at += 2;
        let option = option.to_ascii_lowercase();
        let (name, is) = option.strip_prefix(b"not-").map_or((option.as_slice(), true), |name| (name, false));
        if name == b"skipme" && is {
            filter.skips_asker = yes_or_no(value).ok_or(SYNTAX)?;
            continue;
        }
        let mut condition = condition(name, is, value, id_of)?;
        if let Condition::Ids(ids) = &mut condition {
            // More ids may follow; the next word that is none is the next option.
            while let Some(id) = request.arg(at).filter(|arg| number::parse(arg).is_some()) {
                ids.push(id_of(id)?);
                at += 1;
            }
        }
        filter.conditions.push((condition, is));
    }
    Ok(filter)
}

const SYNTAX: &str = "ERR syntax error";

fn condition(name: &[u8], is: bool, value: &[u8], id_of: IdOf<'_>) -> Result<Condition, String> {
    let value_text = || text(value);
    Ok(match name {
        b"id" => Condition::Ids(vec![id_of(value)?]),
        b"type" => Condition::Type(
            ClientType::of(value).ok_or_else(|| format!("ERR Unknown client type '{}'", value_text()))?,
        ),
        b"user" => Condition::User(value_text()),
        b"addr" => Condition::Addr(value_text()),
        b"laddr" => Condition::Laddr(value_text()),
        b"ip" => Condition::Ip(value_text()),
        b"name" => Condition::Name(value_text()),
        b"lib-name" => Condition::Library(value_text()),
        b"lib-ver" => Condition::LibraryVersion(value_text()),
        b"flags" => Condition::Flags(letters(value, FLAGS, "flags")?),
        b"capa" => Condition::Capa(letters(value, CAPA, "capa")?),
        b"db" => Condition::Db(
            number::parse(value)
                .and_then(|db| u32::try_from(db).ok())
                .ok_or("ERR DB is not an integer or out of range")?,
        ),
        b"maxage" if is => Condition::Age(seconds(value, "maxage")?),
        b"idle" if is => Condition::Idle(seconds(value, "idle")?),
        _ => return Err(SYNTAX.into()),
    })
}

fn letters(value: &[u8], known: &str, what: &str) -> Result<String, String> {
    let letters = text(value);
    let unknown: String = letters.chars().filter(|letter| !known.contains(*letter)).collect();
    match unknown.is_empty() {
        true => Ok(letters),
        false => Err(format!("ERR Unknown {what} found in the provided filter: {unknown}")),
    }
}

fn seconds(value: &[u8], what: &str) -> Result<u64, String> {
    let seconds =
        number::parse(value).ok_or_else(|| format!("ERR {what} is not an integer or out of range"))?;
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| format!("ERR {what} should be greater than 0"))
}

fn yes_or_no(value: &[u8]) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn list(line: &str) -> Result<ClientFilter, String> {
        ClientFilter::of_list(&Words::of(line).request(), 2)
    }

    fn kill(line: &str) -> Result<ClientFilter, String> {
        ClientFilter::of_kill(&Words::of(line).request(), 2)
    }

    fn facts() -> ClientFacts {
        ClientFacts {
            id: 7,
            addr: "127.0.0.1:5".into(),
            laddr: "127.0.0.1:6379".into(),
            name: "worker".into(),
            age: 60,
            idle: 10,
            flags: "Pb".into(),
            db: 3,
            user: "default".into(),
            library: "redis-py".into(),
            library_version: "6.0".into(),
            ..ClientFacts::default()
        }
    }

    #[test]
    fn each_filter_chooses_and_its_negation_leaves_out() {
        // What fits, and what does not.
        for (option, fits, other) in [
            ("ID", "1 7", "1 8"),
            ("TYPE", "pubsub", "normal"),
            ("USER", "default", "alice"),
            ("ADDR", "127.0.0.1:5", "127.0.0.1:6"),
            ("LADDR", "127.0.0.1:6379", "127.0.0.1:5"),
            ("IP", "127.0.0.1", "127.0.0.2"),
            ("NAME", "worker", "work"),
            ("LIB-NAME", "redis-py", "jedis"),
            ("LIB-VER", "6.0", "6.1"),
            ("FLAGS", "b", "bx"),
            ("DB", "3", "0"),
        ] {
            for (value, expected) in [(fits, true), (other, false)] {
                let plain = list(&format!("CLIENT LIST {option} {value}")).unwrap();
                let negated = list(&format!("CLIENT LIST NOT-{option} {value}")).unwrap();
                assert_eq!(plain.matches(&facts(), 1), expected, "{option} {value}");
                assert_eq!(negated.matches(&facts(), 1), !expected, "NOT-{option} {value}");
            }
        }
        for (line, expected) in [
            ("CLIENT LIST MAXAGE 60 IDLE 10", true),
            ("CLIENT LIST MAXAGE 61", false),
            ("CLIENT LIST IDLE 11", false),
            ("CLIENT LIST ID 7 8 TYPE normal", false),
            ("CLIENT LIST id 7 not-name x type PUBSUB", true),
            ("CLIENT LIST", true),
        ] {
            assert_eq!(list(line).unwrap().matches(&facts(), 1), expected, "{line}");
        }
    }

    #[test]
    fn the_asker_is_listed_and_not_killed_unless_it_says_so() {
        for (filter, expected) in [
            (list("CLIENT LIST"), true),
            (list("CLIENT LIST SKIPME yes"), false),
            (kill("CLIENT KILL ID 7"), false),
            (kill("CLIENT KILL ID 7 SKIPME no"), true),
            (kill("CLIENT KILL SKIPME YES ID 7"), false),
            (Ok(ClientFilter::at(b"127.0.0.1:5")), true),
        ] {
            let filter = filter.unwrap();
            assert_eq!(filter.matches(&facts(), 7), expected, "{filter:?}");
        }
    }

    #[test]
    fn faults_are_told_in_the_words_of_the_servers() {
        for (filter, expected) in [
            (list("CLIENT LIST TYPE x"), "ERR Unknown client type 'x'"),
            (list("CLIENT LIST ID x"), "ERR Invalid client ID"),
            (list("CLIENT LIST foo"), SYNTAX),
            (list("CLIENT LIST foo bar"), SYNTAX),
            (list("CLIENT LIST SKIPME maybe"), SYNTAX),
            (list("CLIENT LIST NOT-SKIPME yes"), SYNTAX),
            (list("CLIENT LIST NOT-IDLE 5"), SYNTAX),
            (list("CLIENT LIST FLAGS Z"), "ERR Unknown flags found in the provided filter: Z"),
            (list("CLIENT LIST CAPA z"), "ERR Unknown capa found in the provided filter: z"),
            (list("CLIENT LIST IDLE x"), "ERR idle is not an integer or out of range"),
            (kill("CLIENT KILL ID 0"), "ERR client-id should be greater than 0"),
            (kill("CLIENT KILL ID x"), "ERR client-id should be greater than 0"),
            (kill("CLIENT KILL MAXAGE 0"), "ERR maxage should be greater than 0"),
            (kill("CLIENT KILL MAXAGE x"), "ERR maxage is not an integer or out of range"),
            (kill("CLIENT KILL ID 1 addr"), SYNTAX),
        ] {
            assert_eq!(filter, Err(expected.to_owned()));
        }
    }
}
