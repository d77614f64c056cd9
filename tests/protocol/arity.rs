//! The errors about names and numbers of arguments, of every command that the server has.

use tideover_testbed::client::encode;

use super::{Comparison, Pair};
use crate::common::conn::Conn;

/// A command or subcommand, as COMMAND tells it.
struct Told {
    name: String,
    arity: i64,
    has_subcommands: bool,
}

impl Told {
    /// Returns the words of the name: `config|get` has two.
    fn words(&self, count: i64) -> Vec<String> {
        let name = self.name.split('|').map(str::to_owned);
        let fill = std::iter::repeat_n("x".to_owned(), 1000);
        name.chain(fill).take(usize::try_from(count).unwrap()).collect()
    }
}

fn all(server: &mut Conn) -> Vec<Told> {
    let names = strings(&server.call("COMMAND LIST"));
    let mut told = Vec::new();
    for name in names.into_iter().filter(|name| !name.contains('|')) {
        let arity = arity_of(server, &name);
        let subcommands = strings(&server.call(&format!("COMMAND LIST FILTERBY PATTERN {name}|*")));
        let has_subcommands = !subcommands.is_empty();
        told.extend(subcommands.into_iter().map(|name| {
            let arity = arity_of(server, &name);
            Told { name, arity, has_subcommands: false }
        }));
        told.push(Told { name, arity, has_subcommands });
    }
    told
}

fn arity_of(server: &mut Conn, name: &str) -> i64 {
    let info = server.call(&format!("COMMAND INFO {name}"));
    info.lines().find_map(|line| line.strip_prefix(':')).unwrap().parse().unwrap()
}

/// Returns the strings of an array of bulk strings.
fn strings(reply: &str) -> Vec<String> {
    reply.lines().skip(1).filter(|line| !line.starts_with(['$', '*'])).map(str::to_owned).collect()
}

#[test]
fn every_command_answers_a_wrong_number_of_arguments_as_the_server() {
    let pair = Pair::start();
    let all = all(&mut pair.bare.direct());
    assert!(all.len() > 350, "{}", all.len());
    let mut comparison = Comparison::of("arity");
    for told in &all {
        for count in wrong_counts(told) {
            for around in [&[][..], &["MULTI"], &["SUBSCRIBE", "c"]] {
                let mut case = if around.is_empty() { Vec::new() } else { encode(around) };
                case.extend(encode(&told.words(count)));
                comparison.take(key(told).as_bytes(), &case, pair.answers(&case));
            }
        }
    }
    comparison.end();
}

/// Returns the name of a command in the table of differences.
fn key(told: &Told) -> String {
    format!("arity of {}", told.name)
}

fn wrong_counts(told: &Told) -> Vec<i64> {
    let least = told.name.split('|').count() as i64;
    let few = least..told.arity.abs();
    let many = if told.arity > 0 { told.arity + 1..told.arity + 3 } else { 0..0 };
    few.chain(many).collect()
}

#[test]
fn every_command_answers_an_unknown_subcommand_as_the_server() {
    let pair = Pair::start();
    let mut comparison = Comparison::of("subcommands");
    for told in all(&mut pair.bare.direct()).iter().filter(|told| told.has_subcommands) {
        for line in
            ["nosuch", "NOSUCH x", "'' x", "helpp", "help x", "'no\\r\\nsuch' x", "\"no\\r\\n\\x00such\""]
        {
            let case = super::lines(&format!("{} {line} ; MULTI ; {} {line} ; EXEC", told.name, told.name));
            comparison.take(told.name.as_bytes(), &case, pair.answers(&case));
        }
    }
    comparison.end();
}

#[test]
fn a_subscriber_of_version_2_is_told_which_commands_it_may_use() {
    let pair = Pair::start();
    let mut comparison = Comparison::of("subscriber");
    for told in all(&mut pair.bare.direct()).iter().filter(|told| !told.has_subcommands) {
        let case = [encode(&["SUBSCRIBE", "c"]), encode(&told.words(told.arity.abs()))].concat();
        comparison.take(format!("subscriber and {}", told.name).as_bytes(), &case, pair.answers(&case));
    }
    comparison.end();
}
