//! The merging of the INFO of several masters into that of one server that holds all their keys.
//!
//! Counters are added up, states are the worst of all, and fields that identify a process come from the first shard. Like
//! the reply to HELLO, the result says that it comes from a master outside of a cluster.

use std::collections::HashMap;

use super::info_rules::{Rule, rule_of};

/// Merges `texts`, which are in the order of the shards. Fields and sections that only some of them have are kept.
pub(super) fn merge_info(texts: &[&str]) -> String {
    let mut sections: Vec<InfoSection<'_>> = Vec::new();
    for text in texts {
        read(text, &mut sections);
    }
    let mut out = String::new();
    for section in sections.iter().filter(|section| !section.fields.is_empty() || !section.title.is_empty()) {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        section.write(&mut out);
    }
    out
}

/// One section with the values of each field.
#[derive(Default)]
struct InfoSection<'a> {
    /// The title line, such as `# Server`; empty for fields before the first title.
    title: &'a str,
    fields: Vec<(&'a str, Vec<&'a str>)>,
    /// The index of each field in `fields`.
    places: HashMap<&'a str, usize>,
}

fn read<'a>(text: &'a str, sections: &mut Vec<InfoSection<'a>>) {
    let mut title = "";
    for line in text.lines() {
        if line.starts_with('#') {
            title = line;
        }
        let Some(section) = section_of(title, sections) else { continue };
        if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with('#')) {
            section.add(name, value);
        }
    }
}

/// Returns the section with this title, made if it is new. They are about a dozen, so they are searched one by one.
fn section_of<'a, 'b>(
    title: &'a str,
    sections: &'b mut Vec<InfoSection<'a>>,
) -> Option<&'b mut InfoSection<'a>> {
    let place = sections.iter().position(|section| section.title == title).unwrap_or(sections.len());
    if place == sections.len() {
        sections.push(InfoSection { title, ..InfoSection::default() });
    }
    sections.get_mut(place)
}

impl<'a> InfoSection<'a> {
    fn add(&mut self, name: &'a str, value: &'a str) {
        let place = *self.places.entry(name).or_insert(self.fields.len());
        match self.fields.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => self.fields.push((name, vec![value])),
        }
    }

    fn write(&self, out: &mut String) {
        if !self.title.is_empty() {
            out.push_str(&format!("{}\r\n", self.title));
        }
        for (name, values) in &self.fields {
            if rule_of(name) == Rule::Each {
                let lines = values.iter().enumerate().filter(|(at, value)| !values[..*at].contains(value));
                lines.for_each(|(_, value)| out.push_str(&format!("{name}:{value}\r\n")));
                continue;
            }
            if let Some(value) = self.merged(name, values) {
                out.push_str(&format!("{name}:{value}\r\n"));
            }
        }
    }

    fn merged(&self, name: &str, values: &[&str]) -> Option<String> {
        let first = values.first().copied().unwrap_or_default();
        Some(match rule_of(name) {
            Rule::Leave | Rule::Each => return None,
            Rule::Fixed(value) => value.to_owned(),
            Rule::First => first.to_owned(),
            Rule::NotOk => values.iter().find(|value| **value != "ok").copied().unwrap_or(first).to_owned(),
            Rule::Sum => folded(values, |a, b| a + b),
            Rule::Min => folded(values, f64::min),
            Rule::Max => folded(values, f64::max),
            Rule::Counters => pairs(values, counter),
            Rule::Slowest => pairs(values, |values, name| Some(folded(&all(values, name), f64::max))),
            Rule::Human => self.human(name).unwrap_or_else(|| first.to_owned()),
        })
    }

    fn human(&self, name: &str) -> Option<String> {
        let (_, values) = self.fields.get(*self.places.get(name.strip_suffix("_human")?)?)?;
        match rule_of(name.strip_suffix("_human")?) {
            Rule::Sum => Some(bytes_for_people(folded(values, |a, b| a + b).parse().ok()?)),
            _ => None,
        }
    }
}

/// Folds the values into one number with as many decimals as they have. Returns the first value if one of them is no number.
fn folded(values: &[&str], fold: fn(f64, f64) -> f64) -> String {
    let decimals = values.iter().filter_map(|value| Some(value.split_once('.')?.1.len())).max();
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
    match numbers.and_then(|numbers| numbers.into_iter().reduce(fold)) {
        Some(number) => format!("{number:.*}", decimals.unwrap_or(0)),
        None => values.first().copied().unwrap_or_default().to_owned(),
    }
}

/// Merges lists of `name=value` pairs. The names are those of the first value.
fn pairs(values: &[&str], merge: fn(&[&str], &str) -> Option<String>) -> String {
    let first = values.first().copied().unwrap_or_default();
    let pairs = first.split(',').filter_map(|pair| pair.split_once('='));
    let merged =
        pairs.map(|(name, own)| format!("{name}={}", merge(values, name).unwrap_or_else(|| own.to_owned())));
    merged.collect::<Vec<_>>().join(",")
}

fn counter(values: &[&str], name: &str) -> Option<String> {
    match name {
        "avg_ttl" => Some(format!("{:.0}", mean_ttl(values))),
        "usec_per_call" => {
            let (spent, calls) = (total(values, "usec"), total(values, "calls"));
            (calls > 0.0).then(|| format!("{:.2}", spent / calls))
        }
        _ => Some(folded(&all(values, name), |a, b| a + b)),
    }
}

fn all<'a>(values: &[&'a str], name: &str) -> Vec<&'a str> {
    let of = |value: &'a str| {
        value.split(',').filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name)
    };
    values.iter().filter_map(|value| Some(of(value)?.1)).collect()
}

fn numbers_of(values: &[&str], name: &str) -> Vec<f64> {
    all(values, name).iter().map(|value| value.parse().unwrap_or(0.0)).collect()
}

fn total(values: &[&str], name: &str) -> f64 {
    numbers_of(values, name).iter().sum()
}

/// Returns the mean of the shards' mean times to live, each weighted by its number of keys that expire.
fn mean_ttl(values: &[&str]) -> f64 {
    let (means, expires) = (numbers_of(values, "avg_ttl"), numbers_of(values, "expires"));
    let sum: f64 = means.iter().zip(&expires).map(|(mean, keys)| mean * keys).sum();
    sum / total(values, "expires").max(1.0)
}

/// Formats a number of bytes as the servers do: `1.50K`.
fn bytes_for_people(bytes: f64) -> String {
    let units = ["B", "K", "M", "G", "T", "P"];
    let mut rest = bytes;
    for unit in units {
        if rest < 1024.0 {
            return if unit == "B" { format!("{rest:.0}B") } else { format!("{rest:.2}{unit}") };
        }
        rest /= 1024.0;
    }
    format!("{bytes:.0}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\nrun_id:aa\r\nuptime_in_seconds:90\r\n\r\n\
        # Memory\r\nused_memory:1024\r\nused_memory_human:1.00K\r\nmaxmemory_policy:noeviction\r\n\
        mem_fragmentation_ratio:1.50\r\n\r\n# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\n\r\n\
        # Stats\r\ntotal_commands_processed:10\r\ninstantaneous_input_kbps:0.25\r\n\r\n\
        # Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=1.2.3.4\r\nslave_expires:3\r\n\r\n\
        # Commandstats\r\ncmdstat_get:calls=2,usec=10,usec_per_call=5.00,rejected_calls=0,failed_calls=1\r\n\r\n\
        # Cluster\r\ncluster_enabled:1\r\n\r\n# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=100\r\n";
    const OTHER: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\nrun_id:bb\r\nuptime_in_seconds:30\r\n\r\n\
        # Memory\r\nused_memory:512\r\nused_memory_human:512B\r\nmaxmemory_policy:noeviction\r\n\
        mem_fragmentation_ratio:9.50\r\n\r\n# Persistence\r\nloading:1\r\nrdb_last_bgsave_status:err\r\n\r\n\
        # Stats\r\ntotal_commands_processed:5\r\ninstantaneous_input_kbps:1.50\r\n\r\n\
        # Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n\
        # Commandstats\r\ncmdstat_get:calls=2,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n\
        cmdstat_set:calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n\r\n\
        # Cluster\r\ncluster_enabled:1\r\n\r\n# Keyspace\r\ndb0:keys=4,expires=3,avg_ttl=200\r\n";

    #[test]
    fn many_masters_look_like_one_server() {
        let expected = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:aa\r\nuptime_in_seconds:30\r\n\r\n\
            # Memory\r\nused_memory:1536\r\nused_memory_human:1.50K\r\nmaxmemory_policy:noeviction\r\n\
            mem_fragmentation_ratio:1.50\r\n\r\n# Persistence\r\nloading:1\r\nrdb_last_bgsave_status:err\r\n\r\n\
            # Stats\r\ntotal_commands_processed:15\r\ninstantaneous_input_kbps:1.75\r\n\r\n\
            # Replication\r\nrole:master\r\nconnected_slaves:0\r\nslave_expires:3\r\n\r\n\
            # Commandstats\r\ncmdstat_get:calls=4,usec=12,usec_per_call=3.00,rejected_calls=0,failed_calls=1\r\n\
            cmdstat_set:calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n\r\n\
            # Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\ndb0:keys=7,expires=4,avg_ttl=175\r\n";
        assert_eq!(merge_info(&[ONE, OTHER]), expected);
    }

    #[test]
    fn every_module_is_named_once() {
        let text = "# Modules\r\nmodule:name=a\r\nmodule:name=b\r\n";
        assert_eq!(merge_info(&[text, text]), text);
    }

    #[test]
    fn a_field_or_section_of_one_shard_only_is_kept() {
        assert_eq!(
            merge_info(&["# Keyspace\r\n", "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"]),
            "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"
        );
        assert_eq!(
            merge_info(&["", "# Errorstats\r\nerrorstat_ERR:count=2\r\n"]),
            "# Errorstats\r\nerrorstat_ERR:count=2\r\n"
        );
        assert_eq!(merge_info(&[]), "");
    }

    #[test]
    fn the_slowest_shard_says_how_slow_commands_are() {
        let of = |values: &str| format!("latency_percentiles_usec_get:{values}\r\n");
        assert_eq!(
            merge_info(&[&of("p50=1.003,p99=9.5"), &of("p50=2.003,p99=3.5")]),
            of("p50=2.003,p99=9.5")
        );
    }

    #[test]
    fn bytes_are_written_as_the_servers_write_them() {
        for (bytes, expected) in
            [(0.0, "0B"), (1023.0, "1023B"), (1536.0, "1.50K"), (1_610_612_736.0, "1.50G")]
        {
            assert_eq!(bytes_for_people(bytes), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(one in "([#:=,a-z_0-9.\n ]|db0:|used_memory:|cmdstat_){0,40}", other in ".{0,80}") {
            merge_info(&[&one, &other]);
        }
    }
}
