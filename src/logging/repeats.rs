//! Filters repeated warnings: the first is logged at once, those that follow within a while only as a count.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The time for which repetitions are counted before the count is logged.
const WINDOW: Duration = Duration::from_secs(10);
/// Most different lines that are remembered at a time; further ones are all logged.
const LINES: usize = 256;
/// The target of the counts, which are not filtered.
const TARGET: &str = "tideover::repeated";

/// Holds back warnings that repeat a recent one.
pub(super) struct RepeatFilter {
    started: Instant,
    lines: Arc<Mutex<Lines>>,
    /// Wakes the thread that logs the counts.
    counted: SyncSender<()>,
}

impl RepeatFilter {
    /// Starts the thread that logs the counts; it sleeps as long as nothing is repeated.
    pub(super) fn new() -> RepeatFilter {
        let (started, lines) = (Instant::now(), Arc::default());
        let (counted, woken) = sync_channel(1);
        let own = Arc::clone(&lines);
        let thread = std::thread::Builder::new().name("log".to_owned());
        // Without the thread only the counts are missing.
        let _ = thread.spawn(move || log_counts(started, &own, &woken));
        RepeatFilter { started, lines, counted }
    }
}

impl<S: Subscriber> Layer<S> for RepeatFilter {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || metadata.target() == TARGET {
            return true;
        }
        let mut text = LineText::default();
        event.record(&mut text);
        let is_new = lock(&self.lines).is_new(&text.whole(), self.started.elapsed());
        if !is_new {
            // If the channel is full, the thread is awake already.
            let _ = self.counted.try_send(());
        }
        is_new
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn log_counts(started: Instant, lines: &Mutex<Lines>, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        loop {
            let now = started.elapsed();
            let (due, next) = lock(lines).due(now);
            for (line, more) in due {
                warn!(target: TARGET, "{line} ... {more} more in the last {} s", WINDOW.as_secs());
            }
            let Some(next) = next else { break };
            std::thread::sleep(next.saturating_sub(now));
        }
    }
}

/// The recent lines. Times are counted from the start of the filter.
#[derive(Debug, Default)]
struct Lines(HashMap<String, Window>);

/// The time after a line was logged, in which its repetitions are counted.
#[derive(Debug)]
struct Window {
    since: Duration,
    /// Number of repetitions.
    more: u32,
}

impl Window {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= WINDOW
    }
}

impl Lines {
    /// Returns true if the line is to be logged, and remembers it; else counts it as a repetition.
    fn is_new(&mut self, line: &str, now: Duration) -> bool {
        if let Some(window) = self.0.get_mut(line).filter(|window| window.more > 0 || !window.is_over(now)) {
            window.more += 1;
            return false;
        }
        if self.0.len() >= LINES {
            self.0.retain(|_, window| window.more > 0 || !window.is_over(now));
        }
        if self.0.len() < LINES {
            self.0.insert(line.to_owned(), Window { since: now, more: 0 });
        }
        true
    }

    /// Returns the counts that are to be logged now, and the time of the next one.
    fn due(&mut self, now: Duration) -> (Vec<(String, u32)>, Option<Duration>) {
        self.0.retain(|_, window| window.more > 0 || !window.is_over(now));
        let over = self.0.iter_mut().filter(|(_, window)| window.is_over(now));
        let due = over.map(|(line, window)| {
            window.since = now;
            (line.clone(), std::mem::take(&mut window.more))
        });
        let due = due.collect();
        let next = self.0.values().filter(|window| window.more > 0).map(|window| window.since + WINDOW).min();
        (due, next)
    }
}

/// The text that identifies a line: its message and its fields.
#[derive(Default)]
struct LineText {
    message: String,
    fields: String,
}

impl LineText {
    fn whole(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for LineText {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_and_then_counted_for_as_long_as_it_comes() {
        let at = Duration::from_secs;
        let mut lines = Lines::default();
        assert!(lines.is_new("a", at(0)));
        assert_eq!(lines.due(at(1)), (vec![], None));
        assert!(lines.is_new("b", at(1)));
        (0..35).for_each(|_| assert!(!lines.is_new("a", at(2))));
        assert_eq!(lines.due(at(3)), (vec![], Some(at(10))));
        assert!(!lines.is_new("a", at(11)));
        assert_eq!(lines.due(at(11)), (vec![("a".to_owned(), 36)], None));
        // As long as the line repeats, only counts are logged.
        assert!(!lines.is_new("a", at(12)));
        assert_eq!(lines.due(at(21)), (vec![("a".to_owned(), 1)], None));
        assert_eq!(lines.due(at(31)), (vec![], None));
        assert!(lines.0.is_empty());
        assert!(lines.is_new("a", at(31)) && lines.is_new("b", at(31)));
    }

    /// Counts the logged lines.
    struct Said(Arc<std::sync::atomic::AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Said {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn only_warnings_are_held_back_and_only_where_all_of_the_line_is_the_same() {
        use tracing_subscriber::layer::SubscriberExt;
        let said = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let subscriber =
            tracing_subscriber::registry().with(Said(Arc::clone(&said))).with(RepeatFilter::new());
        tracing::subscriber::with_default(subscriber, || {
            for node in [1, 2, 1, 1, 2] {
                warn!(node, "does not answer");
                tracing::info!("another");
            }
        });
        assert_eq!(said.load(std::sync::atomic::Ordering::Relaxed), 5 + 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut lines = Lines::default();
        for index in 0..2 * LINES {
            assert!(lines.is_new(&index.to_string(), Duration::ZERO));
        }
        assert_eq!(lines.0.len(), LINES);
        assert!(lines.is_new("new", WINDOW) && lines.0.len() == 1);
    }
}
