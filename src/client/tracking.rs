//! CLIENT TRACKING as one client has set it: what its request means, what becomes of it, and what TRACKINGINFO says.

use crate::ids::ClientId;
use crate::node::modes::NodeTracking;
use crate::resp::reply::{self, Proto};
use crate::resp::request::Request;

/// The state of a client that is told of changes of what it may have cached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tracking {
    pub(crate) mode: Mode,
    /// NOLOOP: it is not told of its own changes.
    pub(crate) skips_own: bool,
    /// The client to tell in its place, by the id that CLIENT ID returns.
    pub(crate) redirect: Option<u64>,
    /// That client has gone.
    pub(crate) is_broken: bool,
}

/// The keys of whose changes the client is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those that it has read.
    #[default]
    Reads,
    /// Those that it has read by the command behind CLIENT CACHING YES. `armed`: the next command is one.
    OptIn { armed: bool },
    /// Those that it has read, but for the command behind CLIENT CACHING NO.
    OptOut { armed: bool },
    /// All with these prefixes, sorted.
    Broadcast(Vec<Box<[u8]>>),
}

const SYNTAX: &str = "ERR syntax error";
const NOT_CACHING: &str = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
                           mode enabled";

impl Tracking {
    /// Reads CLIENT TRACKING ON or OFF. `None`: off. The error is in a server's words.
    pub(crate) fn read(
        request: &Request<'_>,
        current: Option<&Tracking>,
    ) -> Result<Option<Tracking>, String> {
        let options = Options::read(request)?;
        match request.arg(2).unwrap_or_default().to_ascii_lowercase().as_slice() {
            b"on" => options.apply(current).map(Some),
            b"off" => Ok(None),
            _ => Err(SYNTAX.into()),
        }
    }

    /// Returns what a node has to track for this client. A client of RESP2 can only be told by way of another.
    pub(crate) fn at_node(&self, id: ClientId, proto: Proto) -> NodeTracking {
        if proto == Proto::Resp2 && self.redirect.is_none() {
            return NodeTracking::Off;
        }
        let only_for = self.skips_own.then_some(id);
        match &self.mode {
            Mode::Reads | Mode::OptIn { .. } | Mode::OptOut { .. } => NodeTracking::Keys { only_for },
            Mode::Broadcast(prefixes) => {
                NodeTracking::Prefixes { prefixes: without_covered(prefixes).into(), only_for }
            }
        }
    }

    /// Returns true if the keys that the next command reads are tracked.
    pub(crate) fn tracks_next(&self) -> bool {
        match self.mode {
            Mode::Reads => true,
            Mode::OptIn { armed } => armed,
            Mode::OptOut { armed } => !armed,
            Mode::Broadcast(_) => false,
        }
    }

    /// Carries out CLIENT CACHING. The error is in a server's words.
    pub(crate) fn set_caching(&mut self, word: &[u8]) -> Result<(), &'static str> {
        match (word.to_ascii_lowercase().as_slice(), &mut self.mode) {
            (b"yes", Mode::OptIn { armed }) | (b"no", Mode::OptOut { armed }) => *armed = true,
            (b"yes", _) => {
                return Err("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
            }
            (b"no", _) => {
                return Err("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
            }
            _ => return Err(SYNTAX),
        }
        Ok(())
    }

    /// Ends the effect of CLIENT CACHING.
    pub(crate) fn disarm(&mut self) {
        if let Mode::OptIn { armed } | Mode::OptOut { armed } = &mut self.mode {
            *armed = false;
        }
    }
}

/// Writes the reply to CLIENT CACHING.
pub(crate) fn caching(tracking: Option<&mut Tracking>, request: &Request<'_>, out: &mut Vec<u8>) {
    let word = request.arg(2).unwrap_or_default();
    match tracking.ok_or(NOT_CACHING).and_then(|tracking| tracking.set_caching(word)) {
        Ok(()) => reply::simple(out, "OK"),
        Err(error) => reply::error(out, error),
    }
}

/// Returns the client that is told in place of this one: 0 for none, -1 if the client does not track.
pub(crate) fn redirect(tracking: Option<&Tracking>) -> i64 {
    let target =
        |tracking: &Tracking| tracking.redirect.map_or(0, |id| i64::try_from(id).unwrap_or(i64::MAX));
    tracking.map_or(-1, target)
}

/// Writes the reply to CLIENT TRACKINGINFO.
pub(crate) fn info(tracking: Option<&Tracking>, proto: Proto, out: &mut Vec<u8>) {
    let words = tracking.map_or_else(|| vec!["off"], words);
    reply::map(out, 3, proto);
    reply::bulk(out, b"flags");
    reply::set(out, words.len(), proto);
    words.iter().for_each(|word| reply::bulk(out, word.as_bytes()));
    reply::bulk(out, b"redirect");
    reply::integer(out, redirect(tracking));
    reply::bulk(out, b"prefixes");
    let prefixes = match tracking.map(|tracking| &tracking.mode) {
        Some(Mode::Broadcast(prefixes)) => prefixes.as_slice(),
        _ => &[],
    };
    reply::array(out, prefixes.len());
    prefixes.iter().for_each(|prefix| reply::bulk(out, prefix));
}

fn words(tracking: &Tracking) -> Vec<&'static str> {
    let mode: &[&str] = match tracking.mode {
        Mode::Reads => &[],
        Mode::Broadcast(_) => &["bcast"],
        Mode::OptIn { armed: false } => &["optin"],
        Mode::OptIn { armed: true } => &["optin", "caching-yes"],
        Mode::OptOut { armed: false } => &["optout"],
        Mode::OptOut { armed: true } => &["optout", "caching-no"],
    };
    let more = [(tracking.skips_own, "noloop"), (tracking.is_broken, "broken_redirect")];
    let more = more.into_iter().filter_map(|(is_set, word)| is_set.then_some(word));
    ["on"].into_iter().chain(mode.iter().copied()).chain(more).collect()
}

/// The options of one CLIENT TRACKING.
#[derive(Default)]
struct Options {
    redirect: Option<u64>,
    broadcasts: bool,
    opts_in: bool,
    opts_out: bool,
    skips_own: bool,
    prefixes: Vec<Box<[u8]>>,
}

impl Options {
    fn read(request: &Request<'_>) -> Result<Options, String> {
        let (mut options, mut at) = (Options::default(), 3);
        while let Some(word) = request.arg(at) {
            match (word.to_ascii_lowercase().as_slice(), request.arg(at + 1)) {
                (b"redirect", Some(id)) => {
                    if options.redirect.is_some() {
                        return Err("ERR A client can only redirect to a single other client".into());
                    }
                    options.redirect = redirect_of(id)?;
                    at += 1;
                }
                (b"prefix", Some(prefix)) => {
                    options.prefixes.push(prefix.into());
                    at += 1;
                }
                (b"bcast", _) => options.broadcasts = true,
                (b"optin", _) => options.opts_in = true,
                (b"optout", _) => options.opts_out = true,
                (b"noloop", _) => options.skips_own = true,
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        Ok(options)
    }

    /// Turns tracking on, or changes it.
    fn apply(self, current: Option<&Tracking>) -> Result<Tracking, String> {
        if let Some(error) = self.conflict(current) {
            return Err(error.into());
        }
        let mode = match (self.broadcasts, self.opts_in, self.opts_out) {
            (true, _, _) => Mode::Broadcast(joined(prefixes_of(current), &self.prefixes)?),
            (false, true, _) => Mode::OptIn { armed: false },
            (false, false, true) => Mode::OptOut { armed: false },
            (false, false, false) => Mode::Reads,
        };
        Ok(Tracking { mode, skips_own: self.skips_own, redirect: self.redirect, is_broken: false })
    }

    /// Returns the error if the options contradict each other or the present state.
    fn conflict(&self, current: Option<&Tracking>) -> Option<&'static str> {
        let mode = current.map(|tracking| &tracking.mode);
        let switches = mode.is_some_and(|mode| matches!(mode, Mode::Broadcast(_)) != self.broadcasts);
        let turns = match mode {
            Some(Mode::OptIn { .. }) => self.opts_out,
            Some(Mode::OptOut { .. }) => self.opts_in,
            Some(Mode::Reads | Mode::Broadcast(_)) | None => false,
        };
        [
            (
                !self.broadcasts && !self.prefixes.is_empty(),
                "ERR PREFIX option requires BCAST mode to be enabled",
            ),
            (
                switches,
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ),
            (
                self.broadcasts && (self.opts_in || self.opts_out),
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ),
            (self.opts_in && self.opts_out, "ERR You can't specify both OPTIN mode and OPTOUT mode"),
            (
                turns,
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ),
        ]
        .into_iter()
        .find_map(|(applies, error)| applies.then_some(error))
    }
}

fn prefixes_of(current: Option<&Tracking>) -> &[Box<[u8]>] {
    match current.map(|tracking| &tracking.mode) {
        Some(Mode::Broadcast(prefixes)) => prefixes,
        _ => &[],
    }
}

/// Returns the id of the client to tell. Servers take 0 for none.
fn redirect_of(text: &[u8]) -> Result<Option<u64>, String> {
    let id = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match u64::try_from(id.ok_or("ERR value is not an integer or out of range")?) {
        // No client has the number 0, so it is not found.
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(NO_SUCH_CLIENT.into()),
    }
}

pub(crate) const NO_SUCH_CLIENT: &str = "ERR The client ID you want redirect to does not exist";

/// Adds prefixes to those that a client has. No one may begin with another.
fn joined(current: &[Box<[u8]>], added: &[Box<[u8]>]) -> Result<Vec<Box<[u8]>>, String> {
    for (at, prefix) in added.iter().enumerate() {
        let clash = |others: &[Box<[u8]>]| others.iter().find(|other| overlaps(prefix, other)).cloned();
        if let Some(other) = clash(current) {
            return Err(collision(prefix, "an existing prefix", &other));
        }
        if let Some(other) = clash(added.get(at + 1..).unwrap_or_default()) {
            return Err(collision(prefix, "another provided prefix", &other));
        }
    }
    let empty: Box<[u8]> = Box::default();
    let default = added.is_empty().then_some(&empty);
    let mut all: Vec<Box<[u8]>> = current.iter().chain(added).chain(default).cloned().collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn overlaps(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn collision(prefix: &[u8], what: &str, other: &[u8]) -> String {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    format!(
        "ERR Prefix '{prefix}' overlaps with {what} '{other}'. Prefixes for a single client must not overlap."
    )
}

/// Returns the prefixes without those that begin with another one.
fn without_covered(sorted: &[Box<[u8]>]) -> Vec<Box<[u8]>> {
    let mut kept: Vec<Box<[u8]>> = Vec::new();
    for prefix in sorted {
        if !kept.last().is_some_and(|last| prefix.starts_with(last)) {
            kept.push(prefix.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Words;

    fn read(line: &str, current: Option<&Tracking>) -> Result<Option<Tracking>, String> {
        Tracking::read(&Words::of(&format!("CLIENT TRACKING {line}")).request(), current)
    }

    fn on(line: &str) -> Tracking {
        read(line, None).unwrap().unwrap()
    }

    /// What Redis 7.0.15 answers to the same.
    #[test]
    fn contradictions_are_refused_in_the_words_of_a_server() {
        const SWITCH: &str = "You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                              re-enabling it with a different mode.";
        const TURN: &str = "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                            re-enabling it with a different mode.";
        for (before, line, expected) in [
            ("", "maybe", "syntax error"),
            ("", "on REDIRECT", "syntax error"),
            ("", "on REDIRECT x", "value is not an integer or out of range"),
            ("", "on REDIRECT -1", "The client ID you want redirect to does not exist"),
            ("", "on REDIRECT 1 REDIRECT 2", "A client can only redirect to a single other client"),
            ("", "on OPTIN OPTOUT", "You can't specify both OPTIN mode and OPTOUT mode"),
            ("", "on BCAST OPTIN", "OPTIN and OPTOUT are not compatible with BCAST"),
            ("", "on PREFIX a", "PREFIX option requires BCAST mode to be enabled"),
            ("on BCAST", "on", SWITCH),
            ("on OPTOUT", "on BCAST", SWITCH),
            ("on OPTIN", "on OPTOUT", TURN),
            ("on OPTOUT", "on OPTIN", TURN),
            (
                "",
                "on BCAST PREFIX a PREFIX ab",
                "Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client must not overlap.",
            ),
            (
                "on BCAST PREFIX a PREFIX b",
                "on BCAST PREFIX bc",
                "Prefix 'bc' overlaps with an existing prefix 'b'. Prefixes for a single client must not overlap.",
            ),
        ] {
            let before = (!before.is_empty()).then(|| on(before));
            assert_eq!(read(line, before.as_ref()), Err(format!("ERR {expected}")), "{line}");
        }
    }

    #[test]
    fn prefixes_are_added_until_tracking_ends() {
        let first = on("on BCAST PREFIX b PREFIX a");
        let second = read("on BCAST PREFIX c", Some(&first)).unwrap().unwrap();
        let third = read("on bcast", Some(&second)).unwrap().unwrap();
        let names = |tracking: &Tracking| match tracking.at_node(ClientId::NOBODY, Proto::Resp3) {
            NodeTracking::Prefixes { prefixes, .. } => prefixes.join(&b' '),
            other => panic!("{other:?}"),
        };
        assert_eq!((names(&second), names(&third)), (b"a b c".to_vec(), b"".to_vec()));
        assert_eq!(read("off", Some(&third)), Ok(None));
    }

    #[test]
    fn a_client_of_resp2_is_tracked_only_if_another_is_told() {
        let id = ClientId { slot: 1, generation: 1 };
        for (line, proto, expected) in [
            ("on", Proto::Resp3, NodeTracking::Keys { only_for: None }),
            ("on optin noloop", Proto::Resp3, NodeTracking::Keys { only_for: Some(id) }),
            ("on", Proto::Resp2, NodeTracking::Off),
            ("on redirect 5", Proto::Resp2, NodeTracking::Keys { only_for: None }),
        ] {
            assert_eq!(on(line).at_node(id, proto), expected, "{line}");
        }
    }

    #[test]
    fn caching_is_about_the_next_command_alone() {
        for (line, word, before, armed) in
            [("on optin", "yes", false, true), ("on optout", "NO", true, false)]
        {
            let mut tracking = on(line);
            assert_eq!(tracking.tracks_next(), before, "{line}");
            tracking.set_caching(word.as_bytes()).unwrap();
            assert_eq!(tracking.tracks_next(), armed, "{line}");
            tracking.disarm();
            assert_eq!(tracking.tracks_next(), before, "{line}");
        }
        assert!(on("on").set_caching(b"yes").is_err() && on("on optin").set_caching(b"no").is_err());
        assert!(on("on").tracks_next() && !on("on bcast").tracks_next());
    }
}
