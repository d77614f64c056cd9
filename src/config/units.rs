//! Parses and writes durations (`"250ms"`) and sizes (`"64MiB"`), each of one number and one unit.
//!
//! Writing is the inverse of parsing, as the output of `check` can be loaded again.

use std::time::Duration;

pub(super) const DURATION_ALLOWED: &str = r#"a whole number with ms, s, m, h or d, such as "250ms" or "30s""#;
pub(super) const SIZE_ALLOWED: &str = r#"a whole number with B, KiB, MiB or GiB, such as "64MiB""#;

/// In milliseconds, the largest unit first, so that writing finds the shortest form.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Parses a duration. Only zero needs no unit. `None`: not a duration, or longer than a year, which must be a mistake.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const LONGEST_MS: u64 = 366 * 86_400_000;
    let ms = scaled(text, &DURATION_UNITS)?;
    (ms <= LONGEST_MS).then(|| Duration::from_millis(ms))
}

/// Parses a size. Only zero needs no unit. `None`: not a size.
pub(super) fn size(text: &str) -> Option<usize> {
    scaled(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok())
}

pub(super) fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 { "0s".to_owned() } else { unscaled(ms, &DURATION_UNITS) }
}

pub(super) fn show_size(bytes: usize) -> String {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if bytes == 0 { "0B".to_owned() } else { unscaled(bytes, &SIZE_UNITS) }
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    if unit.is_empty() {
        return (number == 0).then_some(0);
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.checked_mul(*factor)
}

fn unscaled(value: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| value.is_multiple_of(*factor))
        .map_or_else(|| value.to_string(), |(unit, factor)| format!("{}{unit}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        let cases = [
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("2 s", Some(2000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("30", None),
            ("", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("30 parsecs", None),
            ("64MiB", None),
            ("1m30s", None),
            ("400d", None),
            ("99999999999999999999s", None),
            ("9999999999999999999d", None),
        ];
        for (text, ms) in cases {
            assert_eq!(duration(text), ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        let cases = [
            ("64MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("16 KiB", Some(16 << 10)),
            ("100B", Some(100)),
            ("0", Some(0)),
            ("64", None),
            ("64MB", None),
            ("64mib", None),
            ("1.5MiB", None),
            ("30s", None),
            ("99999999999GiB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        for ms in [0, 1, 250, 1000, 1500, 30_000, 90_000, 3_600_000, 86_400_000] {
            let value = Duration::from_millis(ms);
            assert_eq!(duration(&show_duration(value)), Some(value), "{ms}");
        }
        for bytes in [0, 1, 1023, 1024, 64 << 20, 512 << 20, 3 << 30] {
            assert_eq!(size(&show_size(bytes)), Some(bytes), "{bytes}");
        }
        assert_eq!(show_duration(Duration::from_secs(30)), "30s");
        assert_eq!(show_size(512 << 20), "512MiB");
    }
}
