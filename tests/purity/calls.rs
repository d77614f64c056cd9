//! Finds which file calls which: methods by the type of their receiver, functions by their names and imports.
//!
//! The type of a receiver is taken from its name: `self` is the type at hand, and a field or a parameter has a name
//! that the structs of the module use for fields of one type only.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{product, relative, text};

/// The calls from file to file within one module.
pub(crate) struct Calls(BTreeMap<String, BTreeSet<String>>);

/// The file in which something is defined.
#[derive(Default)]
struct Known {
    methods: BTreeMap<(String, String), String>,
    functions: BTreeMap<String, Vec<String>>,
    /// The type of a field or parameter with this name.
    receivers: BTreeMap<String, String>,
}

impl Calls {
    pub(crate) fn within(module: &str) -> Calls {
        let files = product().into_iter().filter(|file| relative(file).split('/').next() == Some(module));
        let texts: Vec<(String, String)> = files.map(|file| (relative(&file), text(&file))).collect();
        let known = Known::of(&texts);
        let edges = texts.iter().map(|(file, text)| (file.clone(), known.called_in(file, text))).collect();
        Calls(edges)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns the groups of files that all reach each other, each once.
    pub(crate) fn circles(&self) -> Vec<BTreeSet<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|file| (file.as_str(), self.reached_from(file))).collect();
        let together = |one: &str, other: &str| reached[one].contains(other) && reached[other].contains(one);
        let groups = self.0.keys().map(|file| {
            let all = self.0.keys().map(String::as_str);
            all.filter(|other| together(file, other)).collect::<BTreeSet<&str>>()
        });
        groups.filter(|group| group.len() > 1).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn reached_from(&self, file: &str) -> BTreeSet<&str> {
        let (mut reached, mut next) = (BTreeSet::new(), vec![file]);
        while let Some(file) = next.pop() {
            for called in self.0.get(file).into_iter().flatten() {
                if reached.insert(called.as_str()) {
                    next.push(called);
                }
            }
        }
        reached
    }
}

impl Known {
    fn of(texts: &[(String, String)]) -> Known {
        let mut known = Known::default();
        for (file, text) in texts {
            for (of, methods) in impls(text) {
                let methods = methods.into_iter().map(|(name, _)| ((of.clone(), name), file.clone()));
                known.methods.extend(methods);
            }
            for (name, _) in functions(text, "") {
                known.functions.entry(name).or_default().push(file.clone());
            }
        }
        let types: BTreeSet<&String> = known.methods.keys().map(|(of, _)| of).collect();
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, of) in texts.iter().flat_map(|(_, text)| fields_of(text)) {
            fields.entry(name).or_default().insert(of);
        }
        let only =
            fields.into_iter().filter(|(_, of)| of.len() == 1 && of.iter().all(|of| types.contains(of)));
        known.receivers = only.map(|(name, of)| (name, of.into_iter().collect())).collect();
        known
    }

    fn called_in(&self, file: &str, text: &str) -> BTreeSet<String> {
        let mut called = BTreeSet::new();
        for (of, methods) in impls(text) {
            for (_, body) in methods {
                called.extend(self.called_by(file, text, &of, &body));
            }
        }
        for (_, body) in functions(text, "") {
            called.extend(self.called_by(file, text, "", &body));
        }
        called.remove(file);
        called
    }

    /// Returns the files that this body calls.
    fn called_by(&self, file: &str, text: &str, of: &str, body: &str) -> Vec<String> {
        let mut called = Vec::new();
        for (at, _) in body.match_indices('(') {
            let Some((before, name)) = last_word(&body[..at]) else { continue };
            if before.ends_with("fn ") {
                continue;
            }
            let found = if let Some(receiver) = before.strip_suffix('.') {
                let of = match last_word(receiver.strip_suffix("()").unwrap_or(receiver)) {
                    Some((_, "self")) => Some(of),
                    Some((_, receiver)) => self.receivers.get(receiver).map(String::as_str),
                    None => None,
                };
                of.and_then(|of| self.methods.get(&(of.to_owned(), name.to_owned())))
            } else if let Some(path) = before.strip_suffix("::") {
                let head = last_word(path).map(|(_, head)| if head == "Self" { of } else { head });
                let method = head.and_then(|head| self.methods.get(&(head.to_owned(), name.to_owned())));
                method.or_else(|| self.function(file, text, name, head.unwrap_or_default()))
            } else {
                self.function(file, text, name, "")
            };
            called.extend(found.cloned());
        }
        called
    }

    /// Returns the function of this name: of the file itself, or the imported one, or the only one.
    fn function(&self, file: &str, text: &str, name: &str, module: &str) -> Option<&String> {
        let found = self.functions.get(name)?;
        let own = || found.iter().find(|found| *found == file);
        let named = || {
            let imports = text.split(';').filter(|line| line.trim_start().starts_with("use "));
            let imports: Vec<&str> = imports.filter(|line| has_word(line, name)).collect();
            found.iter().find(|found| {
                let stems = found.trim_end_matches(".rs").split('/').skip(1).filter(|stem| *stem != "mod");
                let stems: Vec<&str> = stems.collect();
                let fits = |stem: &&str| *stem == module || imports.iter().any(|line| has_word(line, stem));
                !stems.is_empty() && stems.iter().any(fits)
            })
        };
        own().or_else(named)
    }
}

/// Returns the types that have methods in this text, each with the names and bodies of its methods.
pub(crate) fn impls(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for block in text.split("\nimpl").skip(1) {
        let Some((head, rest)) = block.split_once('{') else { continue };
        if head.contains(" for ") {
            continue;
        }
        let head = head.trim_start_matches(|letter| letter != ' ').trim();
        let of: String =
            head.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        let body = rest.split("\n}").next().unwrap_or_default();
        found.push((of, functions(body, "    ")));
    }
    found
}

/// Returns the functions at this indentation: names and bodies.
fn functions(text: &str, indent: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        let own = line.strip_prefix(indent).filter(|line| line.starts_with(char::is_alphabetic));
        let is_head = |words: &str| {
            words
                .split(' ')
                .all(|word| word.is_empty() || word.starts_with("pub") || matches!(word, "const" | "async"))
        };
        let head = own.and_then(|own| own.split_once("fn ")).filter(|(before, _)| is_head(before));
        if let Some((_, name)) = head {
            let name = name.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_');
            found.push((name.collect(), String::new()));
            within = true;
        }
        if let Some((_, body)) = found.last_mut().filter(|_| within) {
            body.push_str(line);
            body.push('\n');
        }
        within &= line.strip_prefix(indent) != Some("}");
    }
    found
}

/// Returns the fields of the structs in this text, with the names of the types that they hold, borrow or box.
fn fields_of(text: &str) -> Vec<(String, String)> {
    let structs = text.split("struct ").skip(1).filter_map(|block| block.split_once("{\n"));
    let lines = structs.flat_map(|(_, block)| block.split("\n}").next().unwrap_or_default().lines());
    let field = |line: &str| {
        let (name, of) = line.trim().trim_end_matches(',').split_once(": ")?;
        let of = of.trim_start_matches("&'a mut ").trim_start_matches("&'a ");
        Some((name.rsplit(' ').next()?.to_owned(), of.to_owned()))
    };
    lines.filter_map(field).collect()
}

/// Returns the word at the end of a text, and the text in front of it.
fn last_word(text: &str) -> Option<(&str, &str)> {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let at = text.trim_end_matches(word).len();
    let (before, name) = text.split_at(at);
    (!name.is_empty()).then_some((before, name))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).any(|found| found == word)
}

#[test]
fn calls_are_found_through_fields_parameters_and_imports() {
    let one = "use super::two::help;\n\nstruct One {\n    two: Two,\n}\n\nimpl One {\n    fn go(&mut self) {\n        self.two.run(1);\n        help();\n    }\n}\n";
    let two = "struct Two {}\n\nimpl Two {\n    fn run(&self) {\n        Self::rest();\n    }\n\n    fn rest() {}\n}\n\nfn help() {\n    lone(1)\n}\n";
    let three = "fn lone(two: &Two) {\n    two.run()\n}\n";
    let texts = [("core/one.rs", one), ("core/two.rs", two), ("core/three.rs", three)]
        .map(|(file, text)| (file.to_owned(), text.to_owned()));
    let known = Known::of(&texts);
    let called =
        |index: usize| known.called_in(&texts[index].0, &texts[index].1).into_iter().collect::<Vec<_>>();
    assert_eq!(called(0), ["core/two.rs"]);
    assert_eq!(called(1), Vec::<String>::new(), "it is not imported");
    assert_eq!(called(2), ["core/two.rs"]);
    let names: Vec<_> =
        impls(&texts[1].1).into_iter().flat_map(|(_, methods)| methods).map(|(name, _)| name).collect();
    assert_eq!(names, ["run", "rest"]);
}
